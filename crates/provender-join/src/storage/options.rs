//! Settings of object stores.

use provender_core::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Settings of object stores, as `storage_options` in a configuration holds them. They win over the environment.
///
/// `max_retries`, `retry_timeout` (seconds) and `concurrency` are meant for every store; all other keys are those of the `object_store` crate,
/// such as `aws_region`, `aws_endpoint_url`, `google_service_account`, `azure_storage_account_name`, `timeout` (`30s`), `connect_timeout`, `allow_http`.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct StorageOptions(BTreeMap<String, Value>);

/// A setting as it is written: a number or a truth value is as good as its text.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
enum Value {
    Bool(bool),
    Whole(i64),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Whole(value) => value.fmt(f),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Values may be secrets.
impl fmt::Debug for StorageOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Requests to one bucket at a time, where nothing else is said.
const CONCURRENCY: usize = 32;
/// Attempts after the first, where nothing else is said.
const MAX_RETRIES: usize = 6;
/// Time for all attempts of a request, where nothing else is said.
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// What is meant for every store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    pub(crate) max_retries: usize,
    pub(crate) retry_timeout: Duration,
    pub(crate) concurrency: usize,
}

impl StorageOptions {
    /// With one setting more.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(key.into(), Value::Text(value.into()));
        self
    }

    /// With an endpoint for S3, as Feast's `s3_endpoint_override` has it; empty is none.
    #[must_use]
    pub fn with_s3_endpoint(self, url: &str) -> Self {
        if url.is_empty() { self } else { self.with("aws_endpoint", url) }
    }

    /// The endpoint of S3 that is set here.
    pub(crate) fn s3_endpoint(&self) -> Option<String> {
        const NAMES: [&str; 5] =
            ["aws_endpoint_url_s3", "aws_endpoint", "aws_endpoint_url", "endpoint", "endpoint_url"];
        NAMES.iter().find_map(|name| self.0.get(*name)).map(ToString::to_string)
    }

    /// The settings for every store.
    ///
    /// # Errors
    /// `Invalid` if one is no number, or no request may be made at a time.
    pub(crate) fn patience(&self) -> Result<Patience> {
        let number = |key: &'static str, otherwise: usize| match self.0.get(key).map(ToString::to_string) {
            None => Ok(otherwise),
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| Error::invalid("not a whole number").with("at", key).with("value", text)),
        };
        let concurrency = number("concurrency", CONCURRENCY)?;
        if concurrency == 0 {
            return Err(Error::invalid("at least one request must be allowed").with("at", "concurrency"));
        }
        let seconds =
            number("retry_timeout", usize::try_from(RETRY_TIMEOUT.as_secs()).unwrap_or(usize::MAX))?;
        Ok(Patience {
            max_retries: number("max_retries", MAX_RETRIES)?,
            retry_timeout: Duration::from_secs(seconds as u64),
            concurrency,
        })
    }

    /// The settings that are left for the store of one cloud: those of others, which begin with another prefix, are passed over.
    #[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
    pub(crate) fn of_cloud(&self, prefixes: &[&str]) -> impl Iterator<Item = (&str, String)> {
        const ALL: [&str; 5] = ["aws_", "google_", "gcs_", "azure_", "azurite_"];
        let foreign = move |key: &str| {
            ALL.iter().any(|prefix| key.starts_with(prefix))
                && !prefixes.iter().any(|mine| key.starts_with(mine))
        };
        let ours = |key: &str| matches!(key, "max_retries" | "retry_timeout" | "concurrency");
        self.0
            .iter()
            .filter(move |(key, _)| !ours(key) && !foreign(key))
            .map(|(key, value)| (key.as_str(), value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
    #[test]
    fn settings_are_dealt_out_to_their_clouds_and_never_printed() {
        let options: StorageOptions =
            serde_json::from_str(r#"{"max_retries": 2, "aws_secret_access_key": "hush", "allow_http": true, "google_base_url": "u"}"#)
                .unwrap();
        let patience = options.patience().unwrap();
        assert_eq!((patience.max_retries, patience.concurrency), (2, CONCURRENCY));
        let keys =
            |prefixes: &[&str]| options.of_cloud(prefixes).map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
        assert_eq!(keys(&["aws_"]), ["allow_http", "aws_secret_access_key"]);
        assert_eq!(keys(&["azure_"]), ["allow_http"]);
        assert!(!format!("{options:?}").contains("hush"));
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let error = StorageOptions::default().with("max_retries", "many").patience().unwrap_err();
        assert_eq!((error.get("at"), error.get("value")), (Some("max_retries"), Some("many")));
        assert!(StorageOptions::default().with("concurrency", "0").patience().is_err());
    }
}
