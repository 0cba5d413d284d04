//! Writes that DynamoDB throttles, leaves half done or refuses.

use crate::common::{Row, for_millis, found, guarded, keep, row, view, write_of};
use crate::fake::{Fake, Fate, THROTTLED};
use provender_core::online::{OnlineTable, WriteSummary};
use provender_core::{Kind, OnlineStore, RequestContext};
use provender_dynamodb::WriteMode;
use std::sync::Arc;

/// A store with an empty view.
async fn empty(fake: &Fake, write_mode: WriteMode) -> (Arc<dyn OnlineStore>, Arc<OnlineTable>) {
    let view = view("stats", &["name"]);
    let store = fake
        .store(|config| {
            config.write_mode = write_mode;
            config.max_pool_connections = 1;
        })
        .await;
    store.reconcile(&keep(&[&view])).await.unwrap();
    (store, view)
}

/// 60 rows of 60 drivers: three requests of 25 items at most.
fn rows(view: &OnlineTable) -> Vec<Row> {
    (0..60).map(|id| row(view, id, 10, "x")).collect()
}

const ALL_WRITTEN: WriteSummary = WriteSummary { written: 60, stale: 0 };

#[tokio::test]
async fn items_left_unwritten_are_written_after_a_pause_and_only_those() {
    let fake = Fake::start().await;
    let (store, view) = empty(&fake, WriteMode::Overwrite).await;
    fake.script(|call| match call.before {
        0 => Fate::Partly,
        1..6 => THROTTLED,
        _ => Fate::Fine,
    });
    let write = write_of(&view, &rows(&view), RequestContext::local());
    assert_eq!(guarded(store.write(write)).await.unwrap(), ALL_WRITTEN);
    assert_eq!(fake.items("shop.stats").len(), 60);
    let sent = |call: &crate::fake::Call| call.body["RequestItems"]["shop.stats"].as_array().unwrap().len();
    let sent: Vec<_> = fake.calls("BatchWriteItem").iter().map(sent).collect();
    assert!(sent.contains(&24), "{sent:?}");
    assert_eq!(sent.iter().max(), Some(&25));
}

#[tokio::test]
async fn a_write_that_fails_says_how_much_is_written() {
    for (mode, written) in [(WriteMode::Overwrite, 26), (WriteMode::Newest, 2)] {
        let fake = Fake::start().await;
        let (store, view) = empty(&fake, mode).await;
        fake.script(|call| match (call.operation.as_str(), call.before) {
            ("BatchWriteItem", 0) | ("PutItem", 0 | 1) => Fate::Fine,
            ("BatchWriteItem", 1) => Fate::Partly,
            _ => Fate::Refused(400, "ExpiredTokenException"),
        });
        let write = write_of(&view, &rows(&view), RequestContext::local());
        let error = guarded(store.write(write)).await.unwrap_err();
        assert_eq!((error.kind(), error.get("view")), (Kind::Denied, Some("stats")), "{error}");
        assert_eq!(error.get("rows written"), Some(&*format!("at least {written} of 60")));
    }
}

#[tokio::test]
async fn a_write_that_stays_throttled_ends_with_the_deadline() {
    for (mode, fate) in [
        (WriteMode::Overwrite, THROTTLED),
        (WriteMode::Overwrite, Fate::Undone),
        (WriteMode::Newest, THROTTLED),
    ] {
        let fake = Fake::start().await;
        let (store, view) = empty(&fake, mode).await;
        fake.script(move |_| fate);
        let error = guarded(store.write(write_of(&view, &rows(&view), for_millis(300)))).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert_eq!(error.get("rows written"), Some("at least 0 of 60"));
    }
}

#[tokio::test]
async fn conditional_writes_are_tried_again_while_they_are_throttled() {
    let fake = Fake::start().await;
    let (store, view) = empty(&fake, WriteMode::Newest).await;
    fake.script(|call| if (3..8).contains(&call.before) { THROTTLED } else { Fate::Fine });
    let write = write_of(&view, &rows(&view), RequestContext::local());
    assert_eq!(guarded(store.write(write)).await.unwrap(), ALL_WRITTEN);
    assert_eq!(fake.items("shop.stats").len(), 60);
}

#[tokio::test]
async fn cut_connections_and_faults_are_tried_again() {
    let fake = Fake::start().await;
    for mode in [WriteMode::Overwrite, WriteMode::Newest] {
        for fate in [Fate::Cut, Fate::Refused(503, "ServiceUnavailable")] {
            let (store, view) = empty(&fake, mode).await;
            fake.script(move |call| if call.before == 1 { fate } else { Fate::Fine });
            let write = write_of(&view, &rows(&view), RequestContext::local());
            assert_eq!(guarded(store.write(write)).await.unwrap(), ALL_WRITTEN, "{mode:?} {fate:?}");
        }
    }
}

#[tokio::test]
async fn silence_ends_with_the_deadline_and_the_next_write_succeeds() {
    let fake = Fake::start().await;
    for mode in [WriteMode::Overwrite, WriteMode::Newest] {
        let (store, view) = empty(&fake, mode).await;
        fake.script(|_| Fate::Silence);
        let error = guarded(store.write(write_of(&view, &rows(&view), for_millis(150)))).await.unwrap_err();
        assert_eq!((error.kind(), error.get("rows written")), (Kind::Unavailable, Some("at least 0 of 60")));
        fake.script(|_| Fate::Fine);
        let write = write_of(&view, &rows(&view), RequestContext::local());
        assert_eq!(guarded(store.write(write)).await.unwrap(), ALL_WRITTEN);
        assert_eq!(
            found(&store, &view, &[59, 60], RequestContext::local()).await.unwrap(),
            ["59=x", "60=absent"]
        );
    }
}

#[tokio::test]
async fn a_view_without_a_table_is_named() {
    let fake = Fake::start().await;
    for mode in [WriteMode::Overwrite, WriteMode::Newest] {
        let (store, _) = empty(&fake, mode).await;
        let unknown = view("unheard_of", &["name"]);
        let write = write_of(&unknown, &[row(&unknown, 1, 1, "x")], RequestContext::local());
        let error = guarded(store.write(write)).await.unwrap_err();
        assert_eq!((error.kind(), error.get("table")), (Kind::NotFound, Some("shop.unheard_of")));
    }
}

#[tokio::test]
async fn a_row_too_large_keeps_the_whole_batch_out() {
    let fake = Fake::start().await;
    let (store, view) = empty(&fake, WriteMode::Overwrite).await;
    fake.script(|_| Fate::Fine);
    let mut rows = rows(&view);
    rows[40].3[0] = vec![0; 500_000];
    let error = store.write(write_of(&view, &rows, RequestContext::local())).await.unwrap_err();
    assert_eq!((error.kind(), error.get("entity")), (Kind::Invalid, Some("driver_id=40")));
    assert!(fake.calls("BatchWriteItem").is_empty());
}

#[tokio::test]
async fn a_role_that_may_not_put_items_is_told_what_it_needs() {
    let fake = Fake::start().await;
    let (store, view) = empty(&fake, WriteMode::Newest).await;
    fake.script(|_| Fate::Refused(400, "AccessDeniedException"));
    let error = store.write(write_of(&view, &rows(&view), RequestContext::local())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.get("hint").unwrap().contains("dynamodb:PutItem"), "{error}");
}
