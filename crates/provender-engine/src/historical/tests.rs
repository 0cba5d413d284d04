use super::*;
use crate::testing::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use futures::TryStreamExt;
use futures::executor::block_on;
use provender_core::memory::{MemoryOffline, MemoryOnline, MemoryRegistry};
use provender_core::model::{FeatureView, Field, Object, Projection, SourceKind};
use provender_core::registry::Change;
use provender_core::{Kind, OfflineStore, ValueType};
use std::collections::BTreeMap;

const KEY: (&str, ValueType) = ("driver_id", ValueType::INT64);
const F: (&str, ValueType) = ("f", ValueType::DOUBLE);

/// Driver 1 at 8:00 and 9:00, driver 2 at 9:30, driver 3 at 12:00.
fn history() -> RecordBatch {
    batch(vec![
        ("driver_id", ints(&[1, 1, 2, 3])),
        (
            "event_timestamp",
            times(&["2026-01-01 08:00", "2026-01-01 09:00", "2026-01-01 09:30", "2026-01-01 12:00"]),
        ),
        ("created", times(&["2026-01-01", "2026-01-01 11:00", "2026-01-01", "2026-01-01"])),
        ("f", doubles(&[1.0, 2.0, 20.0, 30.0])),
        ("g", ints(&[10, 11, 12, 13])),
    ])
}

fn stats() -> FeatureView {
    FeatureView { ttl: Some(DAY), ..view("fv", &[KEY], &[F, ("g", ValueType::INT64)]) }
}

async fn world(objects: Vec<Object>) -> World {
    let world = World::new(objects).await;
    world.offline.insert("fv", &[history()]).unwrap();
    world
}

fn spine(columns: Vec<(&str, arrow_array::ArrayRef)>) -> Spines {
    let rows = batch(columns);
    Spines::Frame(Arc::new(Spine::new(rows.schema(), vec![rows], "event_timestamp")))
}

fn drivers(keys: &[i64], at: &str) -> Spines {
    spine(vec![("driver_id", ints(keys)), ("event_timestamp", times(&vec![at; keys.len()]))])
}

fn query(spine: Spines, features: &[&str]) -> HistoricalQuery {
    HistoricalQuery {
        spine,
        features: Features::List(features.iter().map(|f| (*f).to_owned()).collect()),
        full_feature_names: false,
        known_at: None,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    }
}

async fn run(store: &FeatureStore, query: HistoricalQuery) -> Result<(RecordBatch, JoinReport)> {
    let set = store.historical(query).await?.run().await?;
    let batches: Vec<RecordBatch> = set.batches.try_collect().await?;
    let rows = arrow_select::concat::concat_batches(&set.schema, &batches).unwrap();
    Ok((rows, set.report))
}

fn names(rows: &RecordBatch) -> Vec<String> {
    rows.schema().fields().iter().map(|f| f.name().clone()).collect()
}

