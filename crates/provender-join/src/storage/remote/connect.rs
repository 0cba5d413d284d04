//! One client a bucket, made of URL, settings and environment, and kept for the life of the process.

use super::error::failed;
use crate::storage::StorageOptions;
use crate::storage::url::{Cloud, Location};
use object_store::limit::LimitStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use provender_core::{Error, Result};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

type Store = Arc<dyn ObjectStore>;

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

async fn make(location: &Location, options: &StorageOptions) -> Result<Store> {
    match location.cloud {
        #[cfg(feature = "s3")]
        Cloud::S3 => s3(location, options).await,
        #[cfg(feature = "gcs")]
        Cloud::Gcs => gcs(location, options),
        #[cfg(feature = "azure")]
        Cloud::Azure => azure(location, options),
        #[allow(unreachable_patterns, reason = "reached in builds that lack a feature")]
        cloud => Err(Error::unsupported("this build does not reach such stores")
            .with("expected", format!("a build with the Cargo feature `{}`", cloud.feature()))),
    }
}

/// Retries with pauses that grow from a tenth of a second; errors of the network and answers of 5xx are tried again.
#[cfg_attr(
    not(any(feature = "s3", feature = "gcs", feature = "azure")),
    allow(dead_code, reason = "no cloud, no retries")
)]
fn retries(options: &StorageOptions) -> Result<RetryConfig> {
    let patience = options.patience()?;
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(10),
        base: 2.0,
    };
    Ok(RetryConfig { backoff, max_retries: patience.max_retries, retry_timeout: patience.retry_timeout })
}

/// Gives a builder the settings that are meant for its cloud.
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
macro_rules! configured {
    ($builder:expr, $key:ty, $options:expr, $prefixes:expr) => {{
        let mut builder = $builder;
        for (key, value) in $options.of_cloud($prefixes) {
            let Ok(known) = key.to_ascii_lowercase().parse::<$key>() else {
                return Err(unknown(key));
            };
            builder = builder.with_config(known, value);
        }
        builder
    }};
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn unknown(key: &str) -> Error {
    Error::invalid("the stores have no such setting").with("at", format!("storage_options.{key}"))
}

#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn unmade(error: &object_store::Error, location: &Location) -> Error {
    let error = failed(error, "connect", &location.url());
    // A store that cannot even be set up has settings that are wrong, whatever the crate calls it.
    match error.kind() {
        provender_core::Kind::Unavailable => {
            Error::invalid("the settings of the store are not complete").because(error)
        }
        _ => error,
    }
}

/// Whether requests go in the clear, which only an endpoint that says so may ask for.
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
fn is_plain(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

#[cfg(feature = "s3")]
async fn s3(location: &Location, options: &StorageOptions) -> Result<Store> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
    let mut builder = AmazonS3Builder::from_env();
    if let Ok(url) = std::env::var("FEAST_S3_ENDPOINT_URL")
        && s3_endpoint_of(&builder).is_none()
    {
        builder = builder.with_config(Key::Endpoint, url);
    }
    // The setting must win over both variables of the environment.
    let mut builder = configured!(builder, Key, options, &["aws_"]).with_bucket_name(&location.bucket);
    if let Some(url) = options.s3_endpoint() {
        builder = builder.with_config(Key::S3Endpoint, url.clone()).with_config(Key::Endpoint, url);
    }
    let endpoint = s3_endpoint_of(&builder);
    if is_plain(endpoint.as_deref()) {
        builder = builder.with_allow_http(true);
    }
    let set = |key: Key| builder.get_config_value(&key);
    let is_signed = set(Key::SkipSignature).is_none_or(|value| value != "true");
    let has_region = set(Key::Region).or_else(|| set(Key::DefaultRegion)).is_some() || endpoint.is_some();
    if is_signed && set(Key::AccessKeyId).is_none() {
        let chain = super::credentials::chain(has_region).await?;
        if let Some(region) = chain.region.filter(|_| !has_region) {
            builder = builder.with_region(region);
        }
        builder = builder.with_credentials(Arc::new(chain.credentials));
    }
    let store = builder.with_retry(retries(options)?).build().map_err(|e| unmade(&e, location))?;
    Ok(Arc::new(store))
}

