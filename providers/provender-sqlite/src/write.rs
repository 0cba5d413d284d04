//! Writing: one transaction a batch, in the order of the keys, which is the order of the table's indexes.

use crate::config::WriteMode;
use crate::database::Database;
use crate::error::{damaged, failed, failed_on, never_set_up};
use crate::layout::{quoted_table, stored_time};
use provender_core::online::{Age, OnlineTable, OnlineWrite, WriteColumns, WriteSummary};
use provender_core::value::to_text;
use provender_core::{Result, Timestamp};
use rusqlite::{CachedStatement, Connection, TransactionBehavior};
use std::path::Path;

/// Features a statement: a whole row for most views, far below SQLite's limit of parameters for the widest.
const FEATURES: usize = 256;

/// Writes a batch: all of it or, if it fails, nothing.
pub(crate) fn write(database: &mut Database, mode: WriteMode, request: &OnlineWrite) -> Result<WriteSummary> {
    let batch = WriteColumns::of(request)?;
    let path = database.path();
    let connection = database.serving(&request.context)?;
    let connection = connection.ok_or_else(|| never_set_up(&request.table, &path))?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|e| failed(e, "write", &path))?;
    let written = Writing::start(&transaction, mode, &request.table, &path)?.all(&batch, request)?;
    transaction.commit().map_err(|e| failed(e, "write", &path))?;
    Ok(WriteSummary { written, stale: batch.len() as u64 - written })
}

/// One row a key, in the order of the keys: the newest, or the last.
fn winners(batch: &WriteColumns<'_>, mode: WriteMode) -> Vec<usize> {
    let mut rows = batch.winners(mode == WriteMode::Newest);
    rows.sort_unstable_by_key(|row| batch.keys.value(*row));
    rows
}

/// The statements of a write.
struct Writing<'a> {
    table: &'a OnlineTable,
    path: &'a Path,
    /// Finds the times of a key's rows; only if newest wins.
    stored: Option<CachedStatement<'a>>,
    /// Each writes so many features of a row, one group after the other.
    upserts: Vec<CachedStatement<'a>>,
}

impl<'a> Writing<'a> {
    fn start(
        connection: &'a Connection,
        mode: WriteMode,
        table: &'a OnlineTable,
        path: &'a Path,
    ) -> Result<Self> {
        let failed = |e| failed_on(e, "write", path, table);
        let name = quoted_table(table);
        let stored = format!("SELECT event_ts, created_ts FROM {name} WHERE entity_key = ?1");
        let stored = connection.prepare_cached(&stored).map_err(failed)?;
        let mut upserts = Vec::new();
        for group in table.features.chunks(FEATURES) {
            let mut upsert = connection.prepare_cached(&upsert(&name, group.len())).map_err(failed)?;
            for (i, (feature, _)) in group.iter().enumerate() {
                upsert.raw_bind_parameter(4 + 3 * i, feature).map_err(failed)?;
            }
            upserts.push(upsert);
        }
        Ok(Self { table, path, stored: (mode == WriteMode::Newest).then_some(stored), upserts })
    }

    /// Returns how many rows the store holds now.
    fn all(mut self, batch: &WriteColumns<'_>, request: &OnlineWrite) -> Result<u64> {
        let mode = if self.stored.is_some() { WriteMode::Newest } else { WriteMode::Overwrite };
        let mut written = 0;
        for row in winners(batch, mode) {
            request.context.check()?;
            if self.is_current(batch, row)? {
                self.put(batch, row)?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Whether no row of the same key is newer. The store keeps seconds, so seconds are compared.
    fn is_current(&mut self, batch: &WriteColumns<'_>, row: usize) -> Result<bool> {
        let Some(stored) = &mut self.stored else { return Ok(true) };
        let failed = |e| failed_on(e, "write", self.path, self.table);
        let seconds = |(event, created): Age| (event.seconds(), created.map(Timestamp::seconds));
        let age = seconds(batch.age(row));
        stored.raw_bind_parameter(1, batch.keys.value(row)).map_err(failed)?;
        let mut rows = stored.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let time = |i: usize, name: &'static str| {
                stored_time(row.get_ref(i).map_err(failed)?).map_err(|()| damaged(name, self.table))
            };
            let event = time(0, "event_ts is not a time")?;
            let event = event.ok_or_else(|| damaged("event_ts is not a time", self.table))?;
            if seconds((event, time(1, "created_ts is not a time")?)) > age {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn put(&mut self, batch: &WriteColumns<'_>, row: usize) -> Result<()> {
        let failed = |e| failed_on(e, "write", self.path, self.table);
        let (event, created) = batch.age(row);
        let groups = batch.values.chunks(FEATURES);
        for (upsert, values) in self.upserts.iter_mut().zip(groups) {
            upsert.raw_bind_parameter(1, batch.keys.value(row)).map_err(failed)?;
            upsert.raw_bind_parameter(2, event.seconds()).map_err(failed)?;
            upsert.raw_bind_parameter(3, created.map(Timestamp::seconds)).map_err(failed)?;
            for (i, values) in values.iter().enumerate() {
                let value = values.value(row);
                let text = to_text(value).map_err(|e| e.with("view", &self.table.view))?;
                upsert.raw_bind_parameter(5 + 3 * i, value).map_err(failed)?;
                upsert.raw_bind_parameter(6 + 3 * i, text.as_deref()).map_err(failed)?;
            }
            upsert.raw_execute().map_err(failed)?;
        }
        Ok(())
    }
}

/// Writes one row's `features`: the key is `?1`, its times `?2` and `?3`, then name, value and text of each feature.
fn upsert(table: &str, features: usize) -> String {
    let rows: Vec<_> = (0..features)
        .map(|i| format!("(?1, ?{}, ?{}, ?{}, NULL, ?2, ?3)", 4 + 3 * i, 5 + 3 * i, 6 + 3 * i))
        .collect();
    format!(
        "INSERT INTO {table} (entity_key, feature_name, value, value_text, vector_value, event_ts, created_ts)
         VALUES {} ON CONFLICT (entity_key, feature_name) DO UPDATE SET value = excluded.value,
         value_text = excluded.value_text, vector_value = NULL, event_ts = excluded.event_ts, created_ts = excluded.created_ts",
        rows.join(", ")
    )
}

#[cfg(test)]
mod tests;
