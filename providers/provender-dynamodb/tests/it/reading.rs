//! Reads that fail in every way that DynamoDB has: a value, or an error, never "not there" for what was not read.

use crate::common::{for_millis, found, guarded, keep, read_of, row, string, view, write_of};
use crate::fake::{Fake, Fate, THROTTLED, item};
use provender_core::online::{OnlineRead, OnlineTable};
use provender_core::{Error, Kind, OnlineStore, RequestContext};
use provender_dynamodb::DynamodbConfig;
use serde_json::json;
use std::sync::Arc;

/// A store whose view has the drivers 1 to 5, `a` to `e`, read in requests of two.
async fn drivers(
    fake: &Fake,
    settings: impl FnOnce(&mut DynamodbConfig),
) -> (Arc<dyn OnlineStore>, Arc<OnlineTable>) {
    let view = view("stats", &["name"]);
    let store = fake
        .store(|config| {
            config.batch_size = 2;
            settings(config);
        })
        .await;
    store.reconcile(&keep(&[&view])).await.unwrap();
    let rows: Vec<_> =
        (1..).zip(["a", "b", "c", "d", "e"]).map(|(id, name)| row(&view, id, 10, name)).collect();
    store.write(write_of(&view, &rows, RequestContext::local())).await.unwrap();
    (store, view)
}

const ALL: [i64; 6] = [1, 2, 3, 4, 5, 6];
const FOUND: [&str; 6] = ["1=a", "2=b", "3=c", "4=d", "5=e", "6=absent"];

async fn refused(store: &Arc<dyn OnlineStore>, view: &Arc<OnlineTable>, context: RequestContext) -> Error {
    found(store, view, &ALL, context).await.unwrap_err()
}

#[tokio::test]
async fn throttled_batches_are_read_after_a_pause() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |_| {}).await;
    // More often than the SDK tries by itself.
    fake.script(|call| if (1..9).contains(&call.before) { THROTTLED } else { Fate::Fine });
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
}

#[tokio::test]
async fn keys_left_unread_are_asked_for_again_and_only_those() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |config| config.batch_size = 100).await;
    fake.script(|call| if call.before < 3 { Fate::Partly } else { Fate::Fine });
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
    let asked =
        |call: &crate::fake::Call| call.body["RequestItems"]["shop.stats"]["Keys"].as_array().unwrap().len();
    assert_eq!(fake.calls("BatchGetItem").iter().map(asked).collect::<Vec<_>>(), [6, 5, 4, 3]);
}

#[tokio::test]
async fn keys_that_stay_unread_are_an_error_and_not_absent() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |_| {}).await;
    for fate in [Fate::Undone, THROTTLED] {
        fake.script(move |call| {
            if call.body.to_string().contains("shop.stats") && call.before > 0 { fate } else { Fate::Fine }
        });
        let error = refused(&store, &view, for_millis(700)).await;
        assert_eq!((error.kind(), error.get("view")), (Kind::Unavailable, Some("stats")), "{error}");
    }
    fake.script(|_| Fate::Fine);
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
}

#[tokio::test]
async fn connections_cut_in_the_middle_of_an_answer_are_tried_again() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |_| {}).await;
    fake.script(|call| if call.before == 1 { Fate::Cut } else { Fate::Fine });
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
    fake.script(|_| Fate::Cut);
    let error = refused(&store, &view, RequestContext::local()).await;
    assert_eq!((error.kind(), error.get("table")), (Kind::Unavailable, Some("shop.stats")), "{error}");
    fake.script(|_| Fate::Fine);
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
}

#[tokio::test]
async fn faults_of_the_service_are_tried_again_as_often_as_is_set() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |config| {
        config.batch_size = 100;
        config.total_max_retry_attempts = Some(2);
    })
    .await;
    let broken = Fate::Refused(500, "InternalServerError");
    fake.script(move |call| if call.before == 0 { broken } else { Fate::Fine });
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
    fake.script(move |_| broken);
    let error = refused(&store, &view, RequestContext::local()).await;
    assert_eq!(
        (error.kind(), error.get("code")),
        (Kind::Unavailable, Some("InternalServerError")),
        "{error}"
    );
    assert_eq!(fake.calls("BatchGetItem").len(), 2);
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |_| {}).await;
    fake.script(|_| Fate::Silence);
    let error = refused(&store, &view, for_millis(150)).await;
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("deadline"), "{error}");
    fake.script(|_| Fate::Fine);
    assert_eq!(found(&store, &view, &ALL, RequestContext::local()).await.unwrap(), FOUND);
}