fn floats(rows: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    rows[name].as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn rows_keep_their_order_and_columns_and_features_theirs() {
    block_on(async {
        let world = world(vec![object(stats())]).await;
        let spine = spine(vec![
            ("note", texts(&["a", "b", "c", "d"])),
            ("event_timestamp", texts(&["2026-01-01 10:00", "2026-01-01 10:00", "2026-01-01 08:30", ""])),
            ("driver_id", ints(&[2, 1, 1, 1])),
        ]);
        let error = run(&world.store, query(spine.clone(), &["fv:f"])).await.unwrap_err();
        assert_eq!((error.get("column"), error.get("row")), (Some("event_timestamp"), Some("3")));
        let Spines::Frame(frame) = spine else { unreachable!() };
        let rows = &frame.held().unwrap()[0];
        let parts = vec![rows.slice(0, 2), rows.slice(2, 1)];
        let cut = Spine::new(Arc::clone(&frame.schema), parts, "event_timestamp");
        let asked = query(Spines::Frame(Arc::new(cut)), &["fv:g", "fv:f"]);
        let (rows, report) = run(&world.store, asked).await.unwrap();
        assert_eq!(names(&rows), ["note", "event_timestamp", "driver_id", "g", "f"]);
        assert_eq!(floats(&rows, "f"), [Some(20.0), Some(2.0), Some(1.0)]);
        assert_eq!(rows["g"].as_primitive::<Int64Type>().values(), &[12, 11, 10]);
        assert_eq!((report.rows, report.views[0].matched, report.views[0].leaked), (3, 3, Some(1)));
    });
}

#[test]
fn a_row_without_a_time_or_key_has_null_features() {
    block_on(async {
        let world = world(vec![object(stats())]).await;
        let spine = spine(vec![
            ("driver_id", ints(&[Some(1), None])),
            ("event_timestamp", times(&[None, Some("2026-01-01 10:00")])),
        ]);
        let (rows, _) = run(&world.store, query(spine, &["fv:f"])).await.unwrap();
        assert_eq!(floats(&rows, "f"), [None, None]);
    });
}

#[test]
fn float_keys_of_pandas_join_integer_keys() {
    block_on(async {
        let world = world(vec![object(stats())]).await;
        let spine = spine(vec![
            ("driver_id", doubles(&[Some(1.0), None, Some(2.5)])),
            ("event_timestamp", times(&["2026-01-01 10:00"; 3])),
        ]);
        let (rows, _) = run(&world.store, query(spine, &["fv:f"])).await.unwrap();
        assert_eq!(floats(&rows, "f"), [Some(2.0), None, None]);
    });
}

#[test]
fn a_source_says_which_rows_count_as_known_and_the_request_has_the_last_word() {
    let tagged = |value: &str| {
        let mut view = stats();
        let source = view.batch_source.as_mut().unwrap();
        source.tags.insert("known_at".into(), value.into());
        object(view)
    };
    block_on(async {
        let at_ten = || query(drivers(&[1], "2026-01-01 10:00"), &["fv:f"]);
        let world = world(vec![tagged("created")]).await;
        let (rows, _) = run(&world.store, at_ten()).await.unwrap();
        assert_eq!(floats(&rows, "f"), [Some(1.0)]);
        let asked = HistoricalQuery { known_at: Some(KnownAt::Event), ..at_ten() };
        let (rows, _) = run(&world.store, asked).await.unwrap();
        assert_eq!(floats(&rows, "f"), [Some(2.0)]);
        let odd = self::world(vec![tagged("always")]).await;
        let error = run(&odd.store, at_ten()).await.unwrap_err();
        assert_eq!((error.get("value"), error.get("expected")), (Some("always"), Some("created or none")));
    });
}

#[test]
fn rows_created_too_late_are_left_out_on_request() {
    block_on(async {
        let world = world(vec![object(stats())]).await;
        let asked = HistoricalQuery {
            known_at: Some(KnownAt::Created),
            ..query(drivers(&[1], "2026-01-01 10:00"), &["fv:f"])
        };
        let (rows, _) = run(&world.store, asked).await.unwrap();
        assert_eq!(floats(&rows, "f"), [Some(1.0)]);
    });
}

#[test]
fn aliases_join_on_their_own_columns() {
    block_on(async {
        let projection = |alias: &str, column: &str| Projection {
            view: "fv".into(),
            alias: Some(alias.into()),
            join_key_map: BTreeMap::from([("driver_id".to_owned(), column.to_owned())]),
            features: vec![Field::new("f", ValueType::DOUBLE)],
        };
        let service = service("svc", vec![projection("origin", "from_id"), projection("dest", "to_id")]);
        let world = world(vec![object(stats()), service]).await;
        let spine = spine(vec![
            ("from_id", ints(&[1, 2, 1])),
            ("to_id", ints(&[2, 1, 9])),
            ("event_timestamp", times(&["2026-01-01 10:00"; 3])),
        ]);
        let asked = HistoricalQuery {
            features: Features::Service("svc".into()),
            full_feature_names: true,
            ..query(spine, &[])
        };
        let (rows, report) = run(&world.store, asked).await.unwrap();
        assert_eq!(names(&rows), ["from_id", "to_id", "event_timestamp", "origin__f", "dest__f"]);
        assert_eq!(floats(&rows, "origin__f"), [Some(2.0), Some(20.0), Some(2.0)]);
        assert_eq!(floats(&rows, "dest__f"), [Some(20.0), Some(2.0), None]);
        assert_eq!(report.views.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["origin", "dest"]);
    });
}

#[test]
fn field_mappings_are_undone_before_the_store() {
    block_on(async {
        let mut mapped = view("mapped", &[KEY], &[("renamed", ValueType::DOUBLE)]);
        let source = mapped.batch_source.as_mut().unwrap();
        source.kind = SourceKind::File {
            path: "fv".into(),
            format: Default::default(),
            s3_endpoint_override: String::new(),
        };
        for (column, name) in [("f", "renamed"), ("event_timestamp", "at"), ("driver_id", "driver_id")] {
            source.field_mapping.insert(column.into(), name.into());
        }
        source.timestamp_field = "at".into();
        let world = world(vec![object(mapped)]).await;
        let asked = query(drivers(&[2], "2026-01-01 10:00"), &["mapped:renamed"]);
        assert_eq!(floats(&run(&world.store, asked).await.unwrap().0, "renamed"), [Some(20.0)]);
    });
}

#[test]
fn an_empty_frame_gives_the_full_schema() {
    block_on(async {
        let world = world(vec![object(stats())]).await;
        let (rows, report) = run(&world.store, query(drivers(&[], ""), &["fv:f"])).await.unwrap();
        assert_eq!(
            (rows.num_rows(), names(&rows)),
            (0, vec!["driver_id".into(), "event_timestamp".into(), "f".into()])
        );
        assert_eq!(report.rows, 0);
    });
}

#[test]
fn a_snapshot_has_one_row_a_key_that_is_valid_at_the_end() {
    block_on(async {
        let by_driver_and_shift =
            view("wide", &[KEY, ("shift", ValueType::STRING)], &[("w", ValueType::DOUBLE)]);
        let world = world(vec![object(stats()), object(by_driver_and_shift)]).await;
        let wide = batch(vec![
            ("driver_id", ints(&[1, 2])),
            ("shift", texts(&["day", "night"])),
            ("event_timestamp", times(&["2025-01-01", "2025-01-01"])),
            ("created", times(&["2025-01-01", "2025-01-01"])),
            ("w", doubles(&[0.5, 0.25])),
        ]);
        world.offline.insert("wide", &[wide]).unwrap();
        let end = instant("2026-01-01 10:00");
        let at_end = || Spines::Snapshot { start: Some(instant("2026-01-01 08:30")), end };

        let (rows, _) = run(&world.store, query(at_end(), &["fv:f"])).await.unwrap();
        assert_eq!(names(&rows), ["event_timestamp", "driver_id", "f"]);
        let mut values: Vec<_> =
            rows["driver_id"].as_primitive::<Int64Type>().iter().zip(floats(&rows, "f")).collect();
        values.sort_by_key(|(driver, _)| *driver);
        assert_eq!(values, [(Some(1), Some(2.0)), (Some(2), Some(20.0))]);

        let (rows, _) = run(&world.store, query(at_end(), &["fv:f", "wide:w"])).await.unwrap();
        assert_eq!(names(&rows), ["event_timestamp", "driver_id", "shift", "f", "w"]);
        assert_eq!(rows.num_rows(), 2);
        assert_eq!(rows["f"].null_count() + rows["w"].null_count(), 0);
    });
}

#[test]
fn a_snapshot_needs_one_view_that_has_all_keys() {
    block_on(async {
        let other = view("other", &[("customer_id", ValueType::INT64)], &[("h", ValueType::DOUBLE)]);
        let world = world(vec![object(stats()), object(other)]).await;
        let at = |start| Spines::Snapshot { start, end: instant("2026-01-01") };
        let error = run(&world.store, query(at(None), &["fv:f", "other:h"])).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.get("view"), error.get("column"), error.get("keys come from")),
            (Kind::Invalid, Some("other"), Some("customer_id"), Some("fv"))
        );
        let late = at(Some(instant("2026-01-02")));
        assert_eq!(
            run(&world.store, query(late, &["fv:f"])).await.unwrap_err().message(),
            "start is after end"
        );
    });
}

