//! Settings and credentials of a DynamoDB on this machine.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use provender_dynamodb::DynamodbConfig;

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
