//! Compares a training set that is built again with what its manifest says, and with the rows that were written then, if they still exist.

#[cfg(test)]
mod tests;

use crate::manifest::{BLOCK_ROWS, Content, ContentHasher, Manifest};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::SchemaRef;
use provender_core::Result;

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Rows, columns and values are those of the manifest.
    pub equal: bool,
    /// Rows that the manifest says, and rows that came.
    pub rows: (u64, u64),
    /// Content hashes: the manifest's, and that of what came.
    pub hashes: (String, String),
    /// Columns that are missing, new, or of another type.
    pub columns: Vec<String>,
    /// Whether the entity rows are those of the manifest.
    pub same_entity_rows: bool,
    /// The first block of rows in which values differ.
    pub block: Option<DifferentBlock>,
    /// The first cell that differs from the rows written then; `None` if they could not be compared.
    pub cell: Option<DifferentCell>,
    /// The rows are those of the manifest, but what was written then has other values now: the first of them.
    pub altered: Option<DifferentCell>,
}

/// A block of rows in which values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferentBlock {
    /// Its first row, counted from 0.
    pub first: u64,
    /// Its last row.
    pub last: u64,
    /// The columns that differ.
    pub columns: Vec<String>,
}

/// A cell that holds two values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferentCell {
    /// Its row, counted from 0.
    pub row: u64,
    /// Its column.
    pub column: String,
    /// The row's join keys and event time, with their names.
    pub entity: Vec<(String, String)>,
    /// The value that was written then.
    pub before: String,
    /// The value that came.
    pub now: String,
}

/// Takes the rows that are built again and compares them as they come.
#[derive(Debug)]
pub struct Comparison<'a> {
    manifest: &'a Manifest,
    schema: SchemaRef,
    hasher: ContentHasher,
    /// Of each column, its place among the manifest's.
    recorded: Vec<Option<usize>>,
    /// The first cell of each column in the open block that differs from what was written.
    open: Vec<Option<DifferentCell>>,
    blocks: usize,
    block: Option<DifferentBlock>,
    cell: Option<DifferentCell>,
    altered: Option<DifferentCell>,
}

impl<'a> Comparison<'a> {
    /// A comparison of rows of a schema.
    #[must_use]
    pub fn new(manifest: &'a Manifest, schema: &SchemaRef) -> Self {
        let recorded = &manifest.result.content.columns;
        let place = |name: &str| recorded.iter().position(|column| column.name == name);
        Self {
            manifest,
            schema: SchemaRef::clone(schema),
            hasher: ContentHasher::new(schema),
            recorded: schema.fields().iter().map(|field| place(field.name())).collect(),
            open: vec![None; schema.fields().len()],
            blocks: 0,
            block: None,
            cell: None,
            altered: None,
        }
    }

    /// Adds the next rows, and as many of those that were written then: a column of the same type for each column, or none where there is nothing to compare with.
    ///
    /// # Errors
    /// `Internal` for a column that Arrow cannot read.
    pub fn add(&mut self, rows: &RecordBatch, before: &[Option<ArrayRef>]) -> Result<()> {
        let mut start = 0;
        while start < rows.num_rows() {
            let room = BLOCK_ROWS - self.hasher.rows() % BLOCK_ROWS;
            let length = usize::try_from(room).unwrap_or(usize::MAX).min(rows.num_rows() - start);
            let part = rows.slice(start, length);
            for (index, before) in before.iter().enumerate() {
                if let Some(before) = before
                    && self.open[index].is_none()
                {
                    self.open[index] = self.differing(&part, &before.slice(start, length), index)?;
                }
            }
            self.hasher.add(&part)?;
            start += length;
            if self.hasher.rows().is_multiple_of(BLOCK_ROWS) {
                let hashes: Vec<_> =
                    (0..self.open.len()).map(|c| self.hasher.blocks(c).last().cloned()).collect();
                self.close(&hashes);
            }
        }
        Ok(())
    }

