use super::*;
use crate::testing::*;
use crate::{EntityValue, Features, OnlineQuery, Status};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use provender_core::memory::MemoryOnline;
use provender_core::model::Object;
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite,
};
use provender_core::registry::{Change, Version};
use provender_core::value::{ValueRef, read};
use provender_core::{Cancel, Kind, OnlineStore, Progress, ProgressEvent, Registry, ValueType};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const KEY: (&str, ValueType) = ("driver_id", ValueType::INT64);

fn stats(name: &str) -> FeatureView {
    view(name, &[KEY], &[("f", ValueType::INT64)])
}

/// Keys, event times and values; created is the event time.
fn rows(rows: &[(Option<i64>, &str, i64)]) -> RecordBatch {
    let at: Vec<&str> = rows.iter().map(|r| r.1).collect();
    batch(vec![
        ("driver_id", ints(&rows.iter().map(|r| r.0).collect::<Vec<_>>())),
        ("event_timestamp", times(&at)),
        ("created", times(&at)),
        ("f", ints(&rows.iter().map(|r| r.2).collect::<Vec<_>>())),
    ])
}

fn history() -> RecordBatch {
    rows(&[
        (Some(1), "2026-01-01", 10),
        (Some(1), "2026-01-03", 12),
        (Some(1), "2026-01-02", 11),
        (Some(2), "2026-01-02", 20),
        (None, "2026-01-02", 99),
        (Some(3), "2026-01-05", 30),
    ])
}

async fn world(views: &[&str]) -> World {
    let world = World::new(views.iter().map(|name| object(stats(name))).collect()).await;
    for name in views {
        world.offline.insert(*name, &[history()]).unwrap();
    }
    world
}

fn between(start: &str, end: &str) -> MaterializeRequest {
    MaterializeRequest {
        window: Window::Between { start: instant(start), end: instant(end) },
        views: None,
        disable_event_timestamp: false,
        context: RequestContext::local(),
    }
}

fn since(end: &str) -> MaterializeRequest {
    MaterializeRequest { window: Window::Since { end: instant(end) }, ..between("1970-01-01", "1970-01-01") }
}

fn named(request: MaterializeRequest, views: &[&str]) -> MaterializeRequest {
    MaterializeRequest { views: Some(views.iter().map(|v| (*v).to_owned()).collect()), ..request }
}

/// What is served of drivers 1 to 3.
async fn served(store: &FeatureStore, view: &str) -> Vec<Option<i64>> {
    let query = OnlineQuery {
        features: Features::List(vec![format!("{view}:f")]).into(),
        entities: vec![("driver_id".into(), (1..=3).map(EntityValue::Int).collect())],
        full_feature_names: false,
        context: RequestContext::local(),
    };
    let answer = store.online(query).await.unwrap();
    let value = |row| match read(answer.cell(1, row).value).unwrap().1 {
        ValueRef::Int(value) => Some(value),
        _ => None,
    };
    (0..3).map(value).collect()
}

fn interval(start: &str, end: &str) -> MaterializationInterval {
    MaterializationInterval { start: instant(start), end: instant(end) }
}

#[tokio::test]
async fn the_newest_row_of_each_key_in_the_window_is_served_and_the_interval_recorded() {
    let world = world(&["fv"]).await;
    let report = world.store.materialize(between("2026-01-01", "2026-01-04")).await.unwrap();
    assert_eq!((report.views.len(), report.interrupted), (1, false));
    let done = &report.views[0];
    assert!(done.error.is_none() && !done.up_to_date, "{:?}", done.error);
    assert_eq!((done.rows, done.null_keys), (WriteSummary { written: 2, stale: 0 }, 1));
    assert_eq!(served(&world.store, "fv").await, [Some(12), Some(20), None]);
    let view = world.view("fv").await;
    assert_eq!(view.materialization_intervals, [interval("2026-01-01", "2026-01-04")]);
    assert_eq!(view.state, 4);
}

