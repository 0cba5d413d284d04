use super::*;
use crate::testing::*;
use crate::{EntityValue, Features, OnlineQuery, Status};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, Float64Array, Int32Array, TimestampNanosecondArray};
use arrow_schema::DataType;
use futures::TryStreamExt;
use provender_core::offline::{KeyColumn, RangeRequest};
use provender_core::{OfflineStore, Timestamp, ValueType};

const KEY: (&str, ValueType) = ("driver_id", ValueType::INT64);

fn push_source(batch: DataSource) -> DataSource {
    let mut push = DataSource::new("inlet", SourceKind::Push { batch: Some(Box::new(batch.clone())) });
    push.timestamp_field = batch.timestamp_field;
    push
}

/// A view fed by `inlet`, whose source stores `lat_column` for the feature `lat`.
fn fed(name: &str) -> FeatureView {
    let mut stored = source("kept", true);
    stored.field_mapping.insert("lat_column".into(), "lat".into());
    FeatureView {
        stream_source: Some(push_source(stored.clone())),
        batch_source: Some(stored),
        ..view(name, &[KEY], &[("lat", ValueType::DOUBLE), ("rating", ValueType::INT32)])
    }
}

/// What the source holds: narrower types than the pushed ones, times of another unit, a column that no view declares.
fn kept() -> RecordBatch {
    let time = || {
        let nanos = TimestampNanosecondArray::from(vec![Some(1_000)]);
        Arc::new(nanos.with_timezone("UTC")) as arrow_array::ArrayRef
    };
    batch(vec![
        ("driver_id", Arc::new(Int32Array::from(vec![1]))),
        ("event_timestamp", time()),
        ("created", time()),
        ("lat_column", Arc::new(Float64Array::from(vec![0.5]))),
        ("rating", Arc::new(Int32Array::from(vec![3]))),
        ("note", texts(&["old"])),
    ])
}

async fn world(views: Vec<FeatureView>) -> World {
    let world = World::new(views.into_iter().map(object).collect()).await;
    world.offline.insert("kept", &[kept()]).unwrap();
    world
}

fn rows() -> RecordBatch {
    batch(vec![
        ("driver_id", ints(&[Some(7), None])),
        ("event_timestamp", texts(&["2026-11-20T10:00:00Z", "2026-11-20 10:00"])),
        ("created", texts(&["2026-11-20T10:00:00Z"; 2])),
        ("lat", doubles(&[7.5, 8.5])),
        ("rating", ints(&[2, 4])),
    ])
}

fn without(rows: &RecordBatch, name: &str) -> RecordBatch {
    let kept: Vec<usize> =
        (0..rows.num_columns()).filter(|i| rows.schema().field(*i).name() != name).collect();
    rows.project(&kept).unwrap()
}

fn with(rows: &RecordBatch, name: &str, column: arrow_array::ArrayRef) -> RecordBatch {
    let schema = rows.schema();
    let mut columns: Vec<_> =
        schema.fields().iter().map(|f| f.name().as_str()).zip(rows.columns().iter().cloned()).collect();
    columns.retain(|(n, _)| *n != name);
    columns.push((name, column));
    batch(columns)
}

async fn push(world: &World, rows: RecordBatch, to: PushTarget) -> Result<PushReport> {
    world.store.push("inlet", rows, to, RequestContext::local()).await
}

async fn served(world: &World, view: &str) -> (Status, Timestamp) {
    let query = OnlineQuery {
        features: Features::List(vec![format!("{view}:rating")]).into(),
        entities: vec![("driver_id".into(), vec![EntityValue::Int(7)])],
        full_feature_names: false,
        context: RequestContext::local(),
    };
    let cell = world.store.online(query).await.unwrap();
    (cell.cell(1, 0).status, cell.cell(1, 0).time)
}

