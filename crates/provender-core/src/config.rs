//! `feature_store.yaml`: Feast's keys, and ours.

mod known;
mod parse;
mod redact;
mod secret;
mod store;
#[cfg(test)]
mod tests;
mod variables;

pub use secret::Secret;
pub use store::StoreConfig;

use serde_json::{Value, json};
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
    /// `online_store:`; `None` when it is set to null. Without the key it is Feast's default, SQLite.
    pub online_store: Option<StoreConfig>,
    /// `offline_store:` followed by `offline_stores:`; without both one of type `file`.
    pub offline_stores: Vec<StoreConfig>,
    /// `entity_key_serialization_version`: 3, the only one that is written and read.
    pub entity_key_version: u32,
    /// `online_ttl:` what an expired value becomes online. Without the key it follows `compat`.
    pub online_ttl: OnlineTtl,
    /// `compat: feast`: serve exactly as Feast's Python server does, deviations off.
    pub compat_feast: bool,
    /// `registry.cache_ttl_seconds`: how old the registry that a server uses may be; Feast's default is 600 seconds, and 0 means any age.
    pub registry_ttl: Duration,
    /// `materialization.online_write_batch_size`: rows a write; `None` for the engine's choice.
    pub online_write_batch_size: Option<usize>,
    /// Feast's keys that are set and that Provender does not act on, as paths.
    pub ignored: Vec<String>,
}

impl RepoConfig {
    /// The configuration as it is in effect, defaults filled in and secrets hidden, with the keys of the file.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = json!({
            "project": self.project,
            "registry": self.registry.to_json(),
            "online_store": self.online_store.as_ref().map(StoreConfig::to_json),
            "offline_stores": self.offline_stores.iter().map(StoreConfig::to_json).collect::<Vec<_>>(),
            "entity_key_serialization_version": self.entity_key_version,
            "online_ttl": self.online_ttl.name(),
        });
        if !self.project_description.is_empty() {
            all["project_description"] = self.project_description.as_str().into();
        }
        if self.compat_feast {
            all["compat"] = "feast".into();
        }
        if let Some(rows) = self.online_write_batch_size {
            all["materialization"] = json!({ "online_write_batch_size": rows });
        }
        let ttl = if self.registry_ttl == Duration::MAX { 0 } else { self.registry_ttl.as_secs() };
        all["registry"]["cache_ttl_seconds"] = ttl.into();
        all
    }
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

impl OnlineTtl {
    /// Its word in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Report => "report",
            Self::Ignore => "ignore",
        }
    }
}
