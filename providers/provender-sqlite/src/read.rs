//! Reading: all views of a request in one snapshot, a prepared statement a view, a search a key.

use crate::database::Database;
use crate::error::{damaged, failed, failed_on, never_set_up};
use crate::layout::{quoted_table, stored_time};
use provender_core::online::{OnlineRead, OnlineRows, OnlineTable, ViewRead, ViewRows};
use provender_core::{Error, RequestContext, Result, Timestamp};
use rusqlite::{CachedStatement, Connection, Row};
use std::path::Path;

/// When less than one feature in so many is asked for, a search for each of them is faster than reading all rows of a key. (Measured: for 5 features of 50
/// it takes two thirds of the time, for 5 of 10 half as much again.)
const WIDE: usize = 8;

/// Reads every view of the request as of one moment.
pub(crate) fn read(database: &mut Database, request: &OnlineRead) -> Result<OnlineRows> {
    let Some(first) = request.views.first() else { return Ok(OnlineRows::default()) };
    let path = database.path();
    let connection = database.serving(&request.context)?;
    let connection = connection.ok_or_else(|| never_set_up(&first.table, &path))?;
    let snapshot = connection.transaction().map_err(|e| failed(e, "read", &path))?;
    let mut views = Vec::with_capacity(request.views.len());
    for view in &request.views {
        views.push(Reading::start(&snapshot, view, &path)?.finish(&request.context)?);
    }
    Ok(OnlineRows { views })
}

/// A view while it is read.
struct Reading<'a> {
    view: &'a ViewRead,
    path: &'a Path,
    /// Names asked for, in the order in which SQLite gives them, and the column of each.
    columns: Vec<(&'a str, usize)>,
    /// Finds the rows of a key, by name of the feature.
    search: CachedStatement<'a>,
    /// Finds all rows of a key, where `search` leaves some out.
    presence: Option<CachedStatement<'a>>,
    data: Vec<u8>,
    cells: Vec<Option<(u32, u32)>>,
}

impl<'a> Reading<'a> {
    fn start(connection: &'a Connection, view: &'a ViewRead, path: &'a Path) -> Result<Self> {
        let columns = columns(view)?;
        let table = &view.table;
        let failed = |e| failed_on(e, "read", path, table);
        let all = prepare(connection, table, 0).map_err(failed)?;
        let (search, presence) = if columns.len() * WIDE <= table.features.len() {
            let mut some = prepare(connection, table, columns.len()).map_err(failed)?;
            for (i, (name, _)) in columns.iter().enumerate() {
                some.raw_bind_parameter(i + 2, name).map_err(failed)?;
            }
            (some, Some(all))
        } else {
            (all, None)
        };
        Ok(Self { view, path, columns, search, presence, data: Vec::new(), cells: Vec::new() })
    }

    fn finish(mut self, context: &RequestContext) -> Result<ViewRows> {
        let width = self.columns.len();
        let mut times = Vec::with_capacity(self.view.keys.len());
        self.cells.reserve(width * self.view.keys.len());
        for key in self.view.keys.iter() {
            context.check()?;
            let first = self.cells.len();
            self.cells.resize(first + width, None);
            times.push(self.row(key, first)?);
        }
        ViewRows::new(self.data.into(), width, times, self.cells)
    }

    /// Fills the cells of one key, from `first` on; its event time is that of its newest value.
    fn row(&mut self, key: &[u8], first: usize) -> Result<Option<Timestamp>> {
        let Self { view, path, columns, search, presence, data, cells } = self;
        let table = &view.table;
        let mut next = 0;
        let time = scan(search, key, table, path, |name, row| {
            while columns.get(next).is_some_and(|(wanted, _)| wanted.as_bytes() < name) {
                next += 1;
            }
            // The same feature may be asked for twice.
            while let Some((_, column)) = columns.get(next).filter(|(wanted, _)| wanted.as_bytes() == name) {
                cells[first + column] = Some(copy(row, data, table)?);
                next += 1;
            }
            Ok(())
        })?;
        match presence {
            Some(all) if time.is_none() => scan(all, key, table, path, |_, _| Ok(())),
            _ => Ok(time),
        }
    }
}

/// The features asked for, by name.
fn columns(view: &ViewRead) -> Result<Vec<(&str, usize)>> {
    let name = |feature: usize| view.table.features.get(feature).map(|(name, _)| name.as_str());
    let mut columns = Vec::with_capacity(view.features.len());
    for (column, feature) in view.features.iter().enumerate() {
        let unknown = || Error::internal("a read names a feature that its view does not have");
        columns.push((name(*feature).ok_or_else(unknown)?, column));
    }
    columns.sort_unstable();
    Ok(columns)
}

/// A search for a key (`?1`), and if `features` is not 0 for so many features (`?2` and on) of it. It follows the primary key.
fn prepare<'c>(
    connection: &'c Connection,
    table: &OnlineTable,
    features: usize,
) -> rusqlite::Result<CachedStatement<'c>> {
    let mut sql =
        format!("SELECT feature_name, value, event_ts FROM {} WHERE entity_key = ?1", quoted_table(table));
    if features > 0 {
        let names: Vec<_> = (0..features).map(|i| format!("?{}", i + 2)).collect();
        sql += &format!(" AND feature_name IN ({})", names.join(", "));
    }
    connection.prepare_cached(&(sql + " ORDER BY feature_name"))
}

/// Gives every row that is found for a key to `visit`, with its feature's name. Returns the newest event time.
fn scan(
    search: &mut CachedStatement<'_>,
    key: &[u8],
    table: &OnlineTable,
    path: &Path,
    mut visit: impl FnMut(&[u8], &Row<'_>) -> Result<()>,
) -> Result<Option<Timestamp>> {
    let failed = |e| failed_on(e, "read", path, table);
    search.raw_bind_parameter(1, key).map_err(failed)?;
    let mut rows = search.raw_query();
    let mut newest = None;
    while let Some(row) = rows.next().map_err(failed)? {
        let name = row.get_ref(0).map_err(failed)?.as_bytes();
        visit(name.map_err(|_| damaged("a row without a feature name", table))?, row)?;
        let time = stored_time(row.get_ref(2).map_err(failed)?);
        let time = time.ok().flatten().ok_or_else(|| damaged("event_ts is not a time", table))?;
        newest = newest.max(Some(time));
    }
    Ok(newest)
}

/// Copies a row's value into the buffer; returns where it is.
fn copy(row: &Row<'_>, data: &mut Vec<u8>, table: &OnlineTable) -> Result<(u32, u32)> {
    let value = row.get_ref(1).ok().and_then(|v| v.as_bytes_or_null().ok());
    // A null is read as Feast's null, the empty value.
    let value = value.ok_or_else(|| damaged("value is neither bytes nor null", table))?.unwrap_or_default();
    let place = u32::try_from(data.len()).ok().zip(u32::try_from(value.len()).ok());
    data.extend_from_slice(value);
    place.ok_or_else(|| Error::internal("the values of one view pass 4 GiB").with("view", &table.view))
}
