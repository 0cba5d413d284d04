//! Where files live. Local disk is built in; an object store is another implementation of [`Storage`].

use bytes::Bytes;
use provender_core::{Error, Result};
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A place that holds files. Calls block.
pub trait Storage: Debug + Send + Sync {
    /// The file at `path`, or all files below the folder at `path`, in any order.
    /// Below the folder, names that begin with `.` or `_` are left out, folders of such names included.
    ///
    /// # Errors
    /// `NotFound` if there is neither, `Denied` or `Unavailable` as the place says.
    fn list(&self, path: &str) -> Result<Vec<StoredFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound`, `Denied` or `Unavailable`, naming the file.
    fn open(&self, path: &str) -> Result<Arc<dyn ReadAt>>;
}

/// A file that [`Storage::list`] found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredFile {
    /// Path or key, with `/` between names.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
}

/// An open file, read at any place from any thread.
pub trait ReadAt: Debug + Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;

    /// Exactly `length` bytes from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before that.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// The local file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl Storage for LocalDisk {
    fn list(&self, path: &str) -> Result<Vec<StoredFile>> {
        let metadata = fs::metadata(path).map_err(|e| Error::io(e, "read", path))?;
        let mut files = Vec::new();
        if metadata.is_dir() {
            walk(Path::new(path), &mut files)?;
        } else {
            files.push(StoredFile { path: path.to_owned(), size: metadata.len() });
        }
        Ok(files)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadAt>> {
        let open = || File::open(path).and_then(|file| Ok(LocalFile { size: file.metadata()?.len(), file }));
        Ok(Arc::new(open().map_err(|e| Error::io(e, "open", path))?))
    }
}

fn walk(folder: &Path, files: &mut Vec<StoredFile>) -> Result<()> {
    let failed = |e| Error::io(e, "list", folder);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::invalid("a file name is not UTF-8").with("path", path.display()));
        };
        if name.starts_with(['.', '_']) {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|e| Error::io(e, "read", &path))?;
        if metadata.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(StoredFile { path: path.to_string_lossy().into_owned(), size: metadata.len() });
        }
    }
    Ok(())
}

#[derive(Debug)]
struct LocalFile {
    file: File,
    size: u64,
}

impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        // A damaged file can ask for anything: never allocate more than the file holds.
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut buffer = vec![0; length];
        read_exact_at(&self.file, &mut buffer, offset)?;
        Ok(buffer.into())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done += read,
        }
    }
    Ok(())
}

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

/// Reads a file from some place to its end, in steps of a fixed size.
#[derive(Debug)]
pub(crate) struct Sequential {
    file: Arc<dyn ReadAt>,
    offset: u64,
    step: usize,
    ahead: Bytes,
}

impl Sequential {
    pub(crate) fn new(file: Arc<dyn ReadAt>, offset: u64, step: usize) -> Self {
        Self { file, offset, step, ahead: Bytes::new() }
    }
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let left = self.file.size().saturating_sub(self.offset);
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.step);
            self.ahead = self.file.read_at(self.offset, length)?;
            self.offset += length as u64;
        }
        let taken = self.ahead.split_to(self.ahead.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
