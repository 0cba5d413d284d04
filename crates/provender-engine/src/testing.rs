//! A small repository over stores in memory, for tests of the whole engine.

use crate::FeatureStore;
use crate::resolve::join_keys;
use crate::table::online_table;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use provender_core::config::{OnlineTtl, RepoConfig, StoreConfig};
use provender_core::memory::{MemoryOffline, MemoryOnline, MemoryRegistry};
use provender_core::model::{
    DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, Object, Projection, SourceKind,
};
use provender_core::online::InfraChanges;
use provender_core::registry::Change;
use provender_core::{
    OfflineStore, OnlineStore, Registry, RequestContext, Timestamp, ValueType, timestamp_type,
};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const PROJECT: &str = "interop";
pub(crate) const DAY: i64 = 86_400_000_000;

/// A feature store over memory, and the stores behind it.
pub(crate) struct World {
    pub(crate) store: FeatureStore,
    pub(crate) offline: Arc<MemoryOffline>,
    pub(crate) online: Arc<dyn OnlineStore>,
    pub(crate) registry: Arc<dyn Registry>,
}

impl World {
    pub(crate) async fn new(objects: Vec<Object>) -> Self {
        Self::with(objects, config(), Arc::new(MemoryOnline::new())).await
    }

    /// Registers the objects and sets up the online tables of the views among them.
    pub(crate) async fn with(objects: Vec<Object>, config: RepoConfig, online: Arc<dyn OnlineStore>) -> Self {
        let offline = Arc::new(MemoryOffline::new());
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new());
        let store = FeatureStore::new(
            config,
            Arc::clone(&registry),
            vec![Arc::clone(&offline) as Arc<dyn OfflineStore>],
            Some(Arc::clone(&online)),
        );
        let world = Self { store, offline, online, registry };
        world.apply(objects).await;
        world
    }

    /// What an apply would do, without its checks.
    pub(crate) async fn apply(&self, objects: Vec<Object>) {
        let put = |object| Change::Put { project: PROJECT.into(), object };
        let changes: Vec<Change> = objects.into_iter().map(put).collect();
        let (version, _) = self.registry.snapshot().await.unwrap();
        self.registry.commit(&version, &changes).await.unwrap();
        let (_, snapshot) = self.registry.snapshot().await.unwrap();
        let tables = snapshot.feature_views(PROJECT).map(|view| {
            let view = view.unwrap();
            online_table(PROJECT, view, &join_keys(&snapshot, PROJECT, view).unwrap())
        });
        let keep = tables.collect();
        self.online.reconcile(&InfraChanges { keep, ..InfraChanges::default() }).await.unwrap();
    }

    /// A view as the registry holds it now.
    pub(crate) async fn view(&self, name: &str) -> Arc<FeatureView> {
        let (_, snapshot) = self.registry.snapshot().await.unwrap();
        Arc::clone(snapshot.feature_view(PROJECT, name).unwrap())
    }
}

pub(crate) fn config() -> RepoConfig {
    RepoConfig {
        project: PROJECT.into(),
        project_description: String::new(),
        repo_dir: "/nowhere".into(),
        registry: StoreConfig::new("memory"),
        online_store: None,
        offline_stores: Vec::new(),
        entity_key_version: 3,
        online_ttl: OnlineTtl::Enforce,
        compat_feast: false,
        registry_ttl: Duration::from_secs(600),
        online_write_batch_size: None,
        ignored: Vec::new(),
    }
}

