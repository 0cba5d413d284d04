//! Folders and commands.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where installed services are kept, outside the clone: `PROVENDER_CACHE`, else `~/.cache/provender`.
pub(crate) fn cache() -> PathBuf {
    match (std::env::var_os("PROVENDER_CACHE"), std::env::var_os("HOME")) {
        (Some(cache), _) => cache.into(),
        (None, Some(home)) => Path::new(&home).join(".cache/provender"),
        (None, None) => std::env::temp_dir().join("provender-cache"),
    }
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// `cargo` with arguments, in the repository's folder.
pub(crate) fn cargo<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end, its output passed through; fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = text(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start {line}"))?;
    if !status.success() {
        bail!("failed ({status}): {line}");
    }
    Ok(())
}

/// Runs a command and answers its stdout.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = text(command);
    let output = command.output().with_context(|| format!("cannot start {line}"))?;
    if !output.status.success() {
        bail!("failed ({}): {line}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Builds the release binary, with the default features or with every provider, and answers its path.
pub(crate) fn release_binary(every_provider: bool) -> Result<PathBuf> {
    let features = every_provider.then_some("--all-features");
    run(cargo(["build", "--release", "--package", "provender-cli"]).args(features))?;
    Ok(target().join("release/provender"))
}
