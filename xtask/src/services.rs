//! `cargo xtask services`: what tests and benchmarks need, installed into one cache folder outside the clone.

use crate::tools::{cache, run};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// What goes into the Python environment: Feast at the version that interop is recorded with, and the benchmarks' peers.
const PYTHON_PACKAGES: &[&str] = &["feast[duckdb]==0.67.0", "polars==2.1.0", "psutil"];

/// Environment variables that tests find services by.
pub(crate) type Environment = Vec<(&'static str, PathBuf)>;

/// Installs what is missing, starts what has to run, and answers how tests find it.
pub(crate) fn start() -> Result<Environment> {
    let python = python()?;
    println!("Feast: {}", python.display());
    Ok(vec![("PROVENDER_TEST_FEAST_PYTHON", python)])
}

/// Says what is missing; fails if anything is.
pub(crate) fn check() -> Result<()> {
    let python = python_path();
    if !installed() {
        bail!("missing: Feast for Python, at {}; `cargo xtask services` installs it", python.display());
    }
    println!("Feast: {}", python.display());
    Ok(())
}

fn python_path() -> PathBuf {
    cache().join("python/bin/python")
}

/// The marker names the packages, so that another list installs anew.
fn installed() -> bool {
    std::fs::read_to_string(cache().join("python/packages"))
        .is_ok_and(|list| list == PYTHON_PACKAGES.join("\n"))
}

/// A Python with Feast in it.
fn python() -> Result<PathBuf> {
    if !installed() {
        let folder = cache().join("python");
        std::fs::create_dir_all(cache()).with_context(|| format!("cannot make {}", cache().display()))?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        run(Command::new(python_path())
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(PYTHON_PACKAGES))?;
        std::fs::write(folder.join("packages"), PYTHON_PACKAGES.join("\n"))?;
    }
    Ok(python_path())
}
