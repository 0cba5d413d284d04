//! Processes that stay when the task ends: a log and a pid file each, in one folder.

use crate::tools::cache;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where services keep what they write.
pub(super) fn folder() -> PathBuf {
    cache().join("services")
}

/// Starts a process of this name, which ends in `-` and its port.
///
/// # Errors
/// If it cannot be started.
pub(super) fn start(name: &str, command: &mut Command) -> Result<()> {
    fs::create_dir_all(folder())?;
    let log = File::create(log_of(name))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    fs::write(folder().join(format!("{name}.pid")), child.id().to_string())?;
    Ok(())
}

/// The log of a process, to be named in errors.
pub(super) fn log_of(name: &str) -> PathBuf {
    folder().join(format!("{name}.log"))
}

/// Stops the process of this name, if it runs, and waits for its end.
pub(super) fn stop(name: &str) -> Result<()> {
    stop_file(&folder().join(format!("{name}.pid")), name)
}

/// Stops every process that was started here.
pub(super) fn stop_all() -> Result<()> {
    let Ok(entries) = fs::read_dir(folder()) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if let (Some("pid"), Some(name)) =
            (path.extension().and_then(|e| e.to_str()), path.file_stem().and_then(|s| s.to_str()))
        {
            stop_file(&path, name)?;
            println!("{name} is stopped");
        }
    }
    Ok(())
}

fn stop_file(file: &Path, name: &str) -> Result<()> {
    let Ok(pid) = fs::read_to_string(file) else { return Ok(()) };
    if runs(&pid, name) {
        // A stopped process takes no signal before it goes on.
        for signal in ["-CONT", "-TERM"] {
            Command::new("kill").args([signal, &pid]).stderr(Stdio::null()).status()?;
        }
        until(Duration::from_secs(20), &format!("{name} (process {pid}) does not stop"), || {
            Ok(!runs(&pid, name))
        })?;
    }
    fs::remove_file(file)?;
    Ok(())
}

/// Whether the process is there and is the one of this name: a pid file may outlive its process. Redis makes its own title, with the port.
fn runs(pid: &str, name: &str) -> bool {
    let asked = Command::new("ps").args(["-o", "stat=,args=", "-p", pid]).output();
    asked.is_ok_and(|o| {
        let line = String::from_utf8_lossy(&o.stdout).into_owned();
        name.rsplit('-').next().is_some_and(|port| line.contains(port)) && !line.starts_with('Z')
    })
}

/// Asks again and again until it holds.
///
/// # Errors
/// The last failure, or `otherwise`, once the time is over.
pub(super) fn until(
    patience: Duration,
    otherwise: &str,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let end = Instant::now() + patience;
    loop {
        match holds() {
            Ok(true) => return Ok(()),
            Ok(false) if Instant::now() > end => bail!("{otherwise}"),
            Err(error) if Instant::now() > end => return Err(error.context(otherwise.to_owned())),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}
