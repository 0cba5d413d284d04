//! `cargo xtask fuzz`: the targets under `fuzz/`, each for some seconds, on stable Rust.

use crate::tools::{cache, cargo, read, root, run, target};
use anyhow::{Context, Result};
use std::process::Command;

const TARGETS: &[&str] = &["http_body", "packed", "value"];

/// What cargo-fuzz gives to the compiler for coverage; the sanitizers alone would take a nightly one.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Builds the targets and runs each for so many seconds.
pub(crate) fn fuzz(seconds: &str) -> Result<()> {
    let seconds: u32 = seconds.parse().with_context(|| format!("{seconds} is no number of seconds"))?;
    let version = read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let built = target().join("fuzz");
    // With a target named, build scripts and macros are left without the flags.
    run(cargo(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", host])
        .arg("--target-dir")
        .arg(&built)
        .env("RUSTFLAGS", FLAGS))?;
    for name in TARGETS {
        let corpus = cache().join("fuzz").join(name);
        std::fs::create_dir_all(&corpus)?;
        run(Command::new(built.join(host).join("release").join(name))
            .arg(&corpus)
            .arg(root().join("fuzz/seeds").join(name))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/crash-{name}-", cache().join("fuzz").display()))
            .args([
                "-print_final_stats=1",
                "-verbosity=0",
                "-timeout=10",
                "-rss_limit_mb=2048",
                "-max_len=4096",
            ]))?;
    }
    Ok(())
}
