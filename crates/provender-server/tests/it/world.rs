//! A small feature store in memory, with stores that can be told to fail, to panic or to wait.

use arrow_array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use async_trait::async_trait;
use axum::Router;
use provender_core::config::RepoConfig;
use provender_core::memory::{MemoryOffline, MemoryOnline, MemoryRegistry};
use provender_core::model::{
    DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, Object, Projection, SourceKind,
};
use provender_core::offline::{
    AppendRequest, HistoricalRequest, OfflineCapabilities, RangeRequest, RangeScan,
};
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, WriteSummary,
};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{
    Error, OfflineStore, OnlineStore, Registry, Result, RetrievalJob, Timestamp, ValueType,
};
use provender_engine::FeatureStore;
use provender_server::{ServerConfig, router};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// What a store does when it is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// What it should.
    #[default]
    Good,
    /// It is unavailable.
    Down,
    /// It panics.
    Broken,
    /// It waits until the test lets it go on.
    Slow,
}

/// Decides what a store does, from outside.
#[derive(Debug)]
pub(crate) struct Switch {
    mood: Mutex<Mood>,
    /// A permit a call that may go on.
    pub(crate) gate: Semaphore,
    /// A permit a call that has come in while slow.
    pub(crate) waiting: Semaphore,
    /// A permit a write that is done.
    pub(crate) written: Semaphore,
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            mood: Mutex::default(),
            gate: Semaphore::new(0),
            waiting: Semaphore::new(0),
            written: Semaphore::new(0),
        }
    }
}

impl Switch {
    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    async fn pass(&self) -> Result<()> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Good => Ok(()),
            Mood::Down => Err(Error::unavailable("the store is down").because("secret address")),
            Mood::Broken => panic!("the store is broken"),
            Mood::Slow => {
                self.waiting.add_permits(1);
                self.gate.acquire().await.unwrap().forget();
                Ok(())
            }
        }
    }

    /// Waits until a call has come in.
    pub(crate) async fn called(&self) {
        self.waiting.acquire().await.unwrap().forget();
    }
}

#[derive(Debug, Default)]
pub(crate) struct Switched<S> {
    inner: S,
    pub(crate) switch: Switch,
}

#[async_trait]
impl Registry for Switched<MemoryRegistry> {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        self.switch.pass().await?;
        self.inner.snapshot().await
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        self.inner.commit(base, changes).await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[async_trait]
impl OnlineStore for Switched<MemoryOnline> {
    fn capabilities(&self) -> OnlineCapabilities {
        self.inner.capabilities()
    }

    fn describe(&self, table: &OnlineTable) -> String {
        self.inner.describe(table)
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        self.switch.pass().await?;
        self.inner.read(request).await
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        self.switch.pass().await?;
        let summary = self.inner.write(request).await;
        self.switch.written.add_permits(1);
        summary
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        self.inner.reconcile(changes).await
    }
}

#[async_trait]
impl OfflineStore for Switched<MemoryOffline> {
    fn reads(&self, source: &DataSource) -> bool {
        self.inner.reads(source)
    }

    fn capabilities(&self) -> OfflineCapabilities {
        self.inner.capabilities()
    }

    async fn schema(&self, source: &DataSource) -> Result<arrow_schema::SchemaRef> {
        self.inner.schema(source).await
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        self.inner.historical(request).await
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        self.switch.pass().await?;
        request.context.check()?;
        self.inner.latest(request).await
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        self.inner.range(request).await
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        self.inner.append(request).await
    }
}

/// A project `shop` with the view `stats` (key `driver_id`; `lat`, `rating`; ttl for ever) over the push source `inlet` and the file `stats`, the view
/// `hidden` that is not served online, and the service `model`.
pub(crate) struct World {
    pub(crate) registry: Arc<Switched<MemoryRegistry>>,
    pub(crate) offline: Arc<Switched<MemoryOffline>>,
    pub(crate) online: Arc<Switched<MemoryOnline>>,
    pub(crate) store: Arc<FeatureStore>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let registry: Arc<Switched<MemoryRegistry>> = Arc::default();
        let offline: Arc<Switched<MemoryOffline>> = Arc::default();
        let online: Arc<Switched<MemoryOnline>> = Arc::default();
        let changes = objects().map(|object| Change::Put { project: "shop".into(), object });
        registry.commit(&Version::absent(), &changes).await.unwrap();
        offline.inner.insert("stats", &[history()]).unwrap();
        let stats = OnlineTable {
            project: "shop".into(),
            view: "stats".into(),
            join_keys: vec!["driver_id".into()],
            features: vec![("lat".into(), ValueType::DOUBLE), ("rating".into(), ValueType::INT32)],
            ttl: None,
            tags: Default::default(),
        };
        online.reconcile(&InfraChanges { keep: vec![stats.into()], ..Default::default() }).await.unwrap();
        let store =
            FeatureStore::new(config(), registry.clone(), vec![offline.clone()], Some(online.clone()));
        Self { registry, offline, online, store: Arc::new(store) }
    }

