//! Where a table is, and the store of its log.

use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{Error, OpenContext, Result};
use provender_join::storage::{Bucket, Places, StorageOptions, is_url};
use std::sync::Arc;
use url::Url;

/// The place of a table, on local disk or in a bucket, whether a table is there or not.
#[derive(Clone, Debug)]
pub(crate) struct TablePlace {
    /// Absolute path, or URL; no slash at the end.
    pub(crate) path: String,
    /// What reads the rows.
    pub(crate) places: Places,
}

impl TablePlace {
    /// The place that a source's definition names.
    ///
    /// # Errors
    /// `Unsupported` if it is no source of Delta's format.
    pub(crate) fn of(source: &DataSource, context: &OpenContext, options: &StorageOptions) -> Result<Self> {
        match &source.kind {
            SourceKind::File { path, format: FileFormat::Delta, s3_endpoint_override } => {
                let options = options.clone().with_s3_endpoint(s3_endpoint_override);
                Ok(Self::at(path, context, &options))
            }
            kind => Err(Error::unsupported("this store reads Delta tables only")
                .with("source", &source.name)
                .with("kind", kind.class())
                .with("expected", "a FileSource with file_format: delta")),
        }
    }

    /// The place at a path or URL; paths that are relative start at the repository's folder.
    pub(crate) fn at(path: &str, context: &OpenContext, options: &StorageOptions) -> Self {
        let path =
            if is_url(path) { path.to_owned() } else { context.path(path).to_string_lossy().into_owned() };
        Self { path: path.trim_end_matches('/').to_owned(), places: Places::new(options.clone()) }
    }

    /// The store of the table's log. Its futures must run inside [`provender_join::storage::run`]. No request is made but to find credentials and region.
    ///
    /// A commit is a put that fails where the version is there already: the bucket must honour the condition, and no table of locks is used.
    ///
    /// # Errors
    /// Those of reaching the place.
    pub(crate) async fn log_store(&self) -> Result<LogStoreRef> {
        let (root, url, key) = match is_url(&self.path) {
            true => Box::pin(self.in_bucket()).await?,
            false => self.on_disk()?,
        };
        let is_plain = url.path().trim_matches('/') == key.as_ref();
        let table: Arc<dyn ObjectStore> = match key.as_ref() {
            "" => Arc::clone(&root),
            _ => Arc::new(PrefixStore::new(Arc::clone(&root), key)),
        };
        if is_plain {
            return Ok(default_logstore(table, root, &url, &StorageConfig::default()));
        }
        // The kernel escapes twice what has to be escaped in a URL: it is given the table as if it were all that there is.
        let mut url = url;
        url.set_path("/");
        Ok(default_logstore(Arc::clone(&table), table, &url, &StorageConfig::default()))
    }

    async fn in_bucket(&self) -> Result<(Arc<dyn ObjectStore>, Url, Path)> {
        let Bucket { store, root, key } = self.places.bucket(&self.path).await?;
        let mut url = Url::parse(&root).map_err(|e| self.no_table().because(e))?;
        url.path_segments_mut()
            .map_err(|()| self.no_table())?
            .pop_if_empty()
            .extend(key.parts().map(|part| part.as_ref().to_owned()))
            .push("");
        Ok((store, url, key))
    }

    fn on_disk(&self) -> Result<(Arc<dyn ObjectStore>, Url, Path)> {
        let url = Url::from_directory_path(&self.path).map_err(|()| self.no_table())?;
        let key = Path::from_url_path(url.path()).map_err(|e| self.no_table().because(e))?;
        Ok((Arc::new(LocalFileSystem::new()), url, key))
    }

    fn no_table(&self) -> Error {
        Error::invalid("not the place of a table").with("table", &self.path)
    }

    /// Path or URL of a file that the log names, absolute or below the table.
    pub(crate) fn file(&self, name: &str) -> String {
        match name.strip_prefix("file:") {
            Some(path) => format!("/{}", path.trim_start_matches('/')),
            None if name.contains("://") => name.to_owned(),
            None => format!("{}/{name}", self.path),
        }
    }
}
