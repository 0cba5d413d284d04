//! The settings of `type: dynamodb`.

use crate::names::TableNames;
use provender_core::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The settings of `type: dynamodb`: Feast's, and `write_mode`. Times are in seconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct DynamodbConfig {
    /// The AWS region; `None` for the one that the environment, the profile or the machine names.
    pub region: Option<String>,
    /// Where DynamoDB is, if not at its region's public address: DynamoDB Local, or an endpoint in a VPC.
    pub endpoint_url: Option<String>,
    /// Names of the tables, with `{project}` and `{table_name}`, which is the view.
    pub table_name_template: String,
    /// Which row stays when a key is written again.
    pub write_mode: WriteMode,
    /// Keys a request of a read, 1 to 100.
    pub batch_size: usize,
    /// Whether a read sees every write that was answered before it, at twice the price.
    pub consistent_reads: bool,
    /// Tags of every table. A view's tag of the same name goes before.
    pub tags: Option<BTreeMap<String, String>>,
    /// Feast's choice between two kinds of boto3 session. Both find credentials as this store always does, so it changes nothing.
    pub session_based_auth: bool,
    /// Whether a connection is opened before the first request.
    pub warmup_connections: bool,
    /// Requests that one read has under way at once.
    pub max_read_workers: usize,
    /// Requests that the whole store has under way at once, each on a connection of its own.
    pub max_pool_connections: usize,
    /// How long an unused connection is kept.
    pub keepalive_timeout: f64,
    /// How long to wait for a connection.
    pub connect_timeout: f64,
    /// How long to wait for an answer.
    pub read_timeout: f64,
    /// How often one request is sent, at most; `None` for what the AWS configuration says.
    pub total_max_retry_attempts: Option<u32>,
    /// How attempts are spaced; `None` for what the AWS configuration says.
    pub retry_mode: Option<RetryMode>,
}

impl Default for DynamodbConfig {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            table_name_template: "{project}.{table_name}".to_owned(),
            write_mode: WriteMode::default(),
            batch_size: 100,
            consistent_reads: false,
            tags: None,
            session_based_auth: false,
            warmup_connections: false,
            max_read_workers: 10,
            max_pool_connections: 50,
            keepalive_timeout: 30.0,
            connect_timeout: 5.0,
            read_timeout: 10.0,
            total_max_retry_attempts: Some(3),
            retry_mode: Some(RetryMode::Standard),
        }
    }
}

/// Which row stays when a key is written again.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// The one with the newest event time, and among equals the newest created time; of equals in both the one that is written last.
    #[default]
    Newest,
    /// The one that is written last, as Feast does it.
    Overwrite,
}

/// How the attempts of one request are spaced.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RetryMode {
    /// boto3's oldest mode; here the same as `standard`.
    Legacy,
    /// With growing, random pauses.
    Standard,
    /// Besides, once a request was throttled, all requests of this process are slowed down.
    Adaptive,
}

/// Far more than any machine has sockets for, and a number of permits that a semaphore takes.
const CONNECTIONS: RangeInclusive<usize> = 1..=100_000;
/// A day, in seconds: longer than anybody waits, and a duration that every clock takes.
const DAY: f64 = 86_400.0;

impl DynamodbConfig {
    /// Checks what serde cannot.
    ///
    /// # Errors
    /// `Invalid` naming the setting and what was expected.
    pub(crate) fn check(&self) -> Result<TableNames> {
        within(self.batch_size, 1..=100, "batch_size")?;
        within(self.max_read_workers, CONNECTIONS, "max_read_workers")?;
        within(self.max_pool_connections, CONNECTIONS, "max_pool_connections")?;
        seconds(self.keepalive_timeout, "keepalive_timeout")?;
        seconds(self.connect_timeout, "connect_timeout")?;
        seconds(self.read_timeout, "read_timeout")?;
        if self.total_max_retry_attempts == Some(0) {
            return Err(misfit("total_max_retry_attempts", 0, "1 or more"));
        }
        if let Some(region) = self.region.as_ref().filter(|r| !is_region(r)) {
            return Err(misfit("region", region, "a region such as eu-west-1"));
        }
        if let Some(url) = self.endpoint_url.as_ref().filter(|u| !is_url(u)) {
            return Err(misfit("endpoint_url", url, "a URL such as http://localhost:8000"));
        }
        TableNames::parse(&self.table_name_template)
            .map_err(|expected| misfit("table_name_template", &self.table_name_template, expected))
    }
}

fn within(value: usize, range: RangeInclusive<usize>, key: &'static str) -> Result<()> {
    let expected = || format!("{} to {}", range.start(), range.end());
    if range.contains(&value) { Ok(()) } else { Err(misfit(key, value, expected())) }
}

fn seconds(value: f64, key: &'static str) -> Result<()> {
    if value > 0.0 && value <= DAY {
        return Ok(());
    }
    Err(misfit(key, value, "seconds, more than 0 and at most 86400"))
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(char::is_whitespace))
}

fn misfit(key: &'static str, value: impl std::fmt::Display, expected: impl std::fmt::Display) -> Error {
    Error::invalid("a setting of the DynamoDB online store does not fit")
        .with("at", format!("online_store.{key}"))
        .with("value", value)
        .with("expected", expected)
}

#[cfg(test)]
mod tests;
