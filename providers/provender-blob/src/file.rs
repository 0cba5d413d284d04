//! One local file that is replaced whole: readers see the old bytes or the new ones, writers take turns.

use bytes::Bytes;
use provender_core::{Error, Result};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long a writer waits for its turn; a turn takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// Symbolic links in a row, as Linux allows.
const MAX_LINKS: usize = 40;
/// Clocks of file systems tick this often at worst; a younger file may change without a new time.
const TICK: Duration = Duration::from_secs(2);

/// A file at a path, which may be a symbolic link to it.
#[derive(Debug)]
pub(crate) struct LocalFile {
    path: PathBuf,
}

/// What tells one state of a file from the next, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

/// A file's bytes and the state they were read in.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) bytes: Bytes,
    pub(crate) stamp: Stamp,
    /// Whether the stamp tells this state from any later one.
    pub(crate) settled: bool,
}

/// The right to replace the file, until it is dropped. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Turn {
    /// The file behind all links.
    target: PathBuf,
    _lock: File,
}

impl LocalFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's state; `None` if there is no file.
    pub(crate) fn stamp(&self) -> Result<Option<Stamp>> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => {
                Err(Error::io(ErrorKind::IsADirectory.into(), "read the registry", &self.path)
                    .with("expected", "a file"))
            }
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(e, "read the registry", &self.path)),
        }
    }

    /// The file's bytes; `None` if there is no file.
    pub(crate) fn read(&self) -> Result<Option<Contents>> {
        match read(&self.path) {
            Ok(contents) => Ok(Some(contents)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(e, "read the registry", &self.path)),
        }
    }

    /// Waits for the right to replace the file. Makes its folder if there is none.
    ///
    /// # Errors
    /// `Unavailable` if another process holds it too long; `Denied` where nothing may be written.
    pub(crate) fn turn(&self) -> Result<Turn> {
        self.stamp()?;
        let failed = |e| Error::io(e, "lock the registry", &self.path);
        let target = target(&self.path).map_err(failed)?;
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Beside the file, since the file itself is replaced; never removed, since somebody may be waiting on it.
        let path = beside(&target, "", ".lock").map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(1);
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Turn { target, _lock: lock }),
                Err(TryLockError::Error(e)) => return Err(failed(e)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(pause),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::unavailable("another process keeps the registry locked")
                        .with("path", self.path.display()));
                }
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Puts other bytes in the file's place, all or none, and durably.
    pub(crate) fn replace(&self, turn: &Turn, bytes: &[u8]) -> Result<()> {
        replace(&turn.target, |file| file.write_all(bytes))
            .map_err(|e| Error::io(e, "write the registry", &self.path))
    }
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

fn read(path: &Path) -> io::Result<Contents> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let settled = metadata.modified().is_ok_and(|m| m + TICK < SystemTime::now());
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(Contents { bytes: bytes.into(), stamp: Stamp::of(&metadata), settled })
}

/// The file behind a path's links, whether it exists or not.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A file in the same folder, with something before and after its name.
fn beside(path: &Path, before: &str, after: &str) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidFilename))?;
    let mut sibling = OsString::from(before);
    sibling.push(name);
    sibling.push(after);
    Ok(path.with_file_name(sibling))
}

/// Writes a new file aside and moves it over the old one; if anything fails, the old one stays and the new one goes.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // One name is enough for those who take turns, and nothing piles up when they are killed.
    let aside = beside(path, ".", ".new")?;
    if let Err(e) = fs::remove_file(&aside)
        && e.kind() != ErrorKind::NotFound
    {
        return Err(e);
    }
    let written = write_aside(path, &aside, write).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = fs::remove_file(&aside);
        return written;
    }
    // Without this the move itself may be lost with the power.
    File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
}

fn write_aside(path: &Path, aside: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = OpenOptions::new().create_new(true).write(true).open(aside)?;
    match fs::metadata(path) {
        Ok(metadata) => file.set_permissions(metadata.permissions())?,
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    write(&mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
