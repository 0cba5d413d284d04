//! `cargo xtask test`: everything that must hold.

use crate::services::Environment;
use crate::tools::{self, cargo};
use crate::{codegen, docs, services, tidy};
use anyhow::Result;

/// The stores whose conformance runs must find their backend where services are required.
const REQUIRED: &str = "memory,file,sqlite,blob,redis,redis-overwrite,redis-packed,redis-cluster,redis-cluster-packed,\
     redis-sentinel,dynamodb,dynamodb-overwrite,delta,delta-s3,delta-azure,delta-gcs,file-s3,file-azure,file-gcs,blob-s3,blob-azure,blob-gcs";

/// Format, lints, tidy, docs, then all tests. What a laptop cannot set up shows as ignored tests.
fn all(required: bool) -> Result<()> {
    tools::run(&mut cargo(["fmt", "--all", "--check"]))?;
    tidy::run()?;
    codegen::run(true)?;
    tools::run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    docs::rustdoc()?;
    tests(&environment(required)?, required, None)
}

/// As a developer runs it; with `CI` or `PROVENDER_REQUIRE_SERVICES` set, a missing service is a failure.
pub(crate) fn run() -> Result<()> {
    all(required())
}

/// How tests find services; what a laptop cannot set up is said, and left out.
fn environment(required: bool) -> Result<Environment> {
    let started = services::start();
    if required {
        return started.all();
    }
    for missing in &started.missing {
        eprintln!("missing, its tests are ignored: {missing}");
    }
    Ok(started.environment)
}

fn required() -> bool {
    ["CI", "PROVENDER_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some())
}

/// Only the tests whose name has this text in it.
pub(crate) fn only(filter: &str) -> Result<()> {
    tests(&environment(required())?, required(), Some(filter))
}

fn tests(environment: &Environment, required: bool, filter: Option<&str>) -> Result<()> {
    let mut command = cargo(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command.args(filter).envs(environment.iter().cloned());
    if required {
        command.env("CONFORMANCE_REQUIRE", REQUIRED).env("PROVENDER_REQUIRE_SERVICES", "1");
    }
    tools::run(&mut command)
}
