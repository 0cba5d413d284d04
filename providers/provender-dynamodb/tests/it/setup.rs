//! Tables are made, waited for, tagged and deleted.

use crate::common::{guarded, keep, view};
use crate::fake::{Fake, Fate};
use provender_core::Kind;
use provender_core::online::{InfraChanges, OnlineTable};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn tagged(name: &str, pairs: &[(&str, &str)]) -> Arc<OnlineTable> {
    Arc::new(OnlineTable { tags: tags(pairs), ..OnlineTable::clone(&view(name, &["a"])) })
}

fn dropping(view: &Arc<OnlineTable>) -> InfraChanges {
    InfraChanges { drop: vec![Arc::clone(view)], ..InfraChanges::default() }
}

#[tokio::test]
async fn tables_are_made_as_feast_makes_them() {
    let fake = Fake::start().await;
    let golden = crate::golden::golden();
    let store = fake.store(|config| config.tags = Some(tags(&[("owner", "feast")]))).await;
    let view = OnlineTable {
        project: "interop".to_owned(),
        ..OnlineTable::clone(&tagged("driver_hourly_stats", &[("team", "drv")]))
    };
    let view = Arc::new(view);
    guarded(store.reconcile(&keep(&[&view]))).await.unwrap();
    let made = fake.calls("CreateTable").remove(0).body;
    let expected = &golden["tables"]["interop.driver_hourly_stats"];
    assert_eq!(made["TableName"], "interop.driver_hourly_stats");
    assert_eq!(made["KeySchema"], expected["KeySchema"]);
    assert_eq!(made["AttributeDefinitions"], expected["AttributeDefinitions"]);
    assert_eq!(made["BillingMode"], expected["Billing"]["BillingMode"]);
    assert_eq!(made["Tags"], expected["tags"]);
}

