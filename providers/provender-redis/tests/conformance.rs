//! The rules of the online store, against a real server, a cluster and a master behind sentinels, in both layouts and write modes.
//!
//! `PROVENDER_TEST_REDIS` (`host:port`), `PROVENDER_TEST_REDIS_CLUSTER` and `PROVENDER_TEST_REDIS_SENTINEL` (`host:port,host:port,…`) say where they are.

use provender_core::config::Secret;
use provender_core::{OnlineStore, OpenContext, Provider as _, Result};
use provender_redis::{Layout, Redis, RedisConfig, RedisType, WriteMode};
use std::process::ExitCode;
use std::sync::Arc;

/// Name for `CONFORMANCE_REQUIRE`, variable with the servers, and what they are.
type Backend = (&'static str, &'static str, RedisType, WriteMode, Layout);

const BACKENDS: [Backend; 6] = [
    ("redis", "PROVENDER_TEST_REDIS", RedisType::Redis, WriteMode::Newest, Layout::Feast),
    ("redis-overwrite", "PROVENDER_TEST_REDIS", RedisType::Redis, WriteMode::Overwrite, Layout::Feast),
    ("redis-packed", "PROVENDER_TEST_REDIS", RedisType::Redis, WriteMode::Newest, Layout::Packed),
    (
        "redis-cluster",
        "PROVENDER_TEST_REDIS_CLUSTER",
        RedisType::RedisCluster,
        WriteMode::Newest,
        Layout::Feast,
    ),
    (
        "redis-cluster-packed",
        "PROVENDER_TEST_REDIS_CLUSTER",
        RedisType::RedisCluster,
        WriteMode::Newest,
        Layout::Packed,
    ),
    (
        "redis-sentinel",
        "PROVENDER_TEST_REDIS_SENTINEL",
        RedisType::RedisSentinel,
        WriteMode::Newest,
        Layout::Feast,
    ),
];

fn main() -> ExitCode {
    let codes = BACKENDS
        .map(|backend| provender_conformance::online(backend.0, move |context| open(backend, context)));
    codes.into_iter().find(|code| *code != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS)
}

async fn open(backend: Backend, context: OpenContext) -> Option<Result<Arc<dyn OnlineStore>>> {
    let (_, variable, redis_type, write_mode, layout) = backend;
    let config = RedisConfig {
        connection_string: Secret::new(std::env::var(variable).ok()?),
        redis_type,
        write_mode: Some(write_mode),
        layout,
        // What a rule leaves behind goes by itself.
        key_ttl_seconds: Some(600),
        ..RedisConfig::default()
    };
    Some(Redis::open(config, &context).await)
}
