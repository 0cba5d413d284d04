//! DynamoDB Local, or whatever else answers at `PROVENDER_TEST_DYNAMODB`.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use provender_core::{OnlineStore, Result};
use provender_dynamodb::{Dynamodb, DynamodbConfig, WriteMode};
use std::sync::Arc;

/// A store there; `None` if it is not configured on this machine.
pub(crate) async fn open(write_mode: WriteMode) -> Option<Result<Arc<dyn OnlineStore>>> {
    let url = std::env::var("PROVENDER_TEST_DYNAMODB").ok().filter(|url| !url.is_empty())?;
    let config = DynamodbConfig { write_mode, ..at(url) };
    Some(Dynamodb::open_with(config, &credentials("dummy")).await)
}

/// Settings of a store at an address.
pub(crate) fn at(url: String) -> DynamodbConfig {
    let region = Some("us-east-1".to_owned());
    DynamodbConfig { region, endpoint_url: Some(url), ..DynamodbConfig::default() }
}

/// An AWS configuration of nothing but credentials.
pub(crate) fn credentials(key: &str) -> SdkConfig {
    let credentials = Credentials::new(key, "secret", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}