/// Reads one kind of path alone, so that a query needs two stores.
#[derive(Debug)]
struct Only {
    inner: MemoryOffline,
    path: &'static str,
}

#[async_trait::async_trait]
impl OfflineStore for Only {
    fn reads(&self, source: &provender_core::model::DataSource) -> bool {
        source.name == self.path
    }
    fn capabilities(&self) -> provender_core::offline::OfflineCapabilities {
        Default::default()
    }
    async fn schema(&self, source: &provender_core::model::DataSource) -> Result<SchemaRef> {
        self.inner.schema(source).await
    }
    async fn historical(
        &self,
        request: provender_core::offline::HistoricalRequest,
    ) -> Result<Box<dyn RetrievalJob>> {
        self.inner.historical(request).await
    }
    async fn latest(
        &self,
        request: provender_core::offline::RangeRequest,
    ) -> Result<provender_core::offline::RangeScan> {
        self.inner.latest(request).await
    }
    async fn range(
        &self,
        request: provender_core::offline::RangeRequest,
    ) -> Result<provender_core::offline::RangeScan> {
        self.inner.range(request).await
    }
    async fn append(&self, request: provender_core::offline::AppendRequest) -> Result<u64> {
        self.inner.append(request).await
    }
}

async fn two_stores() -> FeatureStore {
    let store = |path| {
        let inner = MemoryOffline::new();
        inner.insert(path, &[history()]).unwrap();
        Arc::new(Only { inner, path }) as Arc<dyn OfflineStore>
    };
    let registry = MemoryRegistry::new();
    let views = ["fv", "gv", "hv"].map(|name| Change::Put {
        project: PROJECT.into(),
        object: object(view(name, &[KEY], &[F, ("g", ValueType::INT64)])),
    });
    provender_core::Registry::commit(&registry, &provender_core::registry::Version::absent(), &views)
        .await
        .unwrap();
    let stores = vec![store("fv"), store("gv")];
    FeatureStore::new(config(), Arc::new(registry), stores, Some(Arc::new(MemoryOnline::new())))
}