/// All rows of the source, as they are stored.
async fn stored(world: &World) -> RecordBatch {
    let all =
        |name: &str| KeyColumn { name: name.into(), column: name.into(), value_type: ValueType::UNKNOWN };
    let request = RangeRequest {
        source: source("kept", true),
        keys: ["driver_id", "lat_column", "rating", "note"].map(all).into(),
        features: Vec::new(),
        event_column: "event_timestamp".into(),
        created_column: None,
        start: Timestamp(i64::MIN),
        end: Timestamp(i64::MAX),
        context: RequestContext::local(),
    };
    let scan = world.offline.range(request).await.unwrap();
    let batches: Vec<RecordBatch> = scan.batches.try_collect().await.unwrap();
    arrow_select::concat::concat_batches(&scan.schema, &batches).unwrap()
}

#[tokio::test]
async fn pushed_rows_are_served_by_every_view_that_the_source_feeds() {
    let world = world(vec![fed("a"), fed("b"), FeatureView { stream_source: None, ..fed("c") }]).await;
    let report = push(&world, rows(), PushTarget::Online).await.unwrap();
    assert_eq!((report.online.written, report.offline, report.null_keys), (2, 0, 2));
    let at = instant("2026-11-20T10:00:00Z");
    assert_eq!(served(&world, "a").await, (Status::Present, at));
    assert_eq!(served(&world, "b").await, (Status::Present, at));
    assert_eq!(served(&world, "c").await.0, Status::NotFound);
    assert_eq!(stored(&world).await.num_rows(), 1);
}

#[tokio::test]
async fn offline_rows_get_the_stored_names_and_types_once_a_source() {
    let world = world(vec![fed("a"), fed("b")]).await;
    let report = push(&world, rows(), PushTarget::Offline).await.unwrap();
    assert_eq!((report.online.written, report.offline, report.null_keys), (0, 2, 0));
    let stored = stored(&world).await;
    assert_eq!(
        stored["driver_id"].as_primitive::<Int32Type>().iter().collect::<Vec<_>>(),
        [Some(1), Some(7), None]
    );
    assert_eq!(stored["rating"].as_primitive::<Int32Type>().values(), &[3, 2, 4]);
    assert_eq!(stored["lat_column"].data_type(), &DataType::Float64);
    assert_eq!(stored["note"].null_count(), 2);
    assert_eq!(served(&world, "a").await.0, Status::NotFound);
}

#[tokio::test]
async fn both_targets_are_checked_before_either_is_written() {
    let world = world(vec![fed("a")]).await;
    // Fits online, where integers are wide enough, and not offline.
    let wide = with(&rows(), "driver_id", ints(&[7, 5_000_000_000]));
    let error = push(&world, wide, PushTarget::OnlineAndOffline).await.unwrap_err();
    assert_eq!((error.get("source"), error.get("column")), (Some("kept"), Some("driver_id")));
    // Fits offline and not online.
    let keyed = with(&rows(), "event_timestamp", texts(&[Some("2026-11-20"), None]));
    let error = push(&world, keyed, PushTarget::OnlineAndOffline).await.unwrap_err();
    assert_eq!((error.message(), error.get("row")), ("a row has no event time", Some("1")));
    assert_eq!(served(&world, "a").await.0, Status::NotFound);
    assert_eq!(stored(&world).await.num_rows(), 1);
    let report = push(&world, rows(), PushTarget::OnlineAndOffline).await.unwrap();
    assert_eq!((report.online.written, report.offline, report.null_keys), (1, 2, 1));
}

#[tokio::test]
async fn missing_columns_are_named_all_at_once() {
    let world = world(vec![fed("a")]).await;
    let lacking = without(&without(&without(&rows(), "rating"), "created"), "driver_id");
    let error = push(&world, lacking, PushTarget::Online).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rows lack columns of the view: driver_id, rating, created (view: a, columns: event_timestamp, lat)"
    );
    let error = push(&world, without(&rows(), "rating"), PushTarget::Offline).await.unwrap_err();
    assert_eq!(error.message(), "the rows lack the column rating of the source");
}

#[tokio::test]
async fn unknown_columns_are_left_out_online_and_refused_offline() {
    let world = world(vec![fed("a")]).await;
    let more = with(&rows(), "extra", ints(&[1, 2]));
    assert_eq!(push(&world, more.clone(), PushTarget::Online).await.unwrap().online.written, 1);
    let error = push(&world, more, PushTarget::Offline).await.unwrap_err();
    assert_eq!(error.message(), "the source has no column extra");
}