#[tokio::test]
async fn tables_without_tags_are_made_without_the_right_to_tag() {
    let fake = Fake::start().await;
    let store = fake.store(|_| {}).await;
    guarded(store.reconcile(&keep(&[&view("stats", &["a"])]))).await.unwrap();
    assert!(fake.calls("CreateTable")[0].body.get("Tags").is_none());
    for operation in ["ListTagsOfResource", "TagResource", "UntagResource"] {
        assert!(fake.calls(operation).is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn tables_are_waited_for_while_they_are_made_or_deleted() {
    let fake = Fake::start().await;
    let store = fake.store(|_| {}).await;
    let (young, dying) = (view("young", &["a"]), view("dying", &["a"]));
    fake.statuses("shop.young", &["gone", "gone", "CREATING", "CREATING", "ACTIVE"]);
    fake.statuses("shop.dying", &["DELETING", "gone", "CREATING", "ACTIVE"]);
    guarded(store.reconcile(&keep(&[&young, &dying]))).await.unwrap();
    let looks = |table: &str| {
        fake.calls("DescribeTable").iter().filter(|call| call.body["TableName"] == json!(table)).count()
    };
    assert_eq!((looks("shop.young"), looks("shop.dying")), (5, 4));
    assert_eq!(fake.calls("CreateTable").len(), 2);

    fake.statuses("shop.young", &["ACTIVE", "DELETING", "DELETING", "gone"]);
    guarded(store.reconcile(&dropping(&young))).await.unwrap();
    assert_eq!(looks("shop.young"), 9);
    assert_eq!(fake.calls("DeleteTable").len(), 1);
}

#[tokio::test]
async fn somebody_else_may_make_or_delete_a_table_at_the_same_time() {
    let fake = Fake::start().await;
    let store = fake.store(|_| {}).await;
    let view = view("stats", &["a"]);
    fake.script(|call| match call.operation.as_str() {
        "CreateTable" | "DeleteTable" => Fate::Refused(400, "ResourceInUseException"),
        _ => Fate::Fine,
    });
    fake.statuses("shop.stats", &["gone", "CREATING", "ACTIVE"]);
    guarded(store.reconcile(&keep(&[&view]))).await.unwrap();
    fake.statuses("shop.stats", &["ACTIVE", "DELETING", "gone"]);
    guarded(store.reconcile(&dropping(&view))).await.unwrap();
}

#[tokio::test]
async fn tags_follow_the_definitions_and_are_left_alone_when_they_agree() {
    let fake = Fake::start().await;
    let store = fake.store(|config| config.tags = Some(tags(&[("owner", "ml"), ("env", "prod")]))).await;
    guarded(store.reconcile(&keep(&[&tagged("stats", &[("team", "a"), ("old", "1")])]))).await.unwrap();
    guarded(store.reconcile(&keep(&[&tagged("stats", &[("team", "b"), ("env", "test")])]))).await.unwrap();
    assert_eq!(fake.tags("shop.stats"), tags(&[("owner", "ml"), ("env", "test"), ("team", "b")]));
    let changes = || (fake.calls("TagResource").len(), fake.calls("UntagResource").len());
    assert_eq!(changes(), (1, 1));
    guarded(store.reconcile(&keep(&[&tagged("stats", &[("team", "b"), ("env", "test")])]))).await.unwrap();
    assert_eq!(changes(), (1, 1));
    // Nobody wants tags any more: those that are there may be somebody else's.
    let store = fake.store(|_| {}).await;
    guarded(store.reconcile(&keep(&[&view("stats", &["a"])]))).await.unwrap();
    assert_eq!(changes(), (1, 1));
}

#[tokio::test]
async fn roles_without_the_right_to_tag_or_delete_still_apply() {
    let fake = Fake::start().await;
    let store = fake.store(|config| config.tags = Some(tags(&[("owner", "ml")]))).await;
    fake.put("shop.stats", []);
    for denied in ["ListTagsOfResource", "TagResource", "DeleteTable"] {
        fake.script(move |call| match call.operation == denied {
            true => Fate::Refused(400, "AccessDeniedException"),
            false => Fate::Fine,
        });
        guarded(store.reconcile(&keep(&[&view("stats", &["a"])]))).await.unwrap();
        guarded(store.reconcile(&dropping(&view("gone", &["a"])))).await.unwrap();
    }
    guarded(store.reconcile(&dropping(&view("stats", &["a"])))).await.unwrap();
    assert!(fake.items("shop.stats").is_empty());
}

#[tokio::test]
async fn a_role_without_the_right_to_make_tables_is_denied() {
    let fake = Fake::start().await;
    let store = fake.store(|_| {}).await;
    fake.script(|call| match call.operation.as_str() {
        "CreateTable" => Fate::Refused(400, "AccessDeniedException"),
        _ => Fate::Fine,
    });
    let error = guarded(store.reconcile(&keep(&[&view("stats", &["a"])]))).await.unwrap_err();
    assert_eq!((error.kind(), error.get("table")), (Kind::Denied, Some("shop.stats")));
}

#[tokio::test]
async fn a_table_of_somebody_else_is_not_taken_over() {
    let fake = Fake::start().await;
    let store = fake.store(|_| {}).await;
    fake.statuses("shop.stats", &["foreign"]);
    let error = guarded(store.reconcile(&keep(&[&view("stats", &["a"])]))).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.get("view"), error.get("key")),
        (Kind::Invalid, Some("stats"), Some("id"))
    );
    assert!(error.get("expected").unwrap().contains("entity_id"), "{error}");
}

#[tokio::test]
async fn looking_at_tables_goes_on_when_it_is_throttled() {
    let fake = Fake::start().await;
    let store = fake.store(|_| {}).await;
    fake.script(|call| match call.before {
        0..5 if call.operation == "DescribeTable" => Fate::Refused(400, "ThrottlingException"),
        _ => Fate::Fine,
    });
    guarded(store.reconcile(&keep(&[&view("stats", &["a"])]))).await.unwrap();
    assert_eq!(fake.calls("CreateTable").len(), 1);
}
