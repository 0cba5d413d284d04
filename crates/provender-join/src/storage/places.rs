//! All places at once: paths lead to local disk, URLs to the buckets of object stores.

use super::url::Location;
use super::{LocalDisk, ReadAt, Storage, StorageOptions, StoredFile, remote, write_aside};
use provender_core::Result;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Bytes that are gathered before they are written to disk.
const WRITE_BYTES: usize = 1 << 20;

/// Reads and writes wherever a path or URL leads.
#[derive(Clone, Debug, Default)]
pub struct Places {
    options: StorageOptions,
}

/// Whether a path is the URL of an object.
#[must_use]
pub fn is_url(path: &str) -> bool {
    path.contains("://") && !path.starts_with("file://")
}

fn local(path: &str) -> &str {
    path.strip_prefix("file://").unwrap_or(path)
}

impl Places {
    /// Places with settings for their object stores; those that are not set come from the environment.
    #[must_use]
    pub fn new(options: StorageOptions) -> Self {
        Self { options }
    }

    pub(super) fn options(&self) -> &StorageOptions {
        &self.options
    }

    /// Writes a file or object: readers see nothing of it, or the old one, until it is whole and stored.
    ///
    /// # Errors
    /// That of `write`, or of the place; nothing is left behind then.
    pub fn write<T>(
        &self,
        path: &str,
        write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T>,
    ) -> Result<T> {
        if is_url(path) {
            let mut upload = remote::Upload::begin(&Location::parse(path)?, &self.options)?;
            let value = write(&mut upload)?;
            upload.finish()?;
            return Ok(value);
        }
        let path = Path::new(local(path));
        write_aside(path, |file| {
            let mut file = BufWriter::with_capacity(WRITE_BYTES, file);
            let value = write(&mut file)?;
            file.flush().map_err(|e| provender_core::Error::io(e, "write", path))?;
            Ok(value)
        })
    }
}

impl Storage for Places {
    fn list(&self, path: &str) -> Result<Vec<StoredFile>> {
        if is_url(path) { remote::list(path, &self.options) } else { LocalDisk.list(local(path)) }
    }

    fn is_folder(&self, path: &str) -> Result<bool> {
        if is_url(path) { remote::is_folder(path, &self.options) } else { LocalDisk.is_folder(local(path)) }
    }

    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        if is_url(&file.path) { remote::open(file, &self.options) } else { LocalDisk.open(file) }
    }

    fn requests(&self, file: &StoredFile, ranges: &[Range<u64>]) -> Option<u64> {
        is_url(&file.path).then(|| remote::requests(ranges, file.size))
    }

    fn is_far(&self, path: &str) -> bool {
        is_url(path)
    }
}