    pub(crate) fn router(&self) -> Router {
        self.router_with(|_| {})
    }

    pub(crate) fn router_with(&self, change: impl FnOnce(&mut ServerConfig)) -> Router {
        let mut config = ServerConfig::default();
        change(&mut config);
        router(Arc::clone(&self.store), &config)
    }
}

fn config() -> RepoConfig {
    let text =
        "project: shop\nregistry: data/registry.db\nprovider: local\nentity_key_serialization_version: 3\n";
    RepoConfig::parse(text, Path::new("feature_store.yaml"), ".".into(), &|_| None).unwrap()
}

fn objects() -> [Object; 5] {
    let file = SourceKind::File {
        path: "stats".into(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let mut batch = DataSource::new("history", file);
    batch.timestamp_field = "event_timestamp".into();
    batch.created_timestamp_column = "created".into();
    let mut push = DataSource::new("inlet", SourceKind::Push { batch: Some(Box::new(batch.clone())) });
    push.timestamp_field = "event_timestamp".into();
    let driver = Entity {
        name: "driver".into(),
        join_key: "driver_id".into(),
        value_type: ValueType::INT64,
        ..Default::default()
    };
    let stats = FeatureView {
        name: "stats".into(),
        entities: vec!["driver".into()],
        entity_columns: vec![Field::new("driver_id", ValueType::INT64)],
        features: vec![Field::new("lat", ValueType::DOUBLE), Field::new("rating", ValueType::INT32)],
        batch_source: Some(batch.clone()),
        stream_source: Some(push.clone()),
        online: true,
        enabled: true,
        ..Default::default()
    };
    let hidden = FeatureView { name: "hidden".into(), online: false, stream_source: None, ..stats.clone() };
    let model = FeatureService {
        name: "model".into(),
        projections: vec![Projection {
            view: "stats".into(),
            features: stats.features.clone(),
            ..Default::default()
        }],
        ..Default::default()
    };
    [
        Object::Entity(driver.into()),
        Object::DataSource(push.into()),
        Object::FeatureView(stats.into()),
        Object::FeatureView(hidden.into()),
        Object::FeatureService(model.into()),
    ]
}

/// Two drivers, known since 2026-01-01 and -02.
fn history() -> RecordBatch {
    let times: Vec<i64> =
        ["2026-01-01", "2026-01-02"].iter().map(|t| Timestamp::parse(t).unwrap().0).collect();
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"));
    RecordBatch::try_from_iter_with_nullable([
        ("driver_id", Arc::new(Int64Array::from(vec![1001, 1002])) as ArrayRef, true),
        ("event_timestamp", times.clone(), true),
        ("created", times, true),
        ("lat", Arc::new(Float64Array::from(vec![1.5, -2.5])), true),
        ("rating", Arc::new(Int32Array::from(vec![5, 4])), true),
    ])
    .unwrap()
}

/// The body of a push of one driver to the source `inlet`.
pub(crate) fn push_of(driver: i64, day: &str, lat: f64) -> String {
    let row = format!(
        r#""driver_id":[{driver}],"event_timestamp":["{day}"],"created":["{day}"],"lat":[{lat}],"rating":[3]"#
    );
    format!(r#"{{"push_source_name":"inlet","df":{{{row}}}}}"#)
}

/// The body of a read of `lat` of some drivers.
pub(crate) fn read_of(drivers: &[i64]) -> String {
    format!(r#"{{"features":["stats:lat"],"entities":{{"driver_id":{drivers:?}}}}}"#)
}
