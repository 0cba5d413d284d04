//! The registry kept at hand.

use super::FeatureStore;
use async_trait::async_trait;
use provender_core::config::{OnlineTtl, RepoConfig, StoreConfig};
use provender_core::memory::MemoryRegistry;
use provender_core::model::{Entity, Object};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Error, Registry, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Counts reads, gives way to other tasks during each, and can be away.
#[derive(Debug, Default)]
struct Counted {
    inner: MemoryRegistry,
    reads: AtomicUsize,
    away: AtomicBool,
}

#[async_trait]
impl Registry for Counted {
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::unavailable("away"));
        }
        self.inner.snapshot().await
    }

    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version> {
        self.inner.commit(base, changes).await
    }

    fn describe(&self) -> String {
        "counted".to_owned()
    }
}

fn open() -> (Arc<Counted>, FeatureStore) {
    let config = RepoConfig {
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
    };
    let registry = Arc::new(Counted::default());
    let store = FeatureStore::new(config, Arc::clone(&registry) as _, Vec::new(), None);
    (registry, store)
}

async fn add(registry: &Counted, name: &str) {
    let entity = Object::Entity(Arc::new(Entity { name: name.into(), ..Entity::default() }));
    let (base, _) = registry.inner.snapshot().await.unwrap();
    registry.inner.commit(&base, &[Change::Put { project: "shop".into(), object: entity }]).await.unwrap();
}

#[tokio::test]
async fn many_first_requests_read_the_registry_once() {
    let (registry, store) = open();
    let readers = (0..8).map(|_| store.cached_snapshot());
    futures::future::try_join_all(readers).await.unwrap();
    assert_eq!(registry.reads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refresh_swaps_only_what_changed() {
    let (registry, store) = open();
    add(&registry, "driver").await;
    let first = store.cached().await.unwrap();
    assert!(!store.refresh().await.unwrap());
    assert!(Arc::ptr_eq(&first, &store.cached().await.unwrap()), "what hangs on the snapshot stays");
    add(&registry, "rider").await;
    assert!(store.cached_snapshot().await.unwrap().entity("shop", "rider").is_err());
    assert!(store.refresh().await.unwrap());
    assert!(store.cached_snapshot().await.unwrap().entity("shop", "rider").is_ok());
}

#[tokio::test]
async fn requests_go_on_while_the_registry_is_away() {
    let (registry, store) = open();
    registry.away.store(true, Ordering::SeqCst);
    assert!(store.cached_snapshot().await.is_err());
    registry.away.store(false, Ordering::SeqCst);
    add(&registry, "driver").await;
    assert!(store.cached_snapshot().await.is_ok());
    registry.away.store(true, Ordering::SeqCst);
    assert!(store.refresh().await.is_err());
    assert!(store.cached_snapshot().await.unwrap().entity("shop", "driver").is_ok());
}