#[test]
fn one_training_set_mixes_stores_and_keeps_the_order_asked() {
    block_on(async {
        let store = two_stores().await;
        let mut asked = query(drivers(&[1, 2], "2026-01-01 10:00"), &["fv:f", "gv:g", "fv:g"]);
        asked.full_feature_names = true;
        let job = store.historical(asked).await.unwrap();
        assert_eq!(job.rows(), 2);
        let explain = job.explain().await.unwrap();
        assert_eq!(explain.views.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["fv", "gv"]);
        let set = job.run().await.unwrap();
        assert_eq!(set.report.views.iter().map(|v| v.matched).collect::<Vec<_>>(), [2, 2]);
        let batches: Vec<RecordBatch> = set.batches.try_collect().await.unwrap();
        assert_eq!(names(&batches[0])[2..], ["fv__f", "gv__g", "fv__g"]);
        assert_eq!(floats(&batches[0], "fv__f"), [Some(2.0), Some(20.0)]);
        assert_eq!(batches[0]["gv__g"].as_primitive::<Int64Type>().values(), &[11, 12]);
    });
}

#[test]
fn a_source_that_no_store_reads_is_named() {
    block_on(async {
        let store = two_stores().await;
        let error = run(&store, query(drivers(&[1], "2026-01-01"), &["hv:f"])).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.get("view"), error.get("source")),
            (Kind::Unsupported, Some("hv"), Some("hv"))
        );
    });
}

#[test]
fn a_store_that_knows_no_created_time_says_so() {
    block_on(async {
        let store = two_stores().await;
        let asked = HistoricalQuery {
            known_at: Some(KnownAt::Created),
            ..query(drivers(&[1], "2026-01-01"), &["fv:f"])
        };
        assert_eq!(run(&store, asked).await.unwrap_err().kind(), Kind::Unsupported);
    });
}

#[test]
fn views_without_history_are_refused() {
    block_on(async {
        let world = world(vec![object(FeatureView { batch_source: None, ..stats() })]).await;
        let error = run(&world.store, query(drivers(&[1], "2026-01-01"), &["fv:f"])).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Invalid, "feature view fv has no batch source"));
    });
}
