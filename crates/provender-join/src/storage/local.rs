//! The local file system.

use super::{ReadAt, Storage, StoredFile};
use bytes::Bytes;
use provender_core::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

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
            files.push(StoredFile { path: path.to_owned(), size: metadata.len(), tag: None });
        }
        Ok(files)
    }

    fn is_folder(&self, path: &str) -> Result<bool> {
        match fs::read_dir(path) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(e) => Err(Error::io(e, "list", path)),
        }
    }

    fn open(&self, file: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        let path = file.path.as_str();
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
            let path = path.to_string_lossy().into_owned();
            files.push(StoredFile { path, size: metadata.len(), tag: None });
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
        read_exact_at(&self.file, offset, length).map(Bytes::from)
    }
}

/// Memory that was not written before is not written twice.
#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    use rustix::buffer::spare_capacity;
    use rustix::io::{Errno, pread};

    let mut buffer = Vec::with_capacity(length);
    while buffer.len() < length {
        let next = offset + buffer.len() as u64;
        // There may be room for more than was asked for; what follows the range does no harm, and is cut off.
        match pread(file, spare_capacity(&mut buffer), next) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(windows)]
fn read_exact_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let (mut buffer, mut done) = (vec![0; length], 0);
    while done < length {
        match std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done += read,
        }
    }
    Ok(buffer)
}
