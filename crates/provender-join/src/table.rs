//! Sources whose files a table format lists: what it says of them, and what that means for reading.
//!
//! A table says which columns there are and where each is found in a file, whatever the file's own schema; which rows of a file are gone; and, without the file being
//! opened, what it holds.

use crate::source::Unit;
use crate::storage::StoredFile;
use arrow_array::ArrayRef;
use arrow_schema::{Field, FieldRef, Fields, SchemaRef};
use provender_core::offline::Pruned;
use provender_core::{Error, Result};
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

/// A table of Parquet files at one version. Calls may block.
pub trait TableFiles: Debug + Send + Sync {
    /// What it is, for plans: `Delta table at version 12`.
    fn title(&self) -> String;

    /// The columns, in the table's order.
    fn columns(&self) -> &[TableColumn];

    /// The files, in the table's order: of equal rows the one in the later file wins.
    fn files(&self) -> &[DataFile];

    /// Values between which those of a column lie in each file, null where unknown; `None` if nothing is known of any.
    fn bounds(&self, column: &str) -> Option<(ArrayRef, ArrayRef)>;

    /// Numbers of the rows of a file that are gone, ascending; empty if none is.
    ///
    /// # Errors
    /// Those of reading.
    fn deleted_rows(&self, file: usize) -> Result<Vec<u64>>;

    /// An error about a file, with what the table knows of it.
    fn explained(&self, error: Error) -> Error;
}

/// A file of a table.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Where it is.
    pub stored: StoredFile,
    /// How many rows it holds, those that are gone included, as far as the table says.
    pub rows: Option<u64>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Name and type in the table.
    pub field: FieldRef,
    /// Where its values are.
    pub place: ColumnPlace,
}

/// Where the values of a table's column are.
#[derive(Clone, Debug)]
pub enum ColumnPlace {
    /// In the files, under the name of this field, or under its id where its metadata has one as [`FIELD_ID`]; what is nested in it likewise. A file without it holds
    /// nulls. Values of a narrower type are widened.
    File(FieldRef),
    /// In the table: one value a file.
    Table(ArrayRef),
}

/// The key of a field's metadata under which Parquet readers put its id.
pub const FIELD_ID: &str = "PARQUET:field_id";

/// The place among some fields of a file of one that a table names.
pub(crate) fn position(fields: &Fields, wanted: &Field) -> Option<usize> {
    match wanted.metadata().get(FIELD_ID) {
        Some(id) => fields.iter().position(|field| field.metadata().get(FIELD_ID) == Some(id)),
        None => fields.iter().position(|field| field.name() == wanted.name()),
    }
}

/// A table whose files have been opened, as far as they may hold what is wanted.
#[derive(Debug)]
pub(crate) struct OpenTable {
    pub(crate) table: Arc<dyn TableFiles>,
    /// What was left unopened.
    pub(crate) left_out: LeftOut,
    /// By unit: the rows that are not gone, if some are.
    pub(crate) live: Vec<Option<Vec<Range<u32>>>>,
}

/// Files of a table that need not be opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) files: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) pruned: Vec<Pruned>,
}

impl LeftOut {
    pub(crate) fn add(&mut self, file: &DataFile) {
        self.files += 1;
        self.rows += file.rows.unwrap_or(0);
        self.bytes += file.stored.size;
    }
}

impl OpenTable {
    pub(crate) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.table.columns().iter().find(|column| column.field.name() == name)
    }
}

/// The columns of a table as a schema.
pub(crate) fn schema(table: &dyn TableFiles) -> SchemaRef {
    let fields: Fields = table.columns().iter().map(|column| Arc::clone(&column.field)).collect();
    Arc::new(arrow_schema::Schema::new(fields))
}

/// The rows of each unit of one file that are not gone; `None` for a unit of which none is.
///
/// # Errors
/// `Invalid` if a row is gone that was never there.
pub(crate) fn live_rows(units: &[Unit], deleted: &[u64]) -> Result<Vec<Option<Vec<Range<u32>>>>> {
    let mut live = Vec::with_capacity(units.len());
    let (mut first, mut deleted) = (0, deleted.iter().copied().peekable());
    for unit in units {
        let end = first + unit.rows;
        let mut ranges = Vec::new();
        let (mut next, mut is_whole) = (first, true);
        while let Some(row) = deleted.next_if(|row| *row < end) {
            if row > next {
                ranges.push((next - first) as u32..(row - first) as u32);
            }
            (next, is_whole) = (row + 1, false);
        }
        if next < end {
            ranges.push((next - first) as u32..unit.rows as u32);
        }
        live.push((!is_whole).then_some(ranges));
        first = end;
    }
    match deleted.next() {
        None => Ok(live),
        Some(row) => Err(Error::invalid("a deleted row is beyond the file's last")
            .with("row", row)
            .with("rows", first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(rows: &[u64]) -> Vec<Unit> {
        rows.iter().enumerate().map(|(row_group, rows)| Unit { file: 0, row_group, rows: *rows }).collect()
    }

    #[test]
    fn deleted_rows_are_cut_out_of_the_units_that_hold_them() {
        let live = live_rows(&units(&[4, 3, 2, 5]), &[0, 2, 7, 8, 11, 13]).unwrap();
        assert_eq!(live, [Some(vec![1..2, 3..4]), None, Some(vec![]), Some(vec![0..2, 3..4])]);
        assert_eq!(live_rows(&units(&[2]), &[]).unwrap(), [None]);
    }

    #[test]
    fn a_deleted_row_beyond_the_file_is_an_error() {
        assert_eq!(live_rows(&units(&[2, 2]), &[4]).unwrap_err().get("rows"), Some("4"));
    }
}
