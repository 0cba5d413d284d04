//! One client a bucket, made of URL, settings and environment, and kept for the life of the process.

use crate::storage::StorageOptions;
use crate::storage::url::{Cloud, Location};
use object_store::ObjectStore;
use object_store::limit::LimitStore;
use provender_core::{Error, Result};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

pub(super) type Store = Arc<dyn ObjectStore>;

/// What makes two buckets one: where they are and how they are reached.
type Bucket = (Cloud, String, Option<String>, StorageOptions);

/// Connections are costly to open: the clients of a bucket are shared by all who use it.
static STORES: LazyLock<Mutex<HashMap<Bucket, Store>>> = LazyLock::new(Mutex::default);

fn bucket(location: &Location, options: &StorageOptions) -> Bucket {
    (location.cloud, location.bucket.clone(), location.account.clone(), options.clone())
}

/// The client of a bucket, if there is one already.
pub(super) fn known(location: &Location, options: &StorageOptions) -> Option<Store> {
    let stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    stores.get(&bucket(location, options)).cloned()
}

/// The client of a bucket. No request is made but to find credentials and region.
///
/// # Errors
/// `Unsupported` if this build lacks the cloud's feature; `Invalid` for settings that are not understood.
pub(in crate::storage) async fn connect(location: &Location, options: &StorageOptions) -> Result<Store> {
    if let Some(store) = known(location, options) {
        return Ok(store);
    }
    let made = make(location, options).await.map_err(|error| error.with("path", location.url()))?;
    let store: Store = Arc::new(LimitStore::new(made, options.patience()?.concurrency));
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(stores.entry(bucket(location, options)).or_insert(store).clone())
}

#[cfg_attr(
    not(any(feature = "s3", feature = "gcs", feature = "azure")),
    expect(unused_variables, reason = "a build without any cloud sets nothing up")
)]
async fn make(location: &Location, options: &StorageOptions) -> Result<Store> {
    match location.cloud {
        #[cfg(feature = "s3")]
        Cloud::S3 => super::clouds::s3(location, options).await,
        #[cfg(feature = "gcs")]
        Cloud::Gcs => super::clouds::gcs(location, options),
        #[cfg(feature = "azure")]
        Cloud::Azure => super::clouds::azure(location, options),
        #[allow(unreachable_patterns, reason = "reached in builds that lack a feature")]
        cloud => Err(Error::unsupported("this build does not reach such stores")
            .with("expected", format!("a build with the Cargo feature `{}`", cloud.feature()))),
    }
}

/// Whether the store behind a URL may be one that overlooks conditions: all that speak S3 and are not Amazon's.
pub(in crate::storage) fn needs_probe(location: &Location, options: &StorageOptions) -> bool {
    let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "FEAST_S3_ENDPOINT_URL"];
    let endpoint =
        options.s3_endpoint().or_else(|| variables.iter().find_map(|name| std::env::var(name).ok()));
    location.cloud == Cloud::S3 && endpoint.is_some_and(|url| !url.contains(".amazonaws.com"))
}