/// A source whose table has the source's name, with `event_timestamp` and, if asked, `created`.
pub(crate) fn source(name: &str, created: bool) -> DataSource {
    let kind = SourceKind::File {
        path: name.into(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let mut source = DataSource::new(name, kind);
    source.timestamp_field = "event_timestamp".into();
    if created {
        source.created_timestamp_column = "created".into();
    }
    source
}

/// An enabled, served view over the source of its name that has a created column.
pub(crate) fn view(name: &str, keys: &[(&str, ValueType)], features: &[(&str, ValueType)]) -> FeatureView {
    let fields = |list: &[(&str, ValueType)]| list.iter().map(|(n, t)| Field::new(*n, *t)).collect();
    FeatureView {
        name: name.into(),
        entities: keys.iter().map(|(name, _)| format!("{name}_entity")).collect(),
        entity_columns: fields(keys),
        features: fields(features),
        batch_source: Some(source(name, true)),
        online: true,
        enabled: true,
        ..FeatureView::default()
    }
}

pub(crate) fn object(view: FeatureView) -> Object {
    Object::FeatureView(Arc::new(view))
}

pub(crate) fn entity(join_key: &str, value_type: ValueType) -> Object {
    let name = format!("{join_key}_entity");
    Object::Entity(Arc::new(Entity { name, join_key: join_key.into(), value_type, ..Entity::default() }))
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

pub(crate) fn ints<V: Into<Option<i64>> + Copy>(values: &[V]) -> ArrayRef {
    Arc::new(values.iter().map(|v| (*v).into()).collect::<Int64Array>())
}

pub(crate) fn doubles<V: Into<Option<f64>> + Copy>(values: &[V]) -> ArrayRef {
    Arc::new(values.iter().map(|v| (*v).into()).collect::<Float64Array>())
}

pub(crate) fn texts<'a, V: Into<Option<&'a str>> + Copy>(values: &[V]) -> ArrayRef {
    Arc::new(values.iter().map(|v| (*v).into()).collect::<StringArray>())
}

pub(crate) fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Instants from ISO 8601 text.
pub(crate) fn times<'a, V: Into<Option<&'a str>> + Copy>(values: &[V]) -> ArrayRef {
    let micros = values.iter().map(|v| (*v).into().map(|text| instant(text).0));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_data_type(timestamp_type()))
}

/// The repository whose online answers were recorded from Feast (`testdata/online_features.json`), with the rows that were recorded.
pub(crate) async fn interop(config: RepoConfig) -> World {
    use ValueType as T;
    let driver = ("driver_id", T::INT64);
    let customer = ("customer_id", T::STRING);
    let stats = [("conv_rate", T::FLOAT), ("acc_rate", T::DOUBLE), ("avg_daily_trips", T::INT64)];
    let profile = [("age", T::INT32), ("tier", T::STRING), ("tags_list", T::STRING_LIST)];
    let views = [
        FeatureView { ttl: Some(7 * DAY), ..view("driver_hourly_stats", &[driver], &stats) },
        FeatureView { ttl: Some(0), ..view("customer_profile", &[customer], &profile) },
        FeatureView {
            ttl: Some(2 * DAY),
            ..view("driver_push_stats", &[driver], &[("lat", T::DOUBLE), ("rating", T::INT32)])
        },
        view("driver_customer_affinity", &[driver, customer], &[("affinity", T::DOUBLE)]),
        view("global_stats", &[], &[("fx_rate", T::DOUBLE)]),
    ];
    let alias = |alias: &str, column: &str| Projection {
        view: "driver_hourly_stats".into(),
        alias: Some(alias.into()),
        join_key_map: [("driver_id".to_owned(), column.to_owned())].into(),
        features: vec![Field::new("conv_rate", T::FLOAT)],
    };
    let whole = |view: &str| Projection { view: view.into(), ..Projection::default() };
    let aliases = vec![alias("origin_stats", "origin_driver"), alias("dest_stats", "dest_driver")];
    let mut objects: Vec<Object> = views.into_iter().map(object).collect();
    objects.extend([entity("driver_id", T::INT64), entity("customer_id", T::STRING)]);
    objects.push(service("svc_alias", aliases));
    objects.push(service("svc_logged", vec![whole("customer_profile"), whole("driver_push_stats")]));
    let world = World::with(objects, config, Arc::new(MemoryOnline::new())).await;
    for (name, rows) in interop_rows() {
        let context = RequestContext::local();
        world.store.write_to_online_store(name, rows, context).await.unwrap();
    }
    world
}

pub(crate) fn service(name: &str, projections: Vec<Projection>) -> Object {
    let service = FeatureService { name: name.into(), projections, ..FeatureService::default() };
    Object::FeatureService(Arc::new(service))
}

fn interop_rows() -> Vec<(&'static str, RecordBatch)> {
    let day = |hours: &[&str]| {
        let texts: Vec<String> = hours.iter().map(|h| format!("2026-11-20T{h}Z")).collect();
        times(&texts.iter().map(|t| Some(t.as_str())).collect::<Vec<_>>())
    };
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.append_value([Some("a"), Some("b")]);
    tags.append_value([None::<&str>; 0]);
    tags.append_null();
    tags.append_value([Some("x")]);
    let stats = vec![
        ("driver_id", ints(&[1001, 1002, 1003, 1004])),
        (
            "event_timestamp",
            times(&["2026-11-20T12:30:15Z", "2026-11-20T11:00Z", "2026-11-19T08:00Z", "2026-11-20T09:00Z"]),
        ),
        ("created", day(&["00:00"; 4])),
        ("conv_rate", doubles(&[Some(0.25), Some(0.75), Some(0.9), None])),
        ("acc_rate", doubles(&[0.8, 0.6, 0.5, 0.4])),
        ("avg_daily_trips", ints(&[20, 40, 50, 60])),
    ];
    let profile = vec![
        ("customer_id", texts(&["c1", "c2", "zoë", ""])),
        ("event_timestamp", day(&["01:00", "02:00", "03:00", "04:00"])),
        ("created", day(&["00:00"; 4])),
        ("age", ints(&[Some(33), Some(44), None, Some(66)])),
        ("tier", texts(&[Some("gold"), Some("silver"), None, Some("")])),
        ("tags_list", Arc::new(tags.finish()) as ArrayRef),
    ];
    let pushed = vec![
        ("driver_id", ints(&[1001, 1002])),
        ("event_timestamp", day(&["08:00", "08:00"])),
        ("created", day(&["00:00"; 2])),
        ("lat", doubles(&[Some(10.5), None])),
        ("rating", ints(&[3, 1])),
    ];
    let affinity = vec![
        ("driver_id", ints(&[1001, 1002])),
        ("customer_id", texts(&["c1", "c2"])),
        ("event_timestamp", day(&["05:00", "06:00"])),
        ("created", day(&["00:00"; 2])),
        ("affinity", doubles(&[0.5, 0.125])),
    ];
    let global = vec![
        ("event_timestamp", day(&["05:00", "07:00"])),
        ("created", day(&["00:00"; 2])),
        ("fx_rate", doubles(&[1.1, 1.2])),
    ];
    vec![
        ("driver_hourly_stats", batch(stats)),
        ("customer_profile", batch(profile)),
        ("driver_push_stats", batch(pushed)),
        ("driver_customer_affinity", batch(affinity)),
        ("global_stats", batch(global)),
    ]
}