#[tokio::test]
async fn an_older_window_does_not_overwrite_newer_values() {
    let world = world(&["fv"]).await;
    world.store.materialize(between("2026-01-01", "2026-01-04")).await.unwrap();
    let report = world.store.materialize(between("2026-01-01", "2026-01-02")).await.unwrap();
    assert_eq!(report.views[0].rows, WriteSummary { written: 1, stale: 1 });
    assert_eq!(served(&world.store, "fv").await, [Some(12), Some(20), None]);
    assert_eq!(world.view("fv").await.materialization_intervals.len(), 2);
}

#[tokio::test]
async fn incremental_runs_go_on_where_the_last_ended_and_never_backwards() {
    let world = world(&["fv"]).await;
    world.store.materialize(between("2026-01-01", "2026-01-02")).await.unwrap();
    assert_eq!(served(&world.store, "fv").await, [Some(11), Some(20), None]);
    let report = world.store.materialize(since("2026-01-06")).await.unwrap();
    assert_eq!(report.views[0].start, instant("2026-01-02"));
    assert_eq!(served(&world.store, "fv").await, [Some(12), Some(20), Some(30)]);

    let report = world.store.materialize(since("2026-01-03")).await.unwrap();
    let done = &report.views[0];
    assert!(done.up_to_date && done.error.is_none());
    assert_eq!((done.start, done.end), (instant("2026-01-06"), instant("2026-01-03")));
    assert_eq!(world.view("fv").await.materialization_intervals.len(), 2);
}

#[tokio::test]
async fn without_event_timestamps_all_rows_count_and_get_the_time_of_the_run() {
    let world = world(&["fv"]).await;
    let before = Timestamp::now();
    let request = MaterializeRequest { disable_event_timestamp: true, ..between("2026-01-02", "2026-01-01") };
    let report = world.store.materialize(request).await.unwrap();
    assert_eq!(report.views[0].rows.written, 3);
    let recorded = world.view("fv").await.materialization_intervals[0];
    assert_eq!(recorded.start, Timestamp(0));
    assert!(recorded.end >= before);
    let query = OnlineQuery {
        features: Features::List(vec!["fv:f".into()]).into(),
        entities: vec![("driver_id".into(), vec![EntityValue::Int(1)])],
        full_feature_names: false,
        context: RequestContext::local(),
    };
    let cell = world.store.online(query).await.unwrap().cell(1, 0).time;
    assert_eq!(cell, recorded.end);
}

#[tokio::test]
async fn entityless_views_are_materialized_too() {
    let world = World::new(vec![object(view("global", &[], &[("f", ValueType::INT64)]))]).await;
    let history = history().project(&[1, 2, 3]).unwrap();
    world.offline.insert("global", &[history]).unwrap();
    let report = world.store.materialize(between("2026-01-01", "2026-01-09")).await.unwrap();
    assert_eq!(report.views[0].rows.written, 1);
    let query = OnlineQuery {
        features: Features::List(vec!["global:f".into()]).into(),
        entities: Vec::new(),
        full_feature_names: false,
        context: RequestContext::local(),
    };
    let answer = world.store.online(query).await.unwrap();
    assert_eq!(answer.cell(0, 0).status, Status::Present);
    assert_eq!(answer.cell(0, 0).time, instant("2026-01-05"));
}

