//! The SDK's client, set up as the settings say.

use crate::config::{DynamodbConfig, RetryMode};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};
use provender_core::{Error, Result};
use std::time::Duration;

/// The SDK's first pause before another attempt; its own default of a second is longer than most requests may take.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The SDK's longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the environment says: region, credentials, profile. Makes no request unless the region must come from the machine.
pub(crate) async fn environment(config: &DynamodbConfig) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client(config));
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    loader.load().await
}

/// A client of these settings, and of `sdk` where they say nothing.
///
/// # Errors
/// `Invalid` without a region.
pub(crate) fn client(config: &DynamodbConfig, sdk: &SdkConfig) -> Result<Client> {
    if config.region.is_none() && sdk.region().is_none() {
        return Err(Error::invalid("no AWS region")
            .with("at", "online_store.region")
            .with("expected", "a region such as eu-west-1, here, in AWS_REGION or in the AWS profile"));
    }
    let mut builder = Builder::from(sdk)
        .http_client(http_client(config))
        .timeout_config(timeouts(config))
        .retry_config(retries(config, sdk));
    if let Some(region) = &config.region {
        builder = builder.region(Region::new(region.clone()));
    }
    if let Some(url) = &config.endpoint_url {
        builder = builder.endpoint_url(url);
    }
    Ok(Client::from_conf(builder.build()))
}

/// HTTP over rustls with ring, through the proxy that the environment names.
fn http_client(config: &DynamodbConfig) -> SharedHttpClient {
    let idle = Duration::from_secs_f64(config.keepalive_timeout);
    let connections = config.max_pool_connections;
    HttpBuilder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(connections)
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|c| c.sleep_impl()));
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

fn timeouts(config: &DynamodbConfig) -> TimeoutConfig {
    let connect = Duration::from_secs_f64(config.connect_timeout);
    let read = Duration::from_secs_f64(config.read_timeout);
    TimeoutConfig::builder()
        .connect_timeout(connect)
        .read_timeout(read)
        // Also ends an answer that begins in time and never comes to its end.
        .operation_attempt_timeout(connect + read)
        .build()
}

fn retries(config: &DynamodbConfig, sdk: &SdkConfig) -> RetryConfig {
    let mut retries = sdk.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    if let Some(mode) = config.retry_mode {
        retries = retries.with_retry_mode(match mode {
            RetryMode::Legacy | RetryMode::Standard => aws_config::retry::RetryMode::Standard,
            RetryMode::Adaptive => aws_config::retry::RetryMode::Adaptive,
        });
    }
    if let Some(attempts) = config.total_max_retry_attempts {
        retries = retries.with_max_attempts(attempts);
    }
    retries.with_initial_backoff(FIRST_PAUSE).with_max_backoff(LONGEST_PAUSE)
}

/// Opens a connection with the smallest request there is. That it fails is told, and left to the first real request.
pub(crate) async fn warm_up(client: &Client) {
    if let Err(error) = client.describe_limits().send().await {
        let error = crate::error::failed(error, "warm up connections");
        tracing::warn!(error = %error.report(), "cannot reach DynamoDB yet");
    }
}
