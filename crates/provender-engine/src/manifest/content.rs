//! What rows hold, as hashes: of each column, and of each block of its rows. `docs/training-sets.md` has the definition.
//!
//! Hashes are over Arrow values, so that they say nothing of files, row groups, compression, or how the rows were cut into batches.

mod encode;
#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use encode::{Out, add_valid, family, values};
use provender_core::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Rows of a block.
pub const BLOCK_ROWS: u64 = 65_536;

/// Hashes of rows, in hexadecimal SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Number of rows.
    pub rows: u64,
    /// Of names, types and values of all columns.
    pub hash: String,
    /// One a column, in order.
    pub columns: Vec<ColumnContent>,
}

/// Hashes of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnContent {
    /// Its name.
    pub name: String,
    /// The family of Arrow types that it is of, such as `int64` or `string`.
    pub r#type: String,
    /// Of its family and its blocks.
    pub hash: String,
    /// Of each block of [`BLOCK_ROWS`] rows, the last maybe of fewer.
    pub blocks: Vec<String>,
}

impl Content {
    /// The content of some of the columns, as if the rows had no others.
    #[must_use]
    pub fn of_columns(&self, columns: std::ops::Range<usize>) -> Self {
        let columns = self.columns.get(columns).unwrap_or_default().to_vec();
        Self { rows: self.rows, hash: whole(self.rows, &columns), columns }
    }
}

/// Hashes rows as they stream by. Holds a few kilobytes a column.
#[derive(Clone, Debug)]
pub struct ContentHasher {
    columns: Vec<ColumnHasher>,
    rows: u64,
}

impl ContentHasher {
    /// For rows of a schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let column = |field: &arrow_schema::FieldRef| ColumnHasher {
            name: field.name().clone(),
            family: family(field.data_type()),
            blocks: Vec::new(),
            block: Block::default(),
        };
        Self { columns: schema.fields().iter().map(column).collect(), rows: 0 }
    }

    /// Adds the next rows.
    ///
    /// # Errors
    /// `Internal` if the rows are not of the schema.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            let room = BLOCK_ROWS - self.rows % BLOCK_ROWS;
            let rows = usize::try_from(room).unwrap_or(usize::MAX).min(batch.num_rows() - start);
            for (hasher, column) in self.columns.iter_mut().zip(batch.columns()) {
                hasher.block.add(column.slice(start, rows).as_ref())?;
            }
            start += rows;
            self.rows += rows as u64;
            if self.rows.is_multiple_of(BLOCK_ROWS) {
                self.columns.iter_mut().for_each(ColumnHasher::close);
            }
        }
        Ok(())
    }

    /// Number of rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The hashes of a column's blocks that are complete.
    #[must_use]
    pub fn blocks(&self, column: usize) -> &[String] {
        self.columns.get(column).map(|column| &*column.blocks).unwrap_or_default()
    }

    /// The hashes.
    #[must_use]
    pub fn finish(mut self) -> Content {
        if !self.rows.is_multiple_of(BLOCK_ROWS) {
            self.columns.iter_mut().for_each(ColumnHasher::close);
        }
        let columns: Vec<_> = self.columns.into_iter().map(ColumnHasher::finish).collect();
        Content { rows: self.rows, hash: whole(self.rows, &columns), columns }
    }
}

#[derive(Clone, Debug)]
struct ColumnHasher {
    name: String,
    family: String,
    blocks: Vec<String>,
    block: Block,
}

impl ColumnHasher {
    fn close(&mut self) {
        self.blocks.push(std::mem::take(&mut self.block).finish());
    }

    fn finish(self) -> ColumnContent {
        let mut hasher = Sha256::new();
        text(&mut hasher, "provender column 1");
        text(&mut hasher, &self.family);
        self.blocks.iter().for_each(|block| text(&mut hasher, block));
        ColumnContent {
            name: self.name,
            r#type: self.family,
            hash: hex(&hasher.finalize()),
            blocks: self.blocks,
        }
    }
}

/// The rows of a column since the last complete block.
#[derive(Clone, Debug, Default)]
struct Block {
    values: Sha256,
    /// A bit a row, set where there is a value.
    valid: Vec<u8>,
    rows: usize,
    scratch: Vec<u8>,
}

impl Block {
    fn add(&mut self, column: &dyn arrow_array::Array) -> Result<()> {
        let nulls = column.logical_nulls();
        add_valid(&mut self.valid, self.rows, column.len(), nulls.as_ref());
        self.rows += column.len();
        let mut sink = |bytes: &[u8]| self.values.update(bytes);
        let mut out = Out { scratch: &mut self.scratch, sink: &mut sink };
        values(column, nulls.as_ref(), &mut out)?;
        out.flush();
        Ok(())
    }

    fn finish(mut self) -> String {
        self.values.update(&self.valid);
        self.values.update((self.rows as u64).to_le_bytes());
        hex(&self.values.finalize())
    }
}

fn whole(rows: u64, columns: &[ColumnContent]) -> String {
    let mut hasher = Sha256::new();
    text(&mut hasher, "provender rows 1");
    hasher.update(rows.to_le_bytes());
    for column in columns {
        text(&mut hasher, &column.name);
        text(&mut hasher, &column.hash);
    }
    hex(&hasher.finalize())
}

/// Text with its length before it, so that no two lists of texts are the same bytes.
pub(super) fn text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
