mod model;
mod recorded;

use super::*;
use crate::testing::*;
use provender_core::config::{OnlineTtl, RepoConfig};
use provender_core::model::FeatureView;
use provender_core::{Kind, RequestContext, ValueType};
use std::borrow::Cow;

fn query<'a>(features: &[&str], entities: Vec<(&'a str, Vec<EntityValue<'a>>)>) -> OnlineQuery<'a> {
    OnlineQuery {
        features: FeaturesRef::List(features.iter().map(|f| Cow::Owned((*f).to_owned())).collect()),
        entities: entities.into_iter().map(|(name, values)| (Cow::Borrowed(name), values)).collect(),
        full_feature_names: false,
        context: RequestContext::local(),
    }
}

fn drivers(ids: &[i64]) -> Vec<(&'static str, Vec<EntityValue<'static>>)> {
    vec![("driver_id", ids.iter().map(|id| EntityValue::Int(*id)).collect())]
}

fn text(value: &str) -> EntityValue<'_> {
    EntityValue::Text(Cow::Borrowed(value))
}

fn json(answer: &OnlineAnswer) -> String {
    let mut out = Vec::new();
    answer.write_json(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn statuses(answer: &OnlineAnswer, column: usize) -> Vec<Status> {
    (0..answer.rows()).map(|row| answer.cell(column, row).status).collect()
}

/// A view with a ttl of a day, and driver 1 written an hour ago, driver 2 two days ago, driver 3 an hour ago with a null.
async fn aged(config: RepoConfig) -> World {
    let stats = view("stats", &[("driver_id", ValueType::INT64)], &[("f", ValueType::DOUBLE)]);
    let world = World::with(
        vec![object(FeatureView { ttl: Some(DAY), ..stats })],
        config,
        Arc::new(provender_core::memory::MemoryOnline::new()),
    )
    .await;
    let now = Timestamp::now().0;
    let ago = |hours: i64| (now - hours * 3_600_000_000) * 1_000;
    let rows = batch(vec![
        ("driver_id", ints(&[1, 2, 3])),
        ("event_timestamp", ints(&[ago(1), ago(48), ago(1)])),
        ("created", ints(&[ago(1), ago(48), ago(1)])),
        ("f", doubles(&[Some(0.5), Some(f64::NAN), None])),
    ]);
    world.store.write_to_online_store("stats", rows, RequestContext::local()).await.unwrap();
    world
}

async fn aged_answer(config: RepoConfig) -> OnlineAnswer {
    aged(config).await.store.online(query(&["stats:f"], drivers(&[1, 2, 3, 4]))).await.unwrap()
}

#[tokio::test]
async fn every_value_carries_an_honest_status() {
    use Status::{NotFound, NullValue, OutsideMaxAge, Present};
    let answer = aged_answer(config()).await;
    assert_eq!(statuses(&answer, 1), [Present, OutsideMaxAge, NullValue, NotFound]);
    assert!(answer.cell(1, 1).value.is_empty());
    assert_ne!(answer.cell(1, 1).time, Timestamp(0));
    assert_eq!(answer.cell(1, 3).time, Timestamp(0));
    assert!(json(&answer).contains(
        r#"{"values":[0.5,null,null,null],"statuses":["PRESENT","OUTSIDE_MAX_AGE","NULL_VALUE","NOT_FOUND"]"#
    ));
}

#[tokio::test]
async fn what_is_served_is_counted_by_view() {
    let world = aged(config()).await;
    assert!(world.store.served_views().is_empty());
    let ask = async || world.store.online(query(&["stats:f"], drivers(&[1, 2, 3, 4, 1]))).await.unwrap();
    ask().await.write_json(&mut Vec::new()).unwrap();
    let served = world.store.served_views();
    assert_eq!((served.len(), served[0].view.as_str(), served[0].statuses), (1, "stats", [2, 1, 1, 1]));
    let newest = ask().await.cell(1, 0).time;
    assert_eq!(served[0].newest, Some(newest), "rows that were not found have no age");
    ask().await.write_proto(&mut Vec::new());
    assert_eq!(world.store.served_views()[0].statuses, [4, 2, 2, 2]);
    ask().await.count();
    assert_eq!(world.store.served_views()[0].statuses, [6, 3, 3, 3]);
    assert!(world.store.refresh().await.is_ok());
    assert_eq!(world.store.served_views()[0].statuses, [6, 3, 3, 3]);
}

#[tokio::test]
async fn an_expired_value_is_reported_or_ignored_as_configured() {
    use Status::{NotFound, NullValue, OutsideMaxAge, Present};
    let answer = aged_answer(RepoConfig { online_ttl: OnlineTtl::Report, ..config() }).await;
    assert_eq!(statuses(&answer, 1), [Present, OutsideMaxAge, NullValue, NotFound]);
    assert!(!answer.cell(1, 1).value.is_empty());
    let answer = aged_answer(RepoConfig { online_ttl: OnlineTtl::Ignore, ..config() }).await;
    assert_eq!(statuses(&answer, 1), [Present, Present, NullValue, NotFound]);
}

#[tokio::test]
async fn compat_feast_calls_nulls_present_and_refuses_nan() {
    use Status::{NotFound, Present};
    let config = RepoConfig { online_ttl: OnlineTtl::Ignore, compat_feast: true, ..config() };
    let answer = aged_answer(config).await;
    assert_eq!(statuses(&answer, 1), [Present, Present, Present, NotFound]);
    let error = answer.write_json(&mut Vec::new()).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (Kind::Internal, "Out of range float values are not JSON compliant")
    );
}

#[tokio::test]
async fn columns_follow_the_request() {
    let world = interop(config()).await;
    let features =
        ["driver_hourly_stats:conv_rate", "driver_push_stats:lat", "driver_hourly_stats:avg_daily_trips"];
    let entities = vec![
        ("foo", vec![EntityValue::Null]),
        ("customer_id", vec![text("c1")]),
        ("driver_id", vec![EntityValue::Float(1001.0)]),
    ];
    let answer = world.store.online(query(&features, entities)).await.unwrap();
    let names: Vec<&str> = answer.names().collect();
    assert_eq!(names, ["customer_id", "driver_id", "conv_rate", "lat", "avg_daily_trips"]);
    assert!(json(&answer).starts_with(r#"{"results":[{"values":["c1"],"#));
    assert!(json(&answer).ends_with(
        r#""metadata":{"feature_names":["customer_id","driver_id","conv_rate","lat","avg_daily_trips"]}}"#
    ));
}

#[tokio::test]
async fn a_request_without_entities_reads_entityless_views_once() {
    let world = interop(RepoConfig { online_ttl: OnlineTtl::Ignore, ..config() }).await;
    let answer = world.store.online(query(&["global_stats:fx_rate"], Vec::new())).await.unwrap();
    assert_eq!(
        json(&answer),
        r#"{"results":[{"values":[1.2],"statuses":["PRESENT"],"event_timestamps":["2026-11-20T07:00:00Z"]}],"metadata":{"feature_names":["fx_rate"]}}"#
    );
    let unknown = vec![("foo", vec![EntityValue::Int(1), EntityValue::Int(2)])];
    let answer = world.store.online(query(&["global_stats:fx_rate"], unknown)).await.unwrap();
    assert_eq!((answer.rows(), answer.names().len()), (2, 1));
}

#[tokio::test]
async fn bad_requests_say_what_is_wrong() {
    let world = interop(config()).await;
    let fails = async |entities: Vec<(&'static str, Vec<EntityValue<'static>>)>| {
        let error =
            world.store.online(query(&["driver_hourly_stats:conv_rate"], entities)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        error.to_string()
    };
    assert_eq!(
        fails(vec![("customer_id", vec![text("c1")])]).await,
        "Missing join key values for keys: ['driver_id']. Provided join_key_values: ['customer_id']"
    );
    assert_eq!(
        fails(vec![("driver_id", vec![EntityValue::Int(1), EntityValue::Null])]).await,
        "the value of join key driver_id is null (row: 1)"
    );
    assert_eq!(
        fails(vec![("driver_id", vec![EntityValue::Int(1), text("abc")])]).await,
        "a value does not fit the type of its join key (join key: driver_id, value: \"abc\", expected: Int64, row: 1)"
    );
    assert_eq!(fails(vec![("driver_id", Vec::new())]).await, "the request has no entity rows");
    let unequal = vec![("driver_id", vec![EntityValue::Int(1)]), ("customer_id", Vec::new())];
    assert_eq!(fails(unequal).await, "All entity rows must have the same columns.");
}

#[tokio::test]
async fn views_that_are_not_served_are_refused() {
    let offline = view("fv", &[("driver_id", ValueType::INT64)], &[("f", ValueType::DOUBLE)]);
    let world = World::new(vec![object(FeatureView { online: false, ..offline })]).await;
    let error = world.store.online(query(&["fv:f"], drivers(&[1]))).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Invalid, "Feature view fv is not served online"));
}

#[tokio::test]
async fn a_view_that_was_never_set_up_is_an_error_and_not_absent_rows() {
    let world = World::new(Vec::new()).await;
    let registry_only = view("fv", &[("driver_id", ValueType::INT64)], &[("f", ValueType::DOUBLE)]);
    let put =
        provender_core::registry::Change::Put { project: PROJECT.into(), object: object(registry_only) };
    let (version, _) = world.registry.snapshot().await.unwrap();
    world.registry.commit(&version, &[put]).await.unwrap();
    let error = world.store.online(query(&["fv:f"], drivers(&[1]))).await.unwrap_err();
    assert_eq!((error.kind(), error.get("view")), (Kind::NotFound, Some("fv")));
}

#[tokio::test]
async fn plans_go_with_the_registry_they_were_made_from() {
    let with = |feature: &str| {
        let features = [("f", ValueType::DOUBLE), (feature, ValueType::DOUBLE)];
        object(view("fv", &[("driver_id", ValueType::INT64)], &features))
    };
    let world = World::new(vec![with("old")]).await;
    let ask = async |feature: &'static str| {
        world.store.online(query(&[feature], drivers(&[1]))).await.map(|answer| answer.rows())
    };
    assert_eq!(ask("fv:old").await.unwrap(), 1);
    assert_eq!(ask("fv:f").await.unwrap(), 1);
    assert_eq!(world.store.cached().await.unwrap().plans.len(), 2);

    world.apply(vec![with("new")]).await;
    assert!(ask("fv:new").await.is_err(), "requests must not read the registry");
    assert!(world.store.refresh().await.unwrap());
    assert_eq!(world.store.cached().await.unwrap().plans.len(), 0);
    assert_eq!(ask("fv:new").await.unwrap(), 1);
    assert_eq!(ask("fv:old").await.unwrap_err().kind(), Kind::NotFound);
    assert!(!world.store.refresh().await.unwrap());
    assert_eq!(world.store.cached().await.unwrap().plans.len(), 1);
}

#[tokio::test]
async fn made_up_feature_lists_do_not_fill_the_memory() {
    let names: Vec<String> = (0..40).map(|i| format!("f{i}")).collect();
    let features: Vec<(&str, ValueType)> = names.iter().map(|n| (n.as_str(), ValueType::DOUBLE)).collect();
    let world = World::new(vec![object(view("fv", &[("driver_id", ValueType::INT64)], &features))]).await;
    for a in &names {
        for b in names.iter().filter(|b| *b != a) {
            let asked = [format!("fv:{a}"), format!("fv:{b}")];
            let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
            world.store.online(query(&asked, drivers(&[1]))).await.unwrap();
        }
    }
    let plans = world.store.cached().await.unwrap().plans.len();
    assert!((1..=1_024).contains(&plans), "{plans}");
}

#[tokio::test]
async fn without_an_online_store_the_setting_is_named() {
    let stats = view("fv", &[("driver_id", ValueType::INT64)], &[("f", ValueType::DOUBLE)]);
    let world = World::new(vec![object(stats)]).await;
    let store = FeatureStore::new(config(), world.registry, Vec::new(), None);
    let error = store.online(query(&["fv:f"], drivers(&[1]))).await.unwrap_err();
    assert_eq!(error.get("field"), Some("online_store"));
}