#[tokio::test]
async fn values_that_do_not_fit_are_named() {
    let world = world(vec![fed("a")]).await;
    let bad = with(&rows(), "rating", texts(&["two", "four"]));
    let error = push(&world, bad, PushTarget::Online).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.get("view"), error.get("column")),
        (Kind::Invalid, Some("a"), Some("rating"))
    );
    let halves = with(&rows(), "rating", doubles(&[2.0, 4.5]));
    let error = push(&world, halves.clone(), PushTarget::Offline).await.unwrap_err();
    assert_eq!((error.kind(), error.get("column")), (Kind::Invalid, Some("rating")));
    let late = with(&rows(), "event_timestamp", texts(&["2026-11-20", "later"]));
    let error = push(&world, late, PushTarget::Online).await.unwrap_err();
    assert_eq!((error.get("column"), error.get("row")), (Some("event_timestamp"), Some("1")));
}

#[tokio::test]
async fn integer_times_are_nanoseconds_as_in_feast() {
    let world = world(vec![fed("a")]).await;
    let numbers = with(&rows(), "event_timestamp", ints(&[1_795_168_800; 2]));
    push(&world, numbers, PushTarget::Online).await.unwrap();
    assert_eq!(served(&world, "a").await.1, Timestamp(1_795_168));
}

#[tokio::test]
async fn rows_of_nulls_are_kept() {
    let world = world(vec![fed("a")]).await;
    let nulls = with(&with(&rows(), "lat", doubles(&[None, None])), "rating", ints(&[None, None]));
    push(&world, nulls, PushTarget::Online).await.unwrap();
    assert_eq!(served(&world, "a").await.0, Status::NullValue);
}

#[tokio::test]
async fn an_older_row_does_not_replace_a_newer_one() {
    let world = world(vec![fed("a")]).await;
    push(&world, rows(), PushTarget::Online).await.unwrap();
    let older = with(&rows(), "event_timestamp", texts(&["2026-11-19"; 2]));
    let report = push(&world, older, PushTarget::Online).await.unwrap();
    assert_eq!((report.online.written, report.online.stale), (0, 1));
    assert_eq!(served(&world, "a").await.1, instant("2026-11-20T10:00:00Z"));
}

#[tokio::test]
async fn unknown_sources_and_views_are_reported_in_feasts_words() {
    let world = world(vec![fed("a")]).await;
    let context = RequestContext::local();
    let error = world.store.push("nope", rows(), PushTarget::Online, context.clone()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message(), error.get("class")),
        (Kind::NotFound, "Unable to find push source 'nope'.", Some("PushSourceNotFoundException"))
    );
    let error = world.store.write_to_online_store("nope", rows(), context).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.message(), error.get("class")),
        (
            Kind::NotFound,
            "Can't recognize feast object with a name nope",
            Some("FeastObjectNotFoundException")
        )
    );
}

#[tokio::test]
async fn views_that_are_not_served_or_disabled_take_no_online_rows() {
    let hidden = world(vec![FeatureView { online: false, ..fed("a") }]).await;
    let error = push(&hidden, rows(), PushTarget::Online).await.unwrap_err();
    assert_eq!((error.kind(), error.get("views")), (Kind::Invalid, Some("a")));
    assert_eq!(push(&hidden, rows(), PushTarget::Offline).await.unwrap().offline, 2);
    let disabled = world(vec![FeatureView { enabled: false, ..fed("a") }]).await;
    let error = push(&disabled, rows(), PushTarget::Online).await.unwrap_err();
    assert_eq!(error.message(), "Feature view a is disabled");
}

#[tokio::test]
async fn no_rows_are_no_error() {
    let world = world(vec![fed("a")]).await;
    let report = push(&world, rows().slice(0, 0), PushTarget::OnlineAndOffline).await.unwrap();
    assert_eq!(report, PushReport::default());
}
