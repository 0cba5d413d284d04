//! Where files live: on local disk or in the buckets of object stores. [`Places`] reaches all of them by path or URL.

mod aside;
mod bucket;
mod fetched;
mod local;
mod options;
mod places;
mod remote;
mod shared;
mod url;

pub use aside::write_aside;
pub use bucket::{Bucket, refusal, run};
pub use local::LocalDisk;
pub use options::StorageOptions;
pub use places::{Places, is_url};
pub use shared::{Contents, SharedObject, Tag};

pub(crate) use fetched::{Begun, Fetched};

use bytes::Bytes;
use provender_core::{Error, Result};
use std::fmt::Debug;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

/// A place that holds files. Calls block.
pub trait Storage: Debug + Send + Sync {
    /// The file at `path`, or all files below the folder at `path`, in any order.
    /// Below the folder, names that begin with `.` or `_` are left out, folders of such names included.
    ///
    /// # Errors
    /// `NotFound` if there is neither, `Denied` or `Unavailable` as the place says.
    fn list(&self, path: &str) -> Result<Vec<StoredFile>>;

    /// Whether there is a folder at `path` with a file in it, of whatever name.
    ///
    /// # Errors
    /// `Denied` or `Unavailable` as the place says.
    fn is_folder(&self, path: &str) -> Result<bool>;

    /// Opens a file that was listed.
    ///
    /// # Errors
    /// `NotFound`, `Denied` or `Unavailable`, naming the file.
    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>>;

    /// How many requests it takes to read some ranges of a file, as far as that can be told before; `None` where reading is no matter of requests, as on local disk.
    fn requests(&self, _file: &StoredFile, _ranges: &[Range<u64>]) -> Option<u64> {
        None
    }

    /// Whether files at a path are far: see [`ReadAt::is_far`].
    fn is_far(&self, _path: &str) -> bool {
        false
    }
}

/// A file that [`Storage::list`] found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredFile {
    /// Path or URL, with `/` between names.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// What tells this content from any later one, where the place knows it: an object's ETag.
    pub tag: Option<String>,
}

/// An open file, read at any place from any thread.
pub trait ReadAt: Debug + Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before that. An error that wraps a [`provender_core::Error`] is told as that one.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;

    /// At least one and at most `length` bytes from `offset`, as many as come at no further cost.
    ///
    /// # Errors
    /// Those of [`ReadAt::read_at`].
    fn read_some(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.read_at(offset, length)
    }

    /// Whether a read takes long for its bytes, so that many at a time and few in all are better.
    fn is_far(&self) -> bool {
        false
    }

    /// Begins to read some ranges at once; `None` where nothing is gained by it, as on local disk.
    fn begin(&self, _ranges: &[Range<u64>]) -> Option<Begun> {
        None
    }
}

/// What a failed read says: the place's own error if it has one.
pub(crate) fn unreadable(error: io::Error) -> Error {
    error
        .downcast::<Error>()
        .unwrap_or_else(|error| Error::unavailable("cannot read the file").because(error))
}

/// What a failed write says: the place's own error if it has one.
pub(crate) fn unwritable(error: io::Error) -> Error {
    error
        .downcast::<Error>()
        .unwrap_or_else(|error| Error::unavailable("cannot write the file").because(error))
}

/// Reads a file from some place to its end, in steps of a fixed size. Of a far file the next step is on its way while one is used.
#[derive(Debug)]
pub(crate) struct Sequential {
    file: Arc<dyn ReadAt>,
    offset: u64,
    step: usize,
    ahead: Bytes,
    /// The step that begins at `offset`.
    next: Option<Begun>,
}

impl Sequential {
    pub(crate) fn new(file: Arc<dyn ReadAt>, offset: u64, step: usize) -> Self {
        Self { file, offset, step, ahead: Bytes::new(), next: None }
    }

    fn refill(&mut self) -> io::Result<()> {
        let left = self.file.size().saturating_sub(self.offset);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.step);
        self.ahead = match self.next.take() {
            Some(begun) => {
                let parts = begun.wait().map_err(io::Error::other)?;
                Fetched::new(Arc::clone(&self.file), parts).read_at(self.offset, length)?
            }
            None => self.file.read_some(self.offset, length)?,
        };
        self.offset += self.ahead.len() as u64;
        let end = self.offset.saturating_add(self.step as u64).min(self.file.size());
        if self.file.is_far() && self.step >= MIN_AHEAD && end > self.offset {
            self.next = self.file.begin(std::slice::from_ref(&(self.offset..end)));
        }
        Ok(())
    }
}

/// Shorter steps are those of somebody who looks at one thing only.
const MIN_AHEAD: usize = 64 << 10;

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            self.refill()?;
        }
        let taken = self.ahead.split_to(self.ahead.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

/// Bytes that [`Positioned`] reads at once: few enough for a frame, many enough for a far store.
const STEP_BYTES: usize = 4 << 20;

/// A file with a place in it, for readers that move about.
#[derive(Debug)]
pub(crate) struct Positioned {
    sequential: Sequential,
    offset: u64,
}

impl Positioned {
    pub(crate) fn new(file: Arc<dyn ReadAt>) -> Self {
        Self { sequential: Sequential::new(file, 0, STEP_BYTES), offset: 0 }
    }
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.sequential.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl Seek for Positioned {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(by) => self.sequential.file.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.offset.checked_add_signed(by),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        if target != self.offset {
            self.sequential = Sequential::new(Arc::clone(&self.sequential.file), target, STEP_BYTES);
            self.offset = target;
        }
        Ok(target)
    }
}
