//! One connection of one thread, opened when it is first needed.

use crate::error::failed;
use crate::read_only::{self, Untouched};
use provender_core::{Error, RequestContext, Result};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a statement waits for another process that holds the lock, unless a deadline comes first.
const BUSY: Duration = Duration::from_secs(5);
/// Statements kept prepared a connection: a few for each view in use.
const STATEMENTS: usize = 256;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Reader,
    Writer,
}

/// A connection to the file, if the file is there.
#[derive(Debug)]
pub(crate) struct Database {
    path: Arc<Path>,
    role: Role,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    id: FileId,
    /// Of a file that is read without locks.
    untouched: Option<Untouched>,
    connection: Connection,
}

impl Database {
    /// Opens nothing yet.
    pub(crate) fn new(path: Arc<Path>, role: Role) -> Self {
        Self { path, role, open: None }
    }

    /// The database file.
    pub(crate) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// The connection; `None` while there is no file. Follows a file that was deleted or replaced: values must not go to, or come from, the old one.
    pub(crate) fn existing(&mut self) -> Result<Option<&mut Connection>> {
        let now = match FileId::of(&self.path) {
            Ok(id) => id,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.open = None;
                return Ok(None);
            }
            Err(error) => return Err(Error::io(error, "open the online store", &self.path)),
        };
        if self.open.as_ref().is_none_or(|open| open.id != now || !open.is_current(&self.path)) {
            self.open = None;
            let (untouched, connection) = connect(&self.path, self.role)?;
            self.open = Some(Open { id: now, untouched, connection });
        }
        Ok(self.open.as_mut().map(|open| &mut open.connection))
    }

    /// The connection for a request: it waits for nobody beyond the deadline.
    pub(crate) fn serving(&mut self, context: &RequestContext) -> Result<Option<&mut Connection>> {
        context.check()?;
        let path = self.path();
        let Some(connection) = self.existing()? else { return Ok(None) };
        let left = context.deadline.map_or(BUSY, |d| d.saturating_duration_since(Instant::now()));
        connection.busy_timeout(left.min(BUSY)).map_err(|e| failed(e, "open", &path))?;
        Ok(Some(connection))
    }

    /// The connection, with the file and its folder made if they are missing.
    pub(crate) fn create(&mut self) -> Result<&mut Connection> {
        if self.existing()?.is_none() {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|e| Error::io(e, "create the folder of the online store", folder))?;
            }
            // An empty file is an empty database, and unlike SQLite the system says why it cannot make one.
            let made = File::options().append(true).create(true).open(&self.path);
            made.map_err(|e| Error::io(e, "create the online store", &self.path))?;
        }
        let path = self.path();
        self.existing()?.ok_or_else(|| {
            Error::unavailable("the online store was deleted while it was made").with("path", path.display())
        })
    }
}

impl Open {
    fn is_current(&self, path: &Path) -> bool {
        self.untouched.is_none() || self.untouched == Untouched::of(path)
    }
}

/// A connection, and for one without locks what the file looked like.
fn connect(path: &Path, role: Role) -> Result<(Option<Untouched>, Connection)> {
    let error = match connect_with_locks(path, role) {
        Ok(connection) => return Ok((None, connection)),
        Err(error) => error,
    };
    if role == Role::Reader
        && read_only::may_be_cause_of(&error)
        && let Some((untouched, connection)) = read_only::connect(path)
    {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        return Ok((Some(untouched), connection));
    }
    Err(cannot_open(error, path, role))
}

fn connect_with_locks(path: &Path, role: Role) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    match role {
        // Reads the header, so that a file of another kind is found out here.
        Role::Reader => connection.execute_batch("PRAGMA query_only = ON; PRAGMA schema_version;")?,
        // The log is merged often, as SQLite has it: a long one halves the speed of reads and hardly helps a bulk write. Nor does a larger page cache.
        Role::Writer => connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;
             PRAGMA journal_size_limit = 67108864;",
        )?,
    }
    Ok(connection)
}

/// SQLite does not say why it cannot open a file; the system does, if it cannot either.
fn cannot_open(error: rusqlite::Error, path: &Path, role: Role) -> Error {
    let file = match role {
        Role::Reader => File::open(path),
        Role::Writer => File::options().append(true).open(path),
    };
    if let Err(reason) = file {
        return Error::io(reason, "open the online store", path);
    }
    match path.parent().map(read_only::try_folder) {
        Some(Err(reason)) if read_only::may_be_cause_of(&error) => {
            Error::io(reason, "make SQLite's files beside the online store", path)
        }
        _ => failed(error, "open", path),
    }
}

/// Tells a file from another one that took its path.
#[derive(Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).map(|m| Self(m.dev(), m.ino()))
    }

    /// An open file keeps its path there.
    #[cfg(not(unix))]
    fn of(path: &Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|_| Self(0, 0))
    }
}
