//! The registry file under readers, writers and faults.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod buckets;
mod concurrency;
mod config;
mod faults;
mod feast;
mod server;

use provender_blob::BlobRegistry;
use provender_core::model::{Entity, Object, ObjectKind};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Kind, Registry, Result};
use std::path::Path;
use std::sync::Arc;

const PROJECT: &str = "p";

fn registry(path: impl AsRef<Path>) -> BlobRegistry {
    BlobRegistry::new(path.as_ref().to_owned())
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

fn read(registry: &BlobRegistry) -> Result<(Version, Arc<RegistrySnapshot>)> {
    run(registry.snapshot())
}

fn entity(name: &str) -> Change {
    let entity = Entity { name: name.to_owned(), ..Entity::default() };
    Change::Put { project: PROJECT.to_owned(), object: Object::Entity(entity.into()) }
}

/// Commits as the engine does: on a conflict it plans again on what is there now.
fn commit(registry: &BlobRegistry, changes: &[Change]) -> Result<Version> {
    run(async {
        loop {
            let (base, _) = registry.snapshot().await?;
            match registry.commit(&base, changes).await {
                Err(e) if e.kind() == Kind::Conflict => {}
                other => return other,
            }
        }
    })
}

fn entities(snapshot: &RegistrySnapshot) -> Vec<String> {
    let names = snapshot.list(PROJECT, ObjectKind::Entity).map(|o| o.name.to_string());
    names.filter(|name| name != "__dummy").collect()
}
