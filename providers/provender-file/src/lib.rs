#![doc = include_str!("../README.md")]

mod append;
mod place;
mod store;

pub use provender_join::storage::StorageOptions;
pub use store::FileStore;

use provender_core::{OfflineStore, OpenContext, Provider, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::sync::Arc;

/// Parquet and CSV files as an offline store: `type: file`.
#[derive(Debug)]
pub struct File;

/// Settings of [`File`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Settings of object stores; what is not set comes from the environment.
    #[serde(default)]
    pub storage_options: StorageOptions,
    /// Feast's, without effect: nothing is staged.
    #[serde(default, rename = "staging_location")]
    _staging_location: Option<IgnoredAny>,
    /// Feast's, without effect.
    #[serde(default, rename = "staging_location_endpoint_override")]
    _staging_location_endpoint_override: Option<IgnoredAny>,
}

impl Provider for File {
    type Store = dyn OfflineStore;
    type Config = FileConfig;
    const TYPE: &'static str = "file";
    const ALIASES: &'static [&'static str] = &["dask", "duckdb"];

    async fn open(config: FileConfig, context: &OpenContext) -> Result<Arc<dyn OfflineStore>> {
        Ok(Arc::new(FileStore::new(context.clone(), config.storage_options)))
    }
}
