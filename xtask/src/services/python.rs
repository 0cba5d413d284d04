//! A Python with Feast in it, at the version that interop is recorded with, other writers of Delta tables, and the benchmarks' peers.

use crate::tools::{cache, run};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Release of Delta for Spark; each is made for one release of Spark.
pub(super) const DELTA_SPARK: &str = "4.0.1";
const PACKAGES: &[&str] = &[
    "feast[aws,duckdb,grpcio,redis]==0.67.0",
    "deltalake==1.6.6",
    "pyspark==4.0.1",
    "delta-spark==4.0.1",
    "polars==2.1.0",
    "psutil",
];

/// The interpreter.
pub(super) fn path() -> PathBuf {
    cache().join("python/bin/python")
}

/// Installs it unless it is there with these packages.
pub(super) fn start() -> Result<()> {
    if check().is_ok() {
        return Ok(());
    }
    let folder = cache().join("python");
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(path())
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    std::fs::write(folder.join("packages"), PACKAGES.join("\n"))?;
    Ok(())
}

/// The marker names the packages, so that another list installs anew.
pub(super) fn check() -> Result<()> {
    let marker = std::fs::read_to_string(cache().join("python/packages"));
    if !marker.is_ok_and(|list| list == PACKAGES.join("\n")) {
        bail!("not installed at {}", path().display());
    }
    Ok(())
}