#[cfg(feature = "s3")]
fn s3_endpoint_of(builder: &object_store::aws::AmazonS3Builder) -> Option<String> {
    use object_store::aws::AmazonS3ConfigKey as Key;
    builder.get_config_value(&Key::S3Endpoint).or_else(|| builder.get_config_value(&Key::Endpoint))
}

#[cfg(feature = "gcs")]
fn gcs(location: &Location, options: &StorageOptions) -> Result<Store> {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as Key};
    let mut builder = GoogleCloudStorageBuilder::from_env();
    // What Google's own clients look at for an emulator, which knows no credentials.
    if let Ok(url) = std::env::var("STORAGE_EMULATOR_HOST") {
        let url = if url.contains("://") { url } else { format!("http://{url}") };
        builder = builder.with_config(Key::BaseUrl, url).with_config(Key::SkipSignature, "true");
    }
    let mut builder =
        configured!(builder, Key, options, &["google_", "gcs_"]).with_bucket_name(&location.bucket);
    if is_plain(builder.get_config_value(&Key::BaseUrl).as_deref()) {
        builder = builder.with_config(Key::Client(object_store::ClientConfigKey::AllowHttp), "true");
    }
    if builder.get_config_value(&Key::SkipSignature).as_deref() == Some("true") {
        // Writes of the crate ask for credentials all the same.
        let nobody = object_store::gcp::GcpCredential { bearer: String::new() };
        builder = builder.with_credentials(Arc::new(object_store::StaticCredentialProvider::new(nobody)));
    }
    let store = builder.with_retry(retries(options)?).build().map_err(|e| unmade(&e, location))?;
    Ok(Arc::new(store))
}

#[cfg(feature = "azure")]
fn azure(location: &Location, options: &StorageOptions) -> Result<Store> {
    use object_store::azure::{AzureConfigKey as Key, MicrosoftAzureBuilder};
    let mut builder = MicrosoftAzureBuilder::from_env();
    if let Ok(text) = std::env::var("AZURE_STORAGE_CONNECTION_STRING") {
        for (key, value) in connection_string(&text) {
            builder = builder.with_config(key, value);
        }
    }
    let mut builder =
        configured!(builder, Key, options, &["azure_", "azurite_"]).with_container_name(&location.bucket);
    if let Some(account) = &location.account {
        builder = builder.with_account(account);
    }
    if is_plain(builder.get_config_value(&Key::Endpoint).as_deref()) {
        builder = builder.with_allow_http(true);
    }
    let store = builder.with_retry(retries(options)?).build().map_err(|e| unmade(&e, location))?;
    Ok(Arc::new(store))
}

/// The parts of a connection string as Azure's portal hands it out: `AccountName=…;AccountKey=…;BlobEndpoint=…`.
#[cfg(feature = "azure")]
fn connection_string(text: &str) -> impl Iterator<Item = (object_store::azure::AzureConfigKey, &str)> {
    use object_store::azure::AzureConfigKey as Key;
    text.split(';').filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        let key = match name.trim() {
            "AccountName" => Key::AccountName,
            "AccountKey" => Key::AccessKey,
            "BlobEndpoint" => Key::Endpoint,
            "SharedAccessSignature" => Key::SasKey,
            _ => return None,
        };
        Some((key, value.trim()))
    })
}

/// Whether the store behind a URL may be one that overlooks conditions: all that speak S3 and are not Amazon's.
pub(in crate::storage) fn needs_probe(location: &Location, options: &StorageOptions) -> bool {
    let variables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "FEAST_S3_ENDPOINT_URL"];
    let endpoint =
        options.s3_endpoint().or_else(|| variables.iter().find_map(|name| std::env::var(name).ok()));
    location.cloud == Cloud::S3 && endpoint.is_some_and(|url| !url.contains(".amazonaws.com"))
}
