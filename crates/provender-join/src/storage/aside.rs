//! Files that appear whole or not at all.

use provender_core::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The end of the hidden names under which files are written.
const SUFFIX: &str = ".provender.tmp";

/// Writes a file beside its place under a hidden name, makes it durable and renames it: readers see the old file or the new one, never a part.
/// What killed processes left in the folder goes.
///
/// # Errors
/// That of `write`, or of the disk; nothing is left behind then.
pub fn write_aside<T>(path: &Path, write: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let failed = |e| Error::io(e, "write", path);
    sweep(folder(path));
    let (aside, file) = create(path)?;
    let written = write_durably(&file, path, write)
        .and_then(|value| fs::rename(&aside, path).map(|()| value).map_err(failed));
    if written.is_err() {
        // The first error is the one to tell.
        drop(fs::remove_file(&aside));
        return written;
    }
    sync_folder(folder(path)).map_err(failed)?;
    written
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file under a hidden name. It is locked, and the lock goes with the process: that tells it from what nobody writes any more.
fn create(path: &Path) -> Result<(PathBuf, File)> {
    let failed = |e| Error::io(e, "write", path);
    loop {
        let aside = aside(path)?;
        let file = File::create_new(&aside).map_err(failed)?;
        // Where the file system has no locks, nobody takes the file for abandoned either.
        drop(file.try_lock());
        // Somebody may have swept it before it was locked.
        if aside.try_exists().map_err(failed)? {
            return Ok((aside, file));
        }
    }
}

/// A hidden name that no other thread or process uses.
fn aside(path: &Path) -> Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path
        .file_name()
        .ok_or_else(|| Error::invalid("not the name of a file").with("path", path.display()))?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let (name, process) = (name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(format!(".{name}.{process}-{count}{SUFFIX}")))
}

/// Removes what killed processes left in a folder. What cannot be looked at or removed stays: it is in nobody's way.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_aside = |name: &str| name.starts_with('.') && name.ends_with(SUFFIX);
        if !entry.file_name().to_str().is_some_and(is_aside) {
            continue;
        }
        let path = entry.path();
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            drop(fs::remove_file(path));
        }
    }
}

fn write_durably<T>(file: &File, path: &Path, write: impl FnOnce(&File) -> Result<T>) -> Result<T> {
    let value = write(file)?;
    file.sync_all().map_err(|e| Error::io(e, "write", path))?;
    Ok(value)
}

/// Makes a rename durable. Windows does so by itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path(".old.csv.1-0.provender.tmp"), "half").unwrap();
        fs::write(path(".mine.tmp"), "of somebody else").unwrap();
        write_aside(&path("outer.csv"), |_| {
            write_aside(&path("inner.csv"), |mut file| {
                file.write_all(b"x").unwrap();
                Ok(())
            })?;
            let under_way = names(folder.path()).into_iter().filter(|name| name.ends_with(SUFFIX)).count();
            assert_eq!(under_way, 1, "the file being written was swept");
            Ok(())
        })
        .unwrap();
        assert_eq!(names(folder.path()), [".mine.tmp", "inner.csv", "outer.csv"]);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.csv");
        fs::write(&path, "old").unwrap();
        let failed = write_aside(&path, |mut file| {
            file.write_all(b"half").unwrap();
            Err::<(), _>(Error::internal("broken"))
        });
        assert_eq!(failed.unwrap_err().message(), "broken");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["x.csv"]);
    }
}