#[tokio::test]
async fn requests_that_cannot_run_are_refused_before_anything_is_done() {
    let world = world(&["fv"]).await;
    let hidden = FeatureView { online: false, ..stats("hidden") };
    let disabled = FeatureView { enabled: false, ..stats("disabled") };
    let sourceless = FeatureView { batch_source: None, ..stats("sourceless") };
    world.apply(vec![object(hidden), object(disabled), object(sourceless)]).await;
    let fails = async |request| {
        let error = world.store.materialize(request).await.unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    let window = || between("2026-01-01", "2026-01-04");
    let (kind, message) = fails(named(window(), &["fv", "nope"])).await;
    assert_eq!((kind, &*message), (Kind::NotFound, "Feature view nope does not exist in project interop"));
    let (kind, message) = fails(named(window(), &["hidden"])).await;
    assert_eq!(
        (kind, &*message),
        (Kind::Invalid, "FeatureView hidden is not configured to be served online")
    );
    assert_eq!(fails(named(window(), &["disabled"])).await.0, Kind::Invalid);
    assert_eq!(fails(named(window(), &["sourceless"])).await.0, Kind::Invalid);
    let (kind, message) = fails(between("2026-01-02", "2026-01-01")).await;
    assert_eq!(
        (kind, &*message),
        (
            Kind::Invalid,
            "The given start_date 2026-01-02T00:00:00Z is greater than the given end_date 2026-01-01T00:00:00Z"
        )
    );
    assert!(world.view("fv").await.materialization_intervals.is_empty());
    let report = world.store.materialize(window()).await.unwrap();
    assert_eq!(report.views.iter().map(|v| v.view.as_str()).collect::<Vec<_>>(), ["fv"]);
    let report = world.store.materialize(named(window(), &["fv", "fv"])).await.unwrap();
    assert_eq!(report.views.len(), 1);
}

#[tokio::test]
async fn a_failing_view_does_not_stop_the_others_and_records_nothing() {
    let world = world(&["a", "b", "c"]).await;
    let text = batch(vec![
        ("driver_id", ints(&[1])),
        ("event_timestamp", times(&["2026-01-02"])),
        ("created", times(&["2026-01-02"])),
        ("f", texts(&["many"])),
    ]);
    world.offline.insert("a", &[text]).unwrap();
    world.offline.insert("b", &[history().project(&[0, 1, 2]).unwrap()]).unwrap();
    let report = world.store.materialize(between("2026-01-01", "2026-01-04")).await.unwrap();
    assert_eq!(report.views.iter().map(|v| v.error.is_some()).collect::<Vec<_>>(), [true, true, false]);
    assert!(!report.interrupted);
    let typed = report.error().unwrap();
    assert_eq!(
        (typed.kind(), typed.get("view"), typed.get("source"), typed.get("column")),
        (Kind::Invalid, Some("a"), Some("a"), Some("f"))
    );
    let missing = report.views[1].error.as_ref().unwrap();
    assert_eq!(
        (missing.kind(), missing.get("view"), missing.get("source")),
        (Kind::Invalid, Some("b"), Some("b"))
    );
    assert!(missing.to_string().contains("f"), "{missing}");
    for (name, intervals) in [("a", 0), ("b", 0), ("c", 1)] {
        assert_eq!(world.view(name).await.materialization_intervals.len(), intervals, "{name}");
    }
}

/// Counts writes, and may cancel the work after the first.
#[derive(Debug, Default)]
struct Watched {
    inner: MemoryOnline,
    sizes: Mutex<Vec<usize>>,
    cancel: Option<Cancel>,
}

#[async_trait]
impl OnlineStore for Watched {
    fn capabilities(&self) -> OnlineCapabilities {
        self.inner.capabilities()
    }
    fn describe(&self, table: &OnlineTable) -> String {
        self.inner.describe(table)
    }
    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        self.inner.read(request).await
    }
    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        self.sizes.lock().unwrap().push(request.rows.num_rows());
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
        self.inner.write(request).await
    }
    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        self.inner.reconcile(changes).await
    }
}

