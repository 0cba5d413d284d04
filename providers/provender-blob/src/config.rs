//! The settings of `type: file`.

use provender_core::{Error, OpenContext, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::path::PathBuf;

/// The settings of `type: file`: Feast's.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlobConfig {
    /// The registry's file; a relative path starts at the repository's folder. May begin with `file://`.
    pub path: String,
    /// Feast's store class. Only `FileRegistryStore`: the path tells the store.
    pub registry_store_type: Option<String>,
    /// Feast's own tables for each version of a view. Only `false`: this build reads and writes one table a view.
    pub enable_online_feature_view_versioning: bool,
    /// How old the registry that a server uses may be, in seconds; acted on by the server, not here.
    pub cache_ttl_seconds: IgnoredAny,
    /// How Feast refreshes its cache; a changed file is always seen here.
    pub cache_mode: IgnoredAny,
    /// Feast's settings for S3; without meaning for a local file.
    pub s3_additional_kwargs: IgnoredAny,
    /// Whether Feast drops its old project metadata; what is there is kept here.
    pub purge_feast_metadata: IgnoredAny,
    /// How Feast's server treats views that are being materialized.
    pub serve_features_while_materializing: IgnoredAny,
    /// Feast's MCP server.
    pub mcp: IgnoredAny,
}

impl BlobConfig {
    /// A registry at a path, everything else as Feast has it by default.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// The file's absolute path.
    ///
    /// # Errors
    /// `Invalid` without a path; `Unsupported` for a URL of another store than `file://` and for what only Feast can do.
    pub(crate) fn local_path(&self, context: &OpenContext) -> Result<PathBuf> {
        let unsupported =
            |what, key, value: &str| Err(Error::unsupported(what).with("at", key).with("value", value));
        if self.path.is_empty() {
            return Err(Error::invalid("the registry has no path")
                .with("at", "registry.path")
                .with("expected", "a file such as data/registry.db"));
        }
        if let Some((scheme, _)) = self.path.split_once("://")
            && scheme != "file"
        {
            return unsupported(
                "this build keeps the registry in local files only",
                "registry.path",
                &self.path,
            );
        }
        match self.registry_store_type.as_deref() {
            None | Some("FileRegistryStore" | "feast.infra.registry.file.FileRegistryStore") => {}
            Some(other) => {
                return unsupported(
                    "a store class of Feast cannot be used",
                    "registry.registry_store_type",
                    other,
                );
            }
        }
        if self.enable_online_feature_view_versioning {
            let key = "registry.enable_online_feature_view_versioning";
            return unsupported("the online store has one table a view, not one a version", key, "true");
        }
        Ok(context.path(&self.path))
    }
}
