//! Programs of the system's packages.

use crate::tools::run;
use anyhow::{Result, bail};
use std::process::Command;

/// Installs packages if one of their programs is missing.
///
/// # Errors
/// Where nothing may be installed: what to run as root.
pub(super) fn ensure(programs: &[&str], packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_there(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install -y {}", packages.join(" "));
    if !is_there("apt-get") {
        bail!("{} is not installed", missing.join(", "));
    }
    if !is_root() {
        bail!("{} is not installed; run `sudo {command}`", missing.join(", "));
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether a program is on the path.
pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}
