//! Files that appear whole or not at all.

use provender_core::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file beside its place under a hidden name, makes it durable and renames it: readers see the old file or the new one, never a part.
///
/// # Errors
/// That of `write`, or of the disk; nothing is left behind then.
pub fn write_aside<T>(path: &Path, write: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let aside = aside(path)?;
    let written = write_durably(&aside, write)
        .and_then(|value| fs::rename(&aside, path).map(|()| value).map_err(|e| Error::io(e, "write", path)));
    if written.is_err() {
        // The first error is the one to tell.
        drop(fs::remove_file(&aside));
        return written;
    }
    sync_folder(path).map_err(|e| Error::io(e, "write", path))?;
    written
}

/// A hidden name that no other thread or process uses.
fn aside(path: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path
        .file_name()
        .ok_or_else(|| Error::invalid("not the name of a file").with("path", path.display()))?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(path.with_file_name(format!(".{}.{}-{count}.tmp", name.to_string_lossy(), std::process::id())))
}

fn write_durably<T>(path: &Path, write: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let failed = |e| Error::io(e, "write", path);
    let file = File::create(path).map_err(failed)?;
    let value = write(&file)?;
    file.sync_all().map_err(failed)?;
    Ok(value)
}

/// Makes a rename durable. Windows does so by itself.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
