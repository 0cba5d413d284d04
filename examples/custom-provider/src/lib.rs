#![doc = include_str!("../README.md")]

mod store;

use provender_core::{OnlineStore, OpenContext, Provider, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::FolderStore;

/// An online store in a folder: `type: folder`.
#[derive(Debug)]
pub struct Folder;

/// The settings of `type: folder`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// The folder; a relative path starts at the repository's folder.
    pub path: String,
}

impl Provider for Folder {
    type Store = dyn OnlineStore;
    type Config = FolderConfig;
    const TYPE: &'static str = "folder";

    async fn open(config: FolderConfig, context: &OpenContext) -> Result<Arc<dyn OnlineStore>> {
        Ok(Arc::new(FolderStore::new(context.path(&config.path))))
    }
}
