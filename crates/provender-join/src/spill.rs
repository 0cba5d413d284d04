//! Files for what memory cannot hold. They have no name: they are gone when they are closed, however the process ends.

use provender_core::{Error, Result};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file that only this value knows.
#[derive(Debug)]
pub(crate) struct SpillFile {
    file: File,
    folder: PathBuf,
    length: u64,
}

/// Where something lies in a spill file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spilled {
    offset: u64,
    length: u64,
}

impl SpillFile {
    /// An empty file in a folder; `None` for the system's folder of temporary files.
    ///
    /// # Errors
    /// `NotFound`, `Denied` or `Unavailable` as the disk says, naming the folder.
    pub(crate) fn create(folder: Option<&Path>) -> Result<Self> {
        let folder = folder.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let file = tempfile::tempfile_in(&folder).map_err(|e| failed(e, &folder))?;
        Ok(Self { file, folder, length: 0 })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full or fails.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<Spilled> {
        let at = Spilled { offset: self.length, length: bytes.len() as u64 };
        write_all_at(&self.file, bytes, at.offset).map_err(|e| failed(e, &self.folder))?;
        self.length += at.length;
        Ok(at)
    }

    /// Reads what was added.
    ///
    /// # Errors
    /// `Unavailable` if the disk fails.
    pub(crate) fn read(&self, at: Spilled) -> Result<Vec<u8>> {
        let length =
            usize::try_from(at.length).map_err(|_| Error::internal("a spilled part is too large"))?;
        let mut bytes = vec![0; length];
        read_exact_at(&self.file, &mut bytes, at.offset).map_err(|e| failed(e, &self.folder))?;
        Ok(bytes)
    }

    /// Adds numbers at the end.
    ///
    /// # Errors
    /// As [`SpillFile::append`].
    pub(crate) fn append_numbers(&mut self, numbers: impl Iterator<Item = u64>) -> Result<Spilled> {
        let start = self.length;
        let mut bytes = Vec::with_capacity(STEP);
        for number in numbers {
            bytes.extend_from_slice(&number.to_le_bytes());
            if bytes.len() >= STEP {
                self.append(&bytes)?;
                bytes.clear();
            }
        }
        self.append(&bytes)?;
        Ok(Spilled { offset: start, length: self.length - start })
    }

    /// Reads numbers that were added.
    ///
    /// # Errors
    /// As [`SpillFile::read`].
    pub(crate) fn read_numbers(&self, at: Spilled) -> Result<Vec<u64>> {
        let mut numbers = Vec::with_capacity(usize::try_from(at.length / 8).unwrap_or(0));
        let end = at.offset + at.length;
        let mut offset = at.offset;
        while offset < end {
            let part = self.read(Spilled { offset, length: (end - offset).min(STEP as u64) })?;
            offset += part.len() as u64;
            numbers.extend(part.chunks_exact(8).map(|bytes| {
                let mut number = [0; 8];
                number.copy_from_slice(bytes);
                u64::from_le_bytes(number)
            }));
        }
        Ok(numbers)
    }
}

/// Bytes written and read at a time.
const STEP: usize = 1 << 20;

fn failed(error: io::Error, folder: &Path) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::unavailable("the disk is full: what exceeds the memory allowed has no place")
                .with("folder", folder.display())
                .with("expected", "free space, another --spill-dir, or a larger --max-memory")
                .because(error)
        }
        _ => Error::io(error, "spill to", folder),
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset += written as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::Kind;
    use std::fs;

    #[test]
    fn what_was_added_is_read_back_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SpillFile::create(Some(folder.path())).unwrap();
        let first = file.append(b"abc").unwrap();
        let numbers = file.append_numbers(0..300_000).unwrap();
        assert_eq!(file.read(first).unwrap(), b"abc");
        assert_eq!(file.read_numbers(numbers).unwrap(), (0..300_000).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_and_a_full_disk_are_named() {
        let error = SpillFile::create(Some(Path::new("/no/such/folder"))).unwrap_err();
        assert_eq!((error.kind(), error.report().contains("/no/such/folder")), (Kind::NotFound, true));
        let full = failed(ErrorKind::StorageFull.into(), Path::new("/full"));
        assert_eq!((full.kind(), full.get("folder")), (Kind::Unavailable, Some("/full")));
    }
}
