//! The bare store behind a URL, for table formats whose libraries read their own metadata.

use super::remote::{self, Place};
use super::url::{Cloud, Location};
use super::{Places, StorageOptions};
use object_store::ObjectStore;
use object_store::path::Path;
use provender_core::{Error, Result};
use std::sync::Arc;

/// A bucket's store, and the place in it that a URL means.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The client, with the credentials, retries and limits of [`Places`]. Its futures must run inside [`run`].
    pub store: Arc<dyn ObjectStore>,
    /// The bucket as `s3://NAME/`, `gs://NAME/` or `az://NAME/`, however the URL was spelled.
    pub root: String,
    /// The key.
    pub key: Path,
}

impl Places {
    /// The store behind a URL. No request is made but to find credentials and region.
    ///
    /// # Errors
    /// `Invalid` for a URL or settings that make no sense, `Unsupported` if this build does not reach the store.
    pub async fn bucket(&self, url: &str) -> Result<Bucket> {
        let location = Location::parse(url)?;
        let scheme = match location.cloud {
            Cloud::S3 => "s3",
            Cloud::Gcs => "gs",
            Cloud::Azure => "az",
        };
        let root = format!("{scheme}://{}/", location.bucket);
        let options: StorageOptions = self.options().clone();
        let Place { store, key, .. } =
            Box::pin(run(async move { Place::of(&location, &options).await })).await?;
        Ok(Bucket { store, root, key })
    }
}

/// Runs work on the threads that all requests to object stores run on: connections belong to their runtime.
///
/// # Errors
/// Those of the work; `Internal` if it panics.
pub async fn run<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    remote::run(work).await
}

/// What a store's error says in Provender's words, about `action` (an infinitive) on a path or URL.
#[must_use]
pub fn refusal(error: &object_store::Error, action: &'static str, path: &str) -> Error {
    remote::failed(error, action, path)
}
