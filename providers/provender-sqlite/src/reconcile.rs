//! Tables come and go with the views.

use crate::database::Database;
use crate::error::failed;
use crate::layout::{create, quoted_table, table_name};
use provender_core::online::{InfraChanges, OnlineTable};
use provender_core::{Error, Result};
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;

/// Makes and drops tables, all or nothing.
pub(crate) fn reconcile(database: &mut Database, changes: &InfraChanges) -> Result<()> {
    let path = database.path();
    let needs_file = !changes.keep.is_empty() || !changes.alter.is_empty();
    let connection = if needs_file { Some(database.create()?) } else { database.existing()? };
    // Without a file there is nothing to drop.
    let Some(connection) = connection else { return Ok(()) };
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|e| failed(e, "write", &path))?;
    for table in &changes.drop {
        let drop = format!("DROP TABLE IF EXISTS {}", quoted_table(table));
        transaction.execute_batch(&drop).map_err(|e| failed(e, "drop a table of", &path))?;
    }
    for table in changes.keep.iter().chain(changes.alter.iter().map(|(_, new)| new)) {
        transaction.execute_batch(&create(table)).map_err(|e| cannot_create(e, table, &path))?;
    }
    for (old, new) in &changes.alter {
        forget(&transaction, old, new).map_err(|e| failed(e, "write", &path).with("view", &new.view))?;
    }
    transaction.commit().map_err(|e| failed(e, "write", &path))
}

/// Deletes what the changed view cannot reach any more: removed features, or with other join keys everything.
fn forget(connection: &Connection, old: &OnlineTable, new: &OnlineTable) -> rusqlite::Result<()> {
    let table = quoted_table(new);
    let join_keys = |t: &OnlineTable| {
        let mut keys = t.join_keys.clone();
        keys.sort_unstable();
        keys
    };
    if join_keys(old) != join_keys(new) {
        return connection.execute_batch(&format!("DELETE FROM {table}"));
    }
    let mut delete = connection.prepare(&format!("DELETE FROM {table} WHERE feature_name = ?1"))?;
    for (name, _) in &old.features {
        if !new.features.iter().any(|(kept, _)| kept == name) {
            delete.execute(params![name])?;
        }
    }
    Ok(())
}

/// The statement is ours, the name is not: what SQLite has against it, such as a reserved word, is the user's to change.
fn cannot_create(error: rusqlite::Error, table: &OnlineTable, path: &Path) -> Error {
    let reason = match &error {
        rusqlite::Error::SqliteFailure(code, Some(reason))
            if code.extended_code == rusqlite::ffi::SQLITE_ERROR =>
        {
            reason.clone()
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::NulError(_) => "a null character in the name".to_owned(),
        _ => return failed(error, "create a table of", path).with("view", &table.view),
    };
    Error::invalid(format!("cannot create the table of a view: {reason}"))
        .with("view", &table.view)
        .with("table", table_name(table))
        .with("path", path.display())
        .because(error)
}
