//! Delta's libraries for the Spark that is among the Python packages.

use super::maven::Libraries;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// Spark brings what they depend on.
const DELTA: Libraries = Libraries {
    folder: "delta-spark",
    group: "io.delta",
    artifacts: &["delta-spark_2.13", "delta-storage"],
    version: super::python::DELTA_SPARK,
    transitive: false,
};

/// The folder with its jars.
pub(super) fn path() -> PathBuf {
    DELTA.jars()
}

/// Fetches them unless they are there.
pub(super) fn start() -> Result<()> {
    DELTA.fetch().map(drop)
}

pub(super) fn check() -> Result<()> {
    if !DELTA.is_there() {
        bail!("not installed at {}", path().display());
    }
    Ok(())
}
