//! Which state of a file was read.

use crate::listing;
use crate::source::SourceSpec;
use crate::storage::{Storage, StoredFile, is_url};
use provender_core::offline::FileVersion;
use provender_core::{Error, Result, Timestamp};
use std::fs;
use std::time::UNIX_EPOCH;

/// The files that a source would read now, in their order, with what tells their contents apart.
///
/// # Errors
/// `NotFound` for a path that does not exist; `Invalid` for one that holds no file or is a Delta table; `Denied` or `Unavailable` as the place says.
pub fn versions(spec: &SourceSpec) -> Result<Vec<FileVersion>> {
    let listing = listing::list(spec.storage.as_ref(), &spec.paths);
    let files = listing.map_err(|error| error.with("source", &spec.name))?.files;
    files.into_iter().map(version).collect()
}

/// The state of the one file that a path means.
///
/// # Errors
/// `NotFound` if there is none; `Invalid` for a folder; `Denied` or `Unavailable` as the place says.
pub fn version_of(storage: &dyn Storage, path: &str) -> Result<FileVersion> {
    let files = storage.list(path)?;
    match files.into_iter().find(|file| file.path == path) {
        Some(file) => version(file),
        None => Err(Error::invalid("not a file but a folder").with("file", path)),
    }
}

fn version(file: StoredFile) -> Result<FileVersion> {
    let modified = if is_url(&file.path) { None } else { Some(modified(&file.path)?) };
    Ok(FileVersion { path: file.path, size: file.size, tag: file.tag, modified })
}

/// When a local file was last written, to the microsecond.
fn modified(path: &str) -> Result<Timestamp> {
    let time = fs::metadata(path).and_then(|metadata| metadata.modified());
    let time = time.map_err(|e| Error::io(e, "read", path))?;
    // A time before 1970 is as good as 1970 to tell one state from another.
    let micros = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Ok(Timestamp(i64::try_from(micros).unwrap_or(i64::MAX)))
}
