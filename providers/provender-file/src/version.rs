//! The state of a source: its files with what tells their contents apart.

use provender_core::offline::{FileVersion, SourceVersion};
use provender_core::{Error, Result, Timestamp};
use provender_join::storage::{StoredFile, is_url};
use provender_join::{SourceSpec, files};
use std::fs;
use std::time::UNIX_EPOCH;

/// The files that a source means now; blocks.
pub(crate) fn version(spec: &SourceSpec) -> Result<SourceVersion> {
    let files = files(spec)?.into_iter().map(file_version).collect::<Result<_>>()?;
    Ok(SourceVersion::Files(files))
}

fn file_version(file: StoredFile) -> Result<FileVersion> {
    let StoredFile { path, size, tag } = file;
    let modified = if is_url(&path) { None } else { Some(modified(&path)?) };
    Ok(FileVersion { path, size, tag, modified })
}

/// When a local file was last written, to the microsecond.
fn modified(path: &str) -> Result<Timestamp> {
    let time = fs::metadata(path).and_then(|metadata| metadata.modified());
    let time = time.map_err(|e| Error::io(e, "read", path))?;
    // A time before 1970 is as good as 1970 to tell one state from another.
    let micros = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Ok(Timestamp(i64::try_from(micros).unwrap_or(i64::MAX)))
}
