//! The settings of `type: redis`.

mod address;
#[cfg(test)]
mod tests;

pub(crate) use address::{Address, TlsSettings, Verify};

use provender_core::config::Secret;
use provender_core::{Error, Result};
use serde::Deserialize;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// The settings of `type: redis`: Feast's, and `write_mode`, `layout`, `pool_size`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// Servers and options, `host:port,host:port,option=value`, or a URL `rediss://user:password@host:port/db?option=value`.
    pub connection_string: Secret<String>,
    /// What the servers are to each other.
    pub redis_type: RedisType,
    /// The name by which the sentinels know the master.
    pub sentinel_master: String,
    /// Feast's choice of client library. Accepted, without meaning here.
    pub client: FeastClient,
    /// Seconds after its last write when a key is deleted with all its views; absent or 0 for never.
    pub key_ttl_seconds: Option<u64>,
    /// Whether the values of a dropped view are looked for in the whole store and deleted; `null` as `true`.
    pub full_scan_for_deletion: Option<bool>,
    /// Feast's name for `write_mode: overwrite`.
    pub skip_dedup: bool,
    /// Which row stays when a key is written again; `newest` unless `skip_dedup` says otherwise.
    pub write_mode: Option<WriteMode>,
    /// How a row is laid out.
    pub layout: Layout,
    /// Connections for reading to each server; one a core if absent.
    pub pool_size: Option<NonZeroUsize>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            connection_string: Secret::new("localhost:6379".to_owned()),
            redis_type: RedisType::default(),
            sentinel_master: "mymaster".to_owned(),
            client: FeastClient::default(),
            key_ttl_seconds: None,
            full_scan_for_deletion: None,
            skip_dedup: false,
            write_mode: None,
            layout: Layout::default(),
            pool_size: None,
        }
    }
}

/// What the servers of a connection string are to each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum RedisType {
    /// One server.
    #[default]
    Redis,
    /// Nodes of one cluster; the others are found through them.
    RedisCluster,
    /// Sentinels, who know the master.
    RedisSentinel,
}

/// Feast's client libraries.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum FeastClient {
    /// redis-py.
    #[default]
    Redis,
    /// Valkey GLIDE.
    Glide,
}

/// Which row stays when a key is written again.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// The one with the newest event time, and among equals the newest created time; of equals in both the one that is written last.
    #[default]
    Newest,
    /// The one that is written last.
    Overwrite,
}

/// How a row is laid out in the hash of its entity key.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Feast's: a field a feature and one for the event time of the view.
    #[default]
    Feast,
    /// One field a view. Smaller and faster; Feast cannot read it.
    Packed,
}

impl RedisConfig {
    /// Which row stays, with Feast's `skip_dedup` taken into account.
    #[must_use]
    pub fn write_mode(&self) -> WriteMode {
        let overwrite = if self.skip_dedup { WriteMode::Overwrite } else { WriteMode::Newest };
        self.write_mode.unwrap_or(overwrite)
    }

    /// Seconds after which a key goes, if ever.
    pub(crate) fn key_ttl(&self) -> Option<u64> {
        self.key_ttl_seconds.filter(|seconds| *seconds > 0)
    }

    /// Connections for reading to each server.
    pub(crate) fn links(&self) -> usize {
        self.pool_size.or_else(|| available_parallelism().ok()).map_or(2, NonZeroUsize::get)
    }

    /// Refuses settings that contradict each other and reads the connection string.
    ///
    /// # Errors
    /// `Invalid` naming the setting and what was expected, never with a secret in it.
    pub(crate) fn check(&self) -> Result<Address> {
        if self.skip_dedup && self.write_mode == Some(WriteMode::Newest) {
            return Err(Error::invalid("skip_dedup: true and write_mode: newest contradict each other")
                .with("at", "online_store.skip_dedup")
                .with("expected", "one of them"));
        }
        if self.redis_type == RedisType::RedisSentinel && self.sentinel_master.is_empty() {
            return Err(Error::invalid("the sentinels need the name of a master")
                .with("at", "online_store.sentinel_master")
                .with("expected", "the name in the sentinels' configuration, such as mymaster"));
        }
        let address = Address::parse(self.connection_string.expose())?;
        if self.redis_type == RedisType::RedisCluster && address.db != 0 {
            return Err(Error::invalid("a cluster has database 0 alone")
                .with("at", "online_store.connection_string")
                .with("option", "db")
                .with("expected", "0"));
        }
        Ok(address)
    }
}
