//! The clients of each cloud, set up by environment, settings and URL.
#![cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]

use super::connect::Store;
use super::error::failed;
use crate::storage::StorageOptions;
use crate::storage::url::Location;
use object_store::{BackoffConfig, RetryConfig};
use provender_core::{Error, Result};
use std::sync::Arc;
use std::time::Duration;

/// Retries with pauses that grow from a tenth of a second; errors of the network and answers of 5xx are tried again.
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

fn unknown(key: &str) -> Error {
    Error::invalid("the stores have no such setting").with("at", format!("storage_options.{key}"))
}

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
fn is_plain(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

#[cfg(feature = "s3")]
pub(super) async fn s3(location: &Location, options: &StorageOptions) -> Result<Store> {
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
pub(super) fn gcs(location: &Location, options: &StorageOptions) -> Result<Store> {
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
pub(super) fn azure(location: &Location, options: &StorageOptions) -> Result<Store> {
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
