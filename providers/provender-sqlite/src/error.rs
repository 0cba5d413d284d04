//! From SQLite's result codes to kinds, in one place.

use provender_core::online::OnlineTable;
use provender_core::{Error, Kind};
use rusqlite::{ErrorCode, ffi};
use std::path::Path;

/// What SQLite's error means for the caller, with the file it happened on.
pub(crate) fn failed(error: rusqlite::Error, action: &'static str, path: &Path) -> Error {
    let (kind, reason) = meaning(&error);
    Error::new(kind, format!("cannot {action} the online store: {reason}"))
        .with("path", path.display())
        .because(error)
}

/// The same for one view, whose table may be missing.
pub(crate) fn failed_on(
    error: rusqlite::Error,
    action: &'static str,
    path: &Path,
    table: &OnlineTable,
) -> Error {
    if is_missing_table(&error) {
        return never_set_up(table, path);
    }
    failed(error, action, path).with("view", &table.view)
}

/// The view has no table, or there is no file at all.
pub(crate) fn never_set_up(table: &OnlineTable, path: &Path) -> Error {
    Error::not_found("the view has no table in the online store; apply and materialize it first")
        .with("view", &table.view)
        .with("table", crate::layout::table_name(table))
        .with("path", path.display())
}

/// A value that no writer of this layout leaves behind.
pub(crate) fn damaged(what: &'static str, table: &OnlineTable) -> Error {
    Error::internal(format!("damaged online store: {what}"))
        .with("view", &table.view)
        .with("table", crate::layout::table_name(table))
}

fn is_missing_table(error: &rusqlite::Error) -> bool {
    // SQLite has no code of its own for it.
    error.to_string().contains("no such table")
}

fn meaning(error: &rusqlite::Error) -> (Kind, &'static str) {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Kind::Unavailable, "another process has locked it")
        }
        Some(ErrorCode::DiskFull) => (Kind::Unavailable, "the disk is full"),
        Some(ErrorCode::SystemIoFailure) if may_be_full(error) => {
            (Kind::Unavailable, "the disk refused to write; it may be full")
        }
        Some(ErrorCode::SystemIoFailure) => (Kind::Unavailable, "the disk failed"),
        Some(ErrorCode::CannotOpen) => (Kind::Unavailable, "it cannot be opened"),
        Some(ErrorCode::ReadOnly) => (Kind::Denied, "it is read-only"),
        Some(ErrorCode::PermissionDenied) => (Kind::Denied, "access is denied"),
        Some(ErrorCode::NotADatabase) => (Kind::Invalid, "the file is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => (Kind::Internal, "the file is damaged"),
        Some(ErrorCode::TooBig) => (Kind::Invalid, "a value is too large"),
        _ => (Kind::Internal, "SQLite refused"),
    }
}

/// SQLite knows a full disk only from the write of a page, not where it makes a file longer.
fn may_be_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|e| e.extended_code);
    let growing = [
        ffi::SQLITE_IOERR_WRITE,
        ffi::SQLITE_IOERR_FSYNC,
        ffi::SQLITE_IOERR_DIR_FSYNC,
        ffi::SQLITE_IOERR_TRUNCATE,
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMMAP,
        ffi::SQLITE_IOERR_MMAP,
    ];
    code.is_some_and(|code| growing.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_the_caller_can_do() {
        let kind = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            failed(error, "read", Path::new("x.db")).kind()
        };
        for (code, expected) in [
            (ffi::SQLITE_BUSY, Kind::Unavailable),
            (ffi::SQLITE_BUSY_SNAPSHOT, Kind::Unavailable),
            (ffi::SQLITE_LOCKED, Kind::Unavailable),
            (ffi::SQLITE_FULL, Kind::Unavailable),
            (ffi::SQLITE_IOERR_READ, Kind::Unavailable),
            (ffi::SQLITE_CANTOPEN, Kind::Unavailable),
            (ffi::SQLITE_READONLY_DIRECTORY, Kind::Denied),
            (ffi::SQLITE_PERM, Kind::Denied),
            (ffi::SQLITE_NOTADB, Kind::Invalid),
            (ffi::SQLITE_CORRUPT_VTAB, Kind::Internal),
            (ffi::SQLITE_TOOBIG, Kind::Invalid),
            (ffi::SQLITE_MISUSE, Kind::Internal),
        ] {
            assert_eq!(kind(code), expected, "code {code}");
        }
    }

    #[test]
    fn the_file_and_the_reason_are_named() {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
        let error = failed(error, "write", Path::new("data/x.db"));
        assert_eq!(error.to_string(), "cannot write the online store: the disk is full (path: data/x.db)");
    }

    #[test]
    fn writes_that_fail_may_mean_a_full_disk() {
        let text = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = failed(error, "write", Path::new("x.db"));
            assert_eq!((error.kind(), error.get("path")), (Kind::Unavailable, Some("x.db")), "code {code}");
            error.to_string()
        };
        for code in [4874, ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_FSYNC] {
            assert!(text(code).contains("full"), "code {code}");
        }
        assert!(!text(ffi::SQLITE_IOERR_READ).contains("full"));
    }
}
