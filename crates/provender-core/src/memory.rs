//! Stores that keep everything in the process: the reference that other stores are compared with, and what tests of the engine run on.
//!
//! They are written to be plainly right and not to be fast. `type: memory` picks them; they begin empty and end with the process.

mod join;
mod offline;
mod online;
mod registry;
#[cfg(test)]
mod tests;

pub use offline::MemoryOffline;
pub use online::MemoryOnline;
pub use registry::MemoryRegistry;

use crate::{OfflineStore, OnlineStore, OpenContext, Provider, Registry, Result};
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The settings of `type: memory`: none.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {}

macro_rules! provider {
    ($store:ty, $kind:ty) => {
        impl Provider for $store {
            type Store = $kind;
            type Config = MemoryConfig;
            const TYPE: &'static str = "memory";

            async fn open(_: MemoryConfig, _: &OpenContext) -> Result<Arc<$kind>> {
                Ok(Arc::new(Self::default()))
            }
        }
    };
}

provider!(MemoryOffline, dyn OfflineStore);
provider!(MemoryOnline, dyn OnlineStore);
provider!(MemoryRegistry, dyn Registry);

/// The state behind a lock. Each change is made whole before anything can panic, so that a poisoned lock holds no half of one.
fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
