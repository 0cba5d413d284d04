//! `cargo xtask bench`: the release binary beside its peers, in one run. The measuring itself is in `bench/`, in Python, where the peers live.

use crate::services;
use crate::tools::{cache, cargo, release_binary, root, run as execute, target};
use anyhow::{Context, Result, bail};
use std::process::Command;

const BENCHES: &[&str] = &["join", "materialize", "apply", "serve", "online"];

/// Runs one benchmark for a number of rounds; further options are its own.
pub(crate) fn run(what: &str, options: &[&str]) -> Result<()> {
    if !BENCHES.contains(&what) {
        bail!("no benchmark {what}; there are {}", BENCHES.join(", "));
    }
    let is_count = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let (rounds, options) = match options {
        [rounds, options @ ..] if is_count(rounds) => (*rounds, options),
        [options @ .., rounds] if is_count(rounds) => (*rounds, options),
        _ => ("3", options),
    };
    script(what, rounds, options)
}

/// Readers and writers on one server for some minutes; fails on errors and on memory that grows.
pub(crate) fn soak(minutes: &str) -> Result<()> {
    minutes.parse::<f64>().with_context(|| format!("{minutes} is no number of minutes"))?;
    script("soak", minutes, &[])
}

fn script(name: &str, amount: &str, options: &[&str]) -> Result<()> {
    let binary = release_binary(true)?;
    execute(&mut cargo(["build", "--release", "--package", "bench-load"]))?;
    let environment = services::start().all()?;
    let (_, python) =
        environment.iter().find(|(name, _)| *name == "PROVENDER_TEST_FEAST_PYTHON").context("no Python")?;
    let work = cache().join("bench");
    std::fs::create_dir_all(&work)?;
    execute(
        Command::new(python)
            .arg(root().join("bench").join(format!("{name}.py")))
            .arg(amount)
            .args(options)
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .env("PROVENDER_BINARY", binary)
            .env("PROVENDER_BENCH_LOAD", target().join("release/bench-load"))
            .env("PROVENDER_BENCH_WORK", work),
    )
}