    /// The first cell of a column that differs.
    fn differing(
        &self,
        rows: &RecordBatch,
        before: &ArrayRef,
        index: usize,
    ) -> Result<Option<DifferentCell>> {
        let now = rows.column(index);
        let Some(row) = first_difference(now, before) else { return Ok(None) };
        let mut names: Vec<&str> = Vec::new();
        for key in self.manifest.plan.views.iter().flat_map(|view| &view.keys) {
            if !names.contains(&key.name.as_str()) {
                names.push(&key.name);
            }
        }
        names.push(&self.manifest.entity_rows.event_column);
        let named = |name: &str| Some((name.to_owned(), text(rows.column_by_name(name)?, row)));
        Ok(Some(DifferentCell {
            row: self.hasher.rows() + row as u64,
            column: self.schema.field(index).name().clone(),
            entity: names.into_iter().filter_map(named).collect(),
            before: text(before, row),
            now: text(now, row),
        }))
    }

    /// Judges a block that is complete by the hashes of its columns.
    fn close(&mut self, hashes: &[Option<String>]) {
        let recorded = &self.manifest.result.content.columns;
        let first = self.blocks as u64 * BLOCK_ROWS;
        let differs = |column: usize| {
            let before = self.recorded[column].and_then(|place| recorded[place].blocks.get(self.blocks));
            before != hashes[column].as_ref()
        };
        let different: Vec<usize> = (0..hashes.len()).filter(|column| differs(*column)).collect();
        let cells = std::mem::replace(&mut self.open, vec![None; hashes.len()]);
        let mut cells: Vec<(usize, DifferentCell)> =
            cells.into_iter().enumerate().filter_map(|(column, cell)| Some((column, cell?))).collect();
        cells.sort_by_key(|(column, cell)| (cell.row, *column));
        for (column, cell) in cells {
            // What the hashes prove to be as it was is another value only in the file.
            let place = if different.contains(&column) { &mut self.cell } else { &mut self.altered };
            place.get_or_insert(cell);
        }
        if self.block.is_none() && !different.is_empty() {
            let columns = different.iter().map(|column| self.schema.field(*column).name().clone());
            let last = self.hasher.rows().saturating_sub(1);
            self.block = Some(DifferentBlock { first, last, columns: columns.collect() });
        }
        self.blocks += 1;
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let content = self.hasher.clone().finish();
        if !content.rows.is_multiple_of(BLOCK_ROWS) {
            let hashes: Vec<_> = content.columns.iter().map(|column| column.blocks.last().cloned()).collect();
            self.close(&hashes);
        }
        let recorded = &self.manifest.result.content;
        let equal = *recorded == content;
        let entity = content.of_columns(0..self.manifest.entity_rows.columns);
        Verdict {
            equal,
            rows: (recorded.rows, content.rows),
            hashes: (recorded.hash.clone(), content.hash.clone()),
            columns: column_differences(recorded, &content),
            same_entity_rows: entity.hash == self.manifest.entity_rows.hash,
            block: self.block,
            cell: self.cell,
            altered: self.altered.filter(|_| equal),
        }
    }
}

fn column_differences(before: &Content, now: &Content) -> Vec<String> {
    let mut what = Vec::new();
    for column in &before.columns {
        match now.columns.iter().find(|other| other.name == column.name) {
            None => what.push(format!("{} is missing", column.name)),
            Some(other) if other.r#type != column.r#type => {
                what.push(format!("{} was {} and is {}", column.name, column.r#type, other.r#type));
            }
            Some(_) => {}
        }
    }
    let new = now.columns.iter().filter(|c| before.columns.iter().all(|other| other.name != c.name));
    what.extend(new.map(|column| format!("{} is new", column.name)));
    what
}

/// The first row in which two columns of one type and length differ, bit for bit.
fn first_difference(one: &ArrayRef, other: &ArrayRef) -> Option<usize> {
    if one == other {
        return None;
    }
    let (mut start, mut length) = (0, one.len());
    while length > 1 {
        let half = length / 2;
        if one.slice(start, half) == other.slice(start, half) {
            start += half;
            length -= half;
        } else {
            length = half;
        }
    }
    Some(start)
}

/// A value for people.
fn text(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default().with_null("null").with_display_error(true);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options);
    formatter.map_or_else(|error| error.to_string(), |formatter| formatter.value(row).to_string())
}
