//! `feature_store.yaml`: Feast's keys, and ours.

use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// A repository's configuration: `feature_store.yaml`, checked.
#[derive(Clone, Debug)]
pub struct RepoConfig {
    /// Name of the project.
    pub project: String,
    /// For people.
    pub project_description: String,
    /// The repository's folder: relative paths start here.
    pub repo_dir: PathBuf,
    /// `registry:`; a bare path means `{type: file, path: …}`. Feast's `registry_type` is its `type`.
    pub registry: StoreConfig,
    /// `online_store:`; `None` when it is set to null. Without the key it is Feast's default: SQLite at `data/online_store.db`.
    pub online_store: Option<StoreConfig>,
    /// `offline_store:` followed by `offline_stores:`; without both one of type `file`.
    pub offline_stores: Vec<StoreConfig>,
    /// `entity_key_serialization_version`: 3, the only one that is written and read.
    pub entity_key_version: u32,
    /// `online_ttl:` what an expired value becomes online.
    pub online_ttl: OnlineTtl,
    /// `compat: feast`: serve exactly as Feast's Python server does, deviations off.
    pub compat_feast: bool,
    /// `registry.cache_ttl_seconds`: how old the registry that a server uses may be; Feast's default is 600.
    pub registry_ttl: Duration,
    /// `materialization.online_write_batch_size`: rows a write; `None` for the engine's choice.
    pub online_write_batch_size: Option<usize>,
    /// Feast's keys that are set and that Provender does not act on, as paths.
    pub ignored: Vec<String>,
}

/// What a server answers for a value that is older than its view's ttl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnlineTtl {
    /// Null with status OUTSIDE_MAX_AGE.
    #[default]
    Enforce,
    /// The value with status OUTSIDE_MAX_AGE.
    Report,
    /// The value with status PRESENT, as Feast's Python server.
    Ignore,
}

/// One store's section: its `type:` and the settings that belong to that type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreConfig {
    /// The value of `type:`.
    pub kind: String,
    /// Everything else in the section.
    pub rest: Map<String, Value>,
}

impl StoreConfig {
    /// A section of a type without settings.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), rest: Map::new() }
    }

    /// Sets one setting.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.rest.insert(key.to_owned(), value.into());
        self
    }

    /// The settings as a provider's own type.
    ///
    /// # Errors
    /// `Invalid` with the section, the type, and the path and cause of what does not fit.
    pub fn settings<C: DeserializeOwned>(&self, section: &'static str) -> Result<C> {
        serde_path_to_error::deserialize(Value::Object(self.rest.clone())).map_err(|error| {
            let at = error.path().to_string();
            Error::invalid(format!("invalid store settings: {}", error.inner()))
                .with("section", section)
                .with("type", &self.kind)
                .with("at", at)
        })
    }
}
