//! The settings of `type: file`.

use provender_core::{Error, OpenContext, Result};
use provender_join::storage::{StorageOptions, is_url};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The settings of `type: file`: Feast's.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlobConfig {
    /// The registry's file; a relative path starts at the repository's folder. May begin with `file://`. Or the URL of an object: `s3://`, `gs://`, `az://`,
    /// `abfss://`, or `https://` as Azure writes them.
    pub path: String,
    /// Settings of the object store; what is not set comes from the environment.
    pub storage_options: StorageOptions,
    /// Feast's store class: the one of the path's kind, or none. The path tells the store.
    pub registry_store_type: Option<String>,
    /// Feast's own tables for each version of a view. Only `false`: this build reads and writes one table a view.
    pub enable_online_feature_view_versioning: bool,
    /// How old the registry that a server uses may be, in seconds; acted on by the server, not here.
    pub cache_ttl_seconds: IgnoredAny,
    /// How Feast refreshes its cache; a changed file is always seen here.
    pub cache_mode: IgnoredAny,
    /// Feast's arguments for uploads to S3: `ServerSideEncryption` and `SSEKMSKeyId`. Without meaning for a local file.
    pub s3_additional_kwargs: BTreeMap<String, String>,
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

    /// Where the registry is.
    ///
    /// # Errors
    /// `Invalid` without a path, or with a store class that is not of its URL; `Unsupported` for what only Feast can do.
    pub(crate) fn place(self, context: &OpenContext) -> Result<Place> {
        if self.path.is_empty() {
            return Err(Error::invalid("the registry has no path")
                .with("at", "registry.path")
                .with("expected", "a file such as data/registry.db, or s3://bucket/registry.db"));
        }
        self.check_store_class()?;
        if self.enable_online_feature_view_versioning {
            return Err(Error::unsupported("the online store has one table a view, not one a version")
                .with("at", "registry.enable_online_feature_view_versioning")
                .with("value", "true"));
        }
        if !is_url(&self.path) {
            return Ok(Place::File(context.path(&self.path)));
        }
        let mut options = self.storage_options;
        for (key, value) in self.s3_additional_kwargs {
            options = options.with(encryption(&key)?, value);
        }
        Ok(Place::Bucket(self.path, options))
    }

    /// Feast's store classes are those of its URLs: a class of one's own is code that nobody runs here.
    fn check_store_class(&self) -> Result<()> {
        let Some(class) = &self.registry_store_type else { return Ok(()) };
        let schemes: &[&str] = match class.rsplit('.').next().unwrap_or(class) {
            "FileRegistryStore" => &["", "file"],
            "S3RegistryStore" => &["s3", "s3a"],
            "GCSRegistryStore" => &["gs"],
            "AzureRegistryStore" => &["https", "az", "azure", "abfs", "abfss"],
            _ => {
                return Err(Error::unsupported("a store class of Feast cannot be used")
                    .with("at", "registry.registry_store_type")
                    .with("value", class));
            }
        };
        let scheme = self.path.split_once("://").map_or("", |(scheme, _)| scheme);
        if schemes.contains(&scheme) {
            return Ok(());
        }
        Err(Error::invalid("the registry's path is not one of its store class")
            .with("at", "registry.registry_store_type")
            .with("value", class)
            .with("path", &self.path))
    }
}

/// Where a registry is.
#[derive(Debug)]
pub(crate) enum Place {
    File(PathBuf),
    Bucket(String, StorageOptions),
}

/// The setting that does what an argument of boto3's uploads does.
fn encryption(argument: &str) -> Result<&'static str> {
    match argument {
        "ServerSideEncryption" => Ok("aws_server_side_encryption"),
        "SSEKMSKeyId" => Ok("aws_sse_kms_key_id"),
        other => Err(Error::unsupported("an argument of boto3 that has no counterpart here")
            .with("at", format!("registry.s3_additional_kwargs.{other}"))
            .with("expected", "ServerSideEncryption or SSEKMSKeyId")),
    }
}
