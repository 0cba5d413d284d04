//! `cargo xtask test`: everything that must hold.

use crate::services::Environment;
use crate::tools::{self, cargo};
use crate::{codegen, docs, services, tidy};
use anyhow::Result;

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
    let environment = match services::start() {
        Err(error) if !required => {
            eprintln!("services are missing, their tests are ignored: {error:#}");
            Vec::new()
        }
        other => other?,
    };
    tests(&environment, required, None)
}

/// As a developer runs it; with `CI` or `PROVENDER_REQUIRE_SERVICES` set, a missing service is a failure.
pub(crate) fn run() -> Result<()> {
    all(required())
}

fn required() -> bool {
    ["CI", "PROVENDER_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some())
}

/// Only the tests whose name has this text in it.
pub(crate) fn only(filter: &str) -> Result<()> {
    tests(&services::start()?, required(), Some(filter))
}

fn tests(environment: &Environment, required: bool, filter: Option<&str>) -> Result<()> {
    let mut command = cargo(["test", "--workspace", "--all-features"]);
    command.args(filter).envs(environment.iter().cloned());
    if required {
        command.env("CONFORMANCE_REQUIRE", "memory,file,sqlite,blob").env("PROVENDER_REQUIRE_SERVICES", "1");
    }
    tools::run(&mut command)
}
