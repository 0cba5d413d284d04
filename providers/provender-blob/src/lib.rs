#![doc = include_str!("../README.md")]

mod bucket;
mod config;
mod file;
mod registry;

pub use config::BlobConfig;
pub use provender_join::storage::StorageOptions;
pub use registry::BlobRegistry;

use config::Place;
use provender_core::{OpenContext, Provider, Registry, Result};
use std::sync::Arc;

/// The registry in one blob: `type: file`.
#[derive(Debug)]
pub struct Blob;

impl Provider for Blob {
    type Store = dyn Registry;
    type Config = BlobConfig;
    const TYPE: &'static str = "file";
    const ALIASES: &'static [&'static str] = &["blob"];

    async fn open(config: BlobConfig, context: &OpenContext) -> Result<Arc<dyn Registry>> {
        Ok(Arc::new(match config.place(context)? {
            Place::File(path) => BlobRegistry::new(path),
            Place::Bucket(url, options) => BlobRegistry::in_bucket(&url, &options).await?,
        }))
    }
}
