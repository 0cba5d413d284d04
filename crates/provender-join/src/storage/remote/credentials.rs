//! Amazon's credentials, found as Amazon's own tools find them: environment, profiles (keys, SSO, assumed roles, processes), web identity, container, machine.
#![cfg(feature = "s3")]

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use provender_core::{Error, Kind, Result};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Credentials are renewed this long before they end.
const BEFORE_END: Duration = Duration::from_secs(300);

/// What the chain says of this process.
pub(super) struct Chain {
    pub(super) region: Option<String>,
    pub(super) credentials: Credentials,
}

/// Reads the environment and the profile; asks the machine for its region only if that is not known.
pub(super) async fn chain(knows_region: bool) -> Result<Chain> {
    let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    if knows_region {
        loader = loader.region(Region::from_static("us-east-1"));
    }
    let sdk = loader.load().await;
    let provider = sdk
        .credentials_provider()
        .ok_or_else(|| Error::new(Kind::Denied, "there is no chain of credentials"))?;
    let region = sdk.region().map(ToString::to_string);
    Ok(Chain { region, credentials: Credentials { provider, held: Mutex::new(None) } })
}

/// The chain's credentials, asked for when they are needed and renewed before they end.
#[derive(Debug)]
pub(super) struct Credentials {
    provider: SharedCredentialsProvider,
    held: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut held = self.held.lock().await;
        if let Some((credential, end)) = &*held
            && end.is_none_or(|end| SystemTime::now() + BEFORE_END < end)
        {
            return Ok(credential.clone());
        }
        let found = self.provider.provide_credentials().await.map_err(|error| {
            object_store::Error::Unauthenticated {
                path: String::new(),
                source: Box::new(NoCredentials(error)),
            }
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *held = Some((credential.clone(), found.expiry()));
        Ok(credential)
    }
}

/// Says which chain found nothing.
#[derive(Debug)]
struct NoCredentials(aws_credential_types::provider::error::CredentialsError);

impl std::fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no credentials of AWS were found")
    }
}

impl std::error::Error for NoCredentials {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
