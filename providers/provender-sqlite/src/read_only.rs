//! Files on read-only file systems and in folders that may not be written to.
//!
//! A database in WAL mode needs two files beside it, even to be read. Where they can neither be made nor are there, nobody has the file open, and it can be read
//! as it is: without locks. If somebody opens it elsewhere after all, the connection is given up for a new one.

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a file without locks looked like when it was opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Untouched {
    length: u64,
    modified: Option<SystemTime>,
}

impl Untouched {
    /// `None` if somebody has written, or is about to.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let log = fs::metadata(beside(path, "-wal"));
        let file = fs::metadata(path).ok()?;
        let merged = log.map_or_else(|e| e.kind() == ErrorKind::NotFound, |log| log.len() == 0);
        merged.then(|| Self { length: file.len(), modified: file.modified().ok() })
    }
}

/// Whether the reason may be that SQLite cannot write to the folder.
pub(crate) fn may_be_cause_of(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Opens the file without locks, if that is the only way and nothing is lost by it.
pub(crate) fn connect(path: &Path) -> Option<(Untouched, Connection)> {
    let refused = [ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied];
    let reason = try_folder(path.parent()?).err()?;
    if !refused.contains(&reason.kind()) {
        return None;
    }
    let untouched = Untouched::of(path)?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path), flags).ok()?;
    connection.execute_batch("PRAGMA schema_version;").ok()?;
    Some((untouched, connection))
}

/// Makes a file in a folder and deletes it: only the system knows all the reasons why that may fail.
pub(crate) fn try_folder(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".provender-{}", std::process::id()));
    File::options().append(true).create(true).open(&probe)?;
    // Another thread with the same question may have been first.
    let _ = fs::remove_file(&probe);
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// SQLite takes the setting only in a URI.
fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_survives_in_the_uri() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a ?b#c%41&é.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri(&path), flags).unwrap();
        assert!(connection.table_exists(None, "t").unwrap());
        assert!(connection.execute_batch("CREATE TABLE u (x)").is_err());
    }

    #[test]
    fn file_with_a_log_or_another_content_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        fs::write(&path, "one").unwrap();
        let before = Untouched::of(&path);
        assert!(before.is_some() && before == Untouched::of(&path));
        fs::write(beside(&path, "-wal"), "").unwrap();
        assert_eq!(before, Untouched::of(&path));
        fs::write(beside(&path, "-wal"), "rows").unwrap();
        assert_eq!(Untouched::of(&path), None);
        fs::remove_file(beside(&path, "-wal")).unwrap();
        fs::write(&path, "longer").unwrap();
        assert_ne!(before, Untouched::of(&path));
    }

    #[test]
    fn folder_that_can_be_written_is_no_reason_to_go_without_locks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(connect(&path).is_none());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn folder_that_cannot_be_written_says_why() {
        // Not even root makes files there.
        let reason = try_folder(Path::new("/sys")).unwrap_err().kind();
        assert!([ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied].contains(&reason), "{reason}");
    }
}