#[tokio::test]
async fn silence_without_a_deadline_ends_with_the_read_timeout() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |config| {
        config.read_timeout = 0.1;
        config.total_max_retry_attempts = Some(2);
    })
    .await;
    fake.script(|_| Fate::Silence);
    let error = refused(&store, &view, RequestContext::local()).await;
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(error.to_string().contains("did not answer in time"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let view = view("stats", &["name"]);
    // Nothing listens on port 1.
    let config = crate::local::at("http://127.0.0.1:1".to_owned());
    let store =
        provender_dynamodb::Dynamodb::open_with(config, &crate::local::credentials("dummy")).await.unwrap();
    let error = refused(&store, &view, RequestContext::local()).await;
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

#[tokio::test]
async fn credentials_that_have_run_out_are_denied_with_a_hint() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |_| {}).await;
    for code in ["ExpiredTokenException", "UnrecognizedClientException"] {
        fake.script(move |_| Fate::Refused(400, code));
        let error = refused(&store, &view, RequestContext::local()).await;
        assert_eq!((error.kind(), error.get("code")), (Kind::Denied, Some(code)));
        assert!(error.get("hint").unwrap().contains("AWS_PROFILE"), "{error}");
    }
    fake.script(|_| Fate::Refused(400, "AccessDeniedException"));
    assert_eq!(refused(&store, &view, RequestContext::local()).await.kind(), Kind::Denied);
}

#[tokio::test]
async fn the_view_without_a_table_is_named() {
    let fake = Fake::start().await;
    let (store, known) = drivers(&fake, |_| {}).await;
    let unknown = view("unheard_of", &["name"]);
    let views = [&known, &unknown].map(|view| read_of(view, [1], RequestContext::local()).views.remove(0));
    let request = OnlineRead { views: views.into(), context: RequestContext::local() };
    let error = guarded(store.read(&request)).await.unwrap_err();
    assert_eq!((error.kind(), error.get("view")), (Kind::NotFound, Some("unheard_of")));
    assert!(error.to_string().contains("apply"), "{error}");
    // A role that may read items may not be allowed to look at tables.
    fake.script(|call| match call.operation.as_str() {
        "DescribeTable" => Fate::Refused(400, "AccessDeniedException"),
        _ => Fate::Fine,
    });
    let error = guarded(store.read(&request)).await.unwrap_err();
    assert_eq!((error.kind(), error.get("view")), (Kind::NotFound, Some("stats, unheard_of")));
}

#[tokio::test]
async fn views_share_requests_and_batches_run_at_once() {
    let fake = Fake::start().await;
    let (store, stats) = drivers(&fake, |config| config.batch_size = 100).await;
    let other = view("other", &["a", "b"]);
    store.reconcile(&keep(&[&other])).await.unwrap();
    store.write(write_of(&other, &[row(&other, 1, 5, "o")], RequestContext::local())).await.unwrap();
    fake.script(|_| Fate::Fine);
    let views = [&stats, &other, &stats]
        .map(|view| read_of(view, [1, 1, 2], RequestContext::local()).views.remove(0));
    let request = OnlineRead { views: views.into(), context: RequestContext::local() };
    let rows = guarded(store.read(&request)).await.unwrap();
    assert_eq!(rows.views[1].cell(1, 1), Some(&string("o")[..]));
    assert_eq!(rows.views[2].cell(2, 0), Some(&string("b")[..]));
    let calls = fake.calls("BatchGetItem");
    assert_eq!(calls.len(), 1);
    for table in ["shop.stats", "shop.other"] {
        assert_eq!(calls[0].body["RequestItems"][table]["Keys"].as_array().unwrap().len(), 2, "{table}");
    }
    // All three requests of a read are under way before any is answered.
    let (store, stats) = drivers(&fake, |_| {}).await;
    fake.script(|call| if call.before < 3 { Fate::Silence } else { Fate::Fine });
    refused(&store, &stats, for_millis(1000)).await;
    assert_eq!(fake.calls("BatchGetItem").len(), 3);
}

#[tokio::test]
async fn reads_are_as_consistent_as_is_set() {
    let fake = Fake::start().await;
    for consistent in [false, true] {
        let (store, view) = drivers(&fake, |config| config.consistent_reads = consistent).await;
        fake.script(|_| Fate::Fine);
        found(&store, &view, &[1], RequestContext::local()).await.unwrap();
        let call = fake.calls("BatchGetItem").remove(0);
        assert_eq!(call.body["RequestItems"]["shop.stats"]["ConsistentRead"], json!(consistent));
    }
}

#[tokio::test]
async fn items_that_are_none_of_the_layout_are_told_and_not_skipped() {
    let fake = Fake::start().await;
    let (store, view) = drivers(&fake, |_| {}).await;
    let id = fake.items("shop.stats").into_iter().map(|item| item["entity_id"]["S"].clone()).next().unwrap();
    let whole = item(id.as_str().unwrap(), "2026-11-20 09:00:00+00:00", &[("name", &string("x"))]);
    for (attribute, value, what) in [
        ("event_ts", json!({"N": "5"}), "event_ts is not a time"),
        ("event_ts", json!({"S": "soon"}), "event_ts is not a time"),
        ("values", json!({"S": "x"}), "values is not a map"),
        ("values", json!({"M": {"name": {"S": "x"}}}), "a value is not binary"),
    ] {
        let mut item = whole.clone();
        item[attribute] = value;
        fake.put("shop.stats", [item]);
        let error = refused(&store, &view, RequestContext::local()).await;
        assert_eq!((error.kind(), error.get("entity_id")), (Kind::Internal, id.as_str()), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
}