async fn watched(cancel: Option<Cancel>, keys: i64) -> (World, Arc<Watched>) {
    let online = Arc::new(Watched { cancel, ..Watched::default() });
    let config = provender_core::config::RepoConfig { online_write_batch_size: Some(10), ..config() };
    let objects: Vec<Object> = ["a", "b"].map(|name| object(stats(name))).into();
    let world = World::with(objects, config, Arc::clone(&online) as Arc<dyn OnlineStore>).await;
    let many: Vec<_> = (0..keys).map(|key| (Some(key), "2026-01-02", key)).collect();
    world.offline.insert("a", &[rows(&many)]).unwrap();
    world.offline.insert("b", &[history()]).unwrap();
    (world, online)
}

#[tokio::test]
async fn the_configured_batch_size_is_respected() {
    let (world, online) = watched(None, 25).await;
    let request = named(between("2026-01-01", "2026-01-04"), &["a"]);
    assert_eq!(world.store.materialize(request).await.unwrap().views[0].rows.written, 25);
    let mut sizes = online.sizes.lock().unwrap().clone();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10]);
}

#[tokio::test]
async fn an_interrupt_stops_at_a_batch_and_a_second_run_completes() {
    let cancel = Cancel::default();
    let (world, online) = watched(Some(cancel.clone()), 1_000).await;
    let mut request = between("2026-01-01", "2026-01-04");
    request.context.cancel = cancel;
    let report = world.store.materialize(request).await.unwrap();
    assert!(report.interrupted);
    assert_eq!(report.views.len(), 1, "the second view must not have begun");
    let done = &report.views[0];
    assert_eq!(done.error.as_ref().unwrap().message(), "interrupted");
    assert_eq!(done.rows.written as usize, online.sizes.lock().unwrap().iter().sum::<usize>());
    assert!(done.rows.written < 1_000);
    assert!(world.view("a").await.materialization_intervals.is_empty());

    let report = world.store.materialize(between("2026-01-01", "2026-01-04")).await.unwrap();
    assert!(!report.interrupted && report.error().is_none());
    assert_eq!(report.views[0].rows.written, 1_000);
}

#[tokio::test]
async fn progress_counts_the_rows_of_each_view() {
    let (world, _) = watched(None, 25).await;
    let seen: Arc<Mutex<Vec<ProgressEvent>>> = Arc::default();
    let sink = Arc::clone(&seen);
    let mut request = between("2026-01-01", "2026-01-04");
    request.context.progress = Progress::new(move |event| sink.lock().unwrap().push(event));
    world.store.materialize(request).await.unwrap();
    let last = |task: &str| {
        let events = seen.lock().unwrap();
        events.iter().filter(|e| &*e.task == task).map(|e| e.done).next_back()
    };
    assert_eq!((last("materialize a"), last("materialize b")), (Some(25), Some(2)));
}

/// Lets somebody else change the view between the first read and commit of an interval.
#[derive(Debug)]
struct Contended {
    inner: Arc<dyn Registry>,
    armed: AtomicBool,
}

#[async_trait]
impl Registry for Contended {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        self.inner.snapshot().await
    }
    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        if self.armed.swap(false, Ordering::Relaxed) {
            let object = object(FeatureView { description: "changed meanwhile".into(), ..stats("fv") });
            let other = Change::Put { project: PROJECT.into(), object };
            self.inner.commit(base, &[other]).await?;
        }
        self.inner.commit(base, changes).await
    }
    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[tokio::test]
async fn recording_an_interval_loses_nothing_that_was_applied_meanwhile() {
    let world = world(&["fv"]).await;
    let registry = Arc::new(Contended { inner: Arc::clone(&world.registry), armed: AtomicBool::new(true) });
    let offline: Arc<dyn provender_core::OfflineStore> = world.offline.clone();
    let store = FeatureStore::new(config(), registry, vec![offline], Some(Arc::clone(&world.online)));
    let report = store.materialize(between("2026-01-01", "2026-01-04")).await.unwrap();
    assert!(report.error().is_none(), "{:?}", report.error());
    let view = world.view("fv").await;
    assert_eq!(view.description, "changed meanwhile");
    assert_eq!(view.materialization_intervals.len(), 1);
}
