//! A repository in memory for tests.

use crate::definitions::forms_for_tests;
use crate::{ApplyOptions, Definitions, FeatureStore, Plan, Problems};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use provender_core::config::{OnlineTtl, RepoConfig, StoreConfig};
use provender_core::memory::{MemoryOffline, MemoryOnline, MemoryRegistry};
use provender_core::registry::{Change, RegistrySnapshot};
use provender_core::{OnlineStore, Registry};
use std::sync::Arc;
use std::time::Duration;

/// The sources that most tests use.
pub(super) const SOURCES: &str = "
kind: Entity
name: driver
join_keys: [driver_id]
---
kind: FileSource
name: hourly
path: hourly
timestamp_field: event_timestamp
created_timestamp_column: created
";

/// [`SOURCES`] and a view over them.
pub(super) fn shop() -> String {
    format!("{SOURCES}---\nkind: FeatureView\nname: stats\nentities: [driver]\nttl: 1d\nsource: hourly\n")
}

/// A feature store over stores in memory, with a few tables.
#[derive(Debug)]
pub(super) struct Repo {
    pub(super) store: FeatureStore,
    pub(super) registry: Arc<MemoryRegistry>,
    pub(super) offline: Arc<MemoryOffline>,
    pub(super) online: Arc<MemoryOnline>,
}

impl Repo {
    /// Project `shop`, with the tables `hourly` (driver_id Int64, event_timestamp, created, conv_rate Float32, trips Int64) and `daily` (city Utf8, ts, rating Float64).
    pub(super) fn new() -> Self {
        let offline = Arc::new(MemoryOffline::new());
        let repo = Self::over(Arc::default(), offline, Arc::default());
        repo.table(
            "hourly",
            &[
                ("driver_id", DataType::Int64),
                ("event_timestamp", timestamp()),
                ("created", timestamp()),
                ("conv_rate", DataType::Float32),
                ("trips", DataType::Int64),
            ],
        );
        repo.table("daily", &[("city", DataType::Utf8), ("ts", timestamp()), ("rating", DataType::Float64)]);
        repo
    }

    /// Another process on the same stores.
    pub(super) fn again(&self) -> Self {
        Self::over(Arc::clone(&self.registry), Arc::clone(&self.offline), Arc::clone(&self.online))
    }

    /// A process whose registry or online store is another.
    pub(super) fn with_stores(
        &self,
        registry: Arc<dyn Registry>,
        online: Arc<dyn OnlineStore>,
    ) -> FeatureStore {
        FeatureStore::new(config(), registry, vec![Arc::clone(&self.offline) as _], Some(online))
    }

    fn over(registry: Arc<MemoryRegistry>, offline: Arc<MemoryOffline>, online: Arc<MemoryOnline>) -> Self {
        let store = FeatureStore::new(
            config(),
            Arc::clone(&registry) as Arc<dyn Registry>,
            vec![Arc::clone(&offline) as _],
            Some(Arc::clone(&online) as Arc<dyn OnlineStore>),
        );
        Self { store, registry, offline, online }
    }

    /// Adds a table without rows.
    pub(super) fn table(&self, name: &str, columns: &[(&str, DataType)]) {
        let fields: Vec<_> = columns.iter().map(|(n, t)| Field::new(*n, t.clone(), true)).collect();
        let empty = RecordBatch::new_empty(Arc::new(Schema::new(fields)));
        self.offline.insert(name, &[empty]).unwrap();
    }

    pub(super) async fn plan(&self, yaml: &str) -> Plan {
        self.store.plan(&parse(yaml), &ApplyOptions::default()).await.unwrap_or_else(|e| panic!("{e}"))
    }

    pub(super) async fn apply(&self, yaml: &str) -> Plan {
        self.apply_with(yaml, &ApplyOptions::default()).await.unwrap_or_else(|e| panic!("{e}"))
    }

    pub(super) async fn apply_with(&self, yaml: &str, options: &ApplyOptions) -> Result<Plan, Problems> {
        self.store.apply(&parse(yaml), options).await.map(|applied| applied.plan)
    }

    /// What is wrong with definitions, one problem a line.
    pub(super) async fn problems(&self, yaml: &str) -> String {
        match self.store.plan(&parse(yaml), &ApplyOptions::default()).await {
            Ok(plan) => panic!("nothing is wrong: {plan:?}"),
            Err(problems) => format!("{problems}\n"),
        }
    }

    /// Changes the registry as another program would.
    pub(super) async fn commit(&self, changes: &[Change]) {
        let (base, _) = self.registry.snapshot().await.unwrap();
        self.registry.commit(&base, changes).await.unwrap();
    }

    pub(super) async fn snapshot(&self) -> Arc<RegistrySnapshot> {
        self.registry.snapshot().await.unwrap().1
    }

    /// Kinds and names of the project's objects.
    pub(super) async fn objects(&self) -> Vec<String> {
        let snapshot = self.snapshot().await;
        snapshot.objects("shop").map(|o| format!("{} {}", o.kind.class(), o.name)).collect()
    }
}

/// A plan's changes as text, one a line.
pub(super) fn show(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.objects {
        text += &format!("{:?} {} {}\n", change.action, change.kind.class(), change.name);
        for f in &change.fields {
            let [before, after] = [&f.before, &f.after].map(|v| v.as_deref().unwrap_or("-"));
            text += &format!("  {}: {before} -> {after}\n", f.field);
        }
    }
    for change in &plan.infra {
        let destructive = if change.destructive { " (destructive)" } else { "" };
        text += &format!("{:?} {}{destructive}\n", change.action, change.name);
    }
    text
}

pub(super) fn parse(yaml: &str) -> Definitions {
    forms_for_tests("defs.yaml", yaml).unwrap_or_else(|e| panic!("{e}"))
}

pub(super) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn config() -> RepoConfig {
    RepoConfig {
        project: "shop".into(),
        project_description: String::new(),
        repo_dir: ".".into(),
        registry: StoreConfig::new("memory"),
        online_store: None,
        offline_stores: Vec::new(),
        entity_key_version: 3,
        online_ttl: OnlineTtl::default(),
        compat_feast: false,
        registry_ttl: Duration::from_secs(600),
        online_write_batch_size: None,
        ignored: Vec::new(),
    }
}
