#![doc = include_str!("../README.md")]

mod columns;
mod error;
mod files;
mod place;
mod stats;
mod store;
mod table;
mod travel;
mod write;

pub use provender_join::storage::StorageOptions;
pub use store::DeltaStore;

use provender_core::{OfflineStore, OpenContext, Provider, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// Delta tables as an offline store: `type: delta`.
#[derive(Debug)]
pub struct Delta;

/// Settings of [`Delta`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeltaConfig {
    /// Settings of object stores; what is not set comes from the environment.
    #[serde(default)]
    pub storage_options: StorageOptions,
    /// Feast's for its own stores of Delta tables, without effect: nothing is staged.
    #[serde(default, rename = "staging_location")]
    _staging_location: Option<IgnoredAny>,
    /// Feast's, without effect.
    #[serde(default, rename = "staging_location_endpoint_override")]
    _staging_location_endpoint_override: Option<IgnoredAny>,
}

impl Provider for Delta {
    type Store = dyn OfflineStore;
    type Config = DeltaConfig;
    const TYPE: &'static str = "delta";

    async fn open(config: DeltaConfig, context: &OpenContext) -> Result<Arc<dyn OfflineStore>> {
        Ok(Arc::new(DeltaStore::new(context.clone(), config.storage_options)))
    }
}
