//! The feature store: one repository's configuration over its opened backends.

#[cfg(test)]
mod tests;

use crate::layer;
use crate::queries::{NoQueries, RegisteredTables};
use crate::serving::{PlanCache, ServedViews};
use arc_swap::ArcSwapOption;
use provender_core::config::{RepoConfig, StoreConfig};
use provender_core::registry::{RegistrySnapshot, Version};
use provender_core::{Kind, OfflineStore, OnlineStore, OpenContext, Providers, Registry, Result, SqlEngine};
use std::sync::Arc;
use tokio::sync::Mutex;

/// One project's feature store. Cheap to share behind an `Arc`; every method takes `&self`.
#[derive(Debug)]
pub struct FeatureStore {
    pub(crate) config: RepoConfig,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) offline: Vec<Arc<dyn OfflineStore>>,
    pub(crate) online: Option<Arc<dyn OnlineStore>>,
    pub(crate) sql: Option<Arc<dyn SqlEngine>>,
    pub(crate) served: ServedViews,
    cached: ArcSwapOption<CachedRegistry>,
    /// Held while the registry is read for the cache, so that a slow read never replaces what a later one saw, and a cold start reads once.
    loading: Mutex<()>,
}

/// The registry as this process last saw it. A refresh that finds another version swaps in a new one, so whatever is derived from a registry can be kept beside this
/// pointer and go with it.
#[derive(Debug)]
pub(crate) struct CachedRegistry {
    pub(crate) version: Version,
    pub(crate) snapshot: Arc<RegistrySnapshot>,
    /// Serving plans that were compiled from the snapshot.
    pub(crate) plans: PlanCache,
}

impl FeatureStore {
    /// Opens the backends that the configuration names. Their calls end at a request's deadline and are repeated, where that is harmless, while a store is unavailable.
    ///
    /// # Errors
    /// What [`Providers::open`] says of the first section that cannot be opened.
    pub async fn open(config: RepoConfig, providers: &Providers) -> Result<Self> {
        let context = OpenContext::new(&config.project, &config.repo_dir);
        let registry = layer::registry(providers.open::<dyn Registry>(&config.registry, &context).await?);
        let offline = providers.open_offline(&config.offline_stores, &context).await?;
        let offline = offline.into_iter().map(layer::offline).collect();
        let online = match &config.online_store {
            Some(section) => Some(layer::online(providers.open::<dyn OnlineStore>(section, &context).await?)),
            None => None,
        };
        let mut store = Self::new(config, registry, offline, online);
        match providers.open::<dyn SqlEngine>(&StoreConfig::new("datafusion"), &context).await {
            Ok(engine) => return Ok(store.with_sql(engine)),
            Err(error) if matches!(error.kind(), Kind::Unsupported | Kind::Invalid) => {
                store.offline.insert(0, Arc::new(NoQueries));
            }
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// A store over backends that are already open.
    #[must_use]
    pub fn new(
        config: RepoConfig,
        registry: Arc<dyn Registry>,
        offline: Vec<Arc<dyn OfflineStore>>,
        online: Option<Arc<dyn OnlineStore>>,
    ) -> Self {
        Self {
            config,
            registry,
            offline,
            online,
            sql: None,
            served: ServedViews::default(),
            cached: ArcSwapOption::empty(),
            loading: Mutex::new(()),
        }
    }

    /// The store with an engine that answers queries, and reads the sources that are queries.
    #[must_use]
    pub fn with_sql(mut self, engine: Arc<dyn SqlEngine>) -> Self {
        let tables = RegisteredTables::new(&self.registry, self.project(), &self.offline);
        self.offline.insert(0, layer::offline(Arc::clone(&engine).store(Arc::new(tables))));
        self.sql = Some(engine);
        self
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &RepoConfig {
        &self.config
    }

    /// Name of the project.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.config.project
    }

    /// The registry as it is now, read afresh.
    ///
    /// # Errors
    /// What the registry says.
    pub async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        self.registry.snapshot().await
    }

    /// The registry as this process last saw it: read on first use, then replaced by [`FeatureStore::refresh`]. Never waits once read.
    ///
    /// # Errors
    /// What the registry says on first use.
    pub async fn cached_snapshot(&self) -> Result<Arc<RegistrySnapshot>> {
        Ok(Arc::clone(&self.cached().await?.snapshot))
    }

    /// The registry as this process last saw it, if it has. Not to be held while waiting.
    pub(crate) fn cached_now(&self) -> arc_swap::Guard<Option<Arc<CachedRegistry>>> {
        self.cached.load()
    }

    /// As [`FeatureStore::cached_snapshot`], with its version.
    pub(crate) async fn cached(&self) -> Result<Arc<CachedRegistry>> {
        if let Some(cached) = self.cached.load_full() {
            return Ok(cached);
        }
        let _loading = self.loading.lock().await;
        match self.cached.load_full() {
            Some(cached) => Ok(cached),
            None => Ok(self.load().await?.0),
        }
    }

    /// Reads the registry again and swaps the cached snapshot and the compiled serving plans; answers whether anything changed.
    ///
    /// # Errors
    /// What the registry says; the old snapshot stays in use then.
    pub async fn refresh(&self) -> Result<bool> {
        let _loading = self.loading.lock().await;
        Ok(self.load().await?.1)
    }

    /// Reads the registry; the cached snapshot is replaced only if its version differs. The caller holds the lock.
    async fn load(&self) -> Result<(Arc<CachedRegistry>, bool)> {
        let (version, snapshot) = self.registry.snapshot().await?;
        match self.cached.load_full() {
            Some(cached) if cached.version == version => Ok((cached, false)),
            _ => {
                let fresh = Arc::new(CachedRegistry { version, snapshot, plans: PlanCache::default() });
                self.cached.store(Some(Arc::clone(&fresh)));
                Ok((fresh, true))
            }
        }
    }
}
