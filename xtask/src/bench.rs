//! `cargo xtask bench`: the release binary beside its peers, in one run. The measuring itself is in `bench/`, in Python, where the peers live.

use crate::services;
use crate::tools::{cache, release_binary, root, run as execute};
use anyhow::{Context, Result, bail};
use std::process::Command;

const BENCHES: &[&str] = &["join", "materialize", "apply", "serve"];

/// Runs one benchmark for a number of rounds.
pub(crate) fn run(what: &str, rounds: u32) -> Result<()> {
    if !BENCHES.contains(&what) {
        bail!("no benchmark {what}; there are {}", BENCHES.join(", "));
    }
    let binary = release_binary()?;
    let environment = services::start().all()?;
    let (_, python) =
        environment.iter().find(|(name, _)| *name == "PROVENDER_TEST_FEAST_PYTHON").context("no Python")?;
    let work = cache().join("bench");
    std::fs::create_dir_all(&work)?;
    execute(
        Command::new(python)
            .arg(root().join("bench").join(format!("{what}.py")))
            .arg(rounds.to_string())
            .env("PROVENDER_BINARY", binary)
            .env("PROVENDER_BENCH_WORK", work),
    )
}
