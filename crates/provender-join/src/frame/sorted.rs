//! Rows sorted by all of their columns, each once, however many there are: parts that fit into memory are sorted and put into a file, and then merged.

#[cfg(test)]
mod tests;

use super::FrameReader;
use crate::spill::{SpillFile, Spilled};
use arrow_array::RecordBatch;
use arrow_row::{RowConverter, RowParser, Rows, SortField};
use arrow_schema::SchemaRef;
use provender_core::Result;
use provender_core::offline::RowBatches;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a batch that comes out.
const BATCH_ROWS: usize = 16 << 10;
/// Bytes of a merged batch, at most, unless a single row is larger.
const BATCH_BYTES: usize = 1 << 20;
/// Bytes of a sorted part that are read at once while parts are merged.
const BLOCK_BYTES: usize = 64 << 10;
/// Bytes that sorting takes for a row beyond the row itself.
const ROW_BYTES: usize = 32;

/// Sorts rows by their columns in order, ascending, nulls first, and drops rows that are equal to the one before. Holds `memory` bytes at most (`None`: all
/// rows), and keeps the rest in a file in `folder` (`None`: the system's folder of temporary files) that is gone when the rows have been read.
///
/// # Errors
/// Those of the reader; `Invalid` if rows cannot be ordered by a column's type; `Unavailable` if the disk is full.
pub fn distinct_rows(reader: FrameReader, memory: Option<u64>, folder: Option<&Path>) -> Result<FrameReader> {
    let FrameReader { schema, batches } = reader;
    let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
    let mut sorter = Sorter {
        converter: RowConverter::new(fields.collect())?,
        memory: memory.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        folder: folder.map(Path::to_path_buf),
        spilled: None,
    };
    let mut rows = sorter.converter.empty_rows(0, 0);
    for batch in batches {
        sorter.converter.append(&mut rows, batch?.columns())?;
        if rows.size().saturating_add(rows.num_rows() * ROW_BYTES) > sorter.memory {
            sorter.spill(&rows)?;
            rows = sorter.converter.empty_rows(0, 0);
        }
    }
    let batches = sorter.finish(&rows, &schema)?;
    Ok(FrameReader { schema, batches })
}

struct Sorter {
    converter: RowConverter,
    memory: usize,
    folder: Option<PathBuf>,
    spilled: Option<(SpillFile, Vec<VecDeque<Spilled>>)>,
}

impl Sorter {
    /// Puts a sorted part into the file, as blocks of rows with their lengths.
    fn spill(&mut self, rows: &Rows) -> Result<()> {
        let (file, parts) = match &mut self.spilled {
            Some(spilled) => spilled,
            None => self.spilled.insert((SpillFile::create(self.folder.as_deref())?, Vec::new())),
        };
        let (mut part, mut block) = (VecDeque::new(), Vec::with_capacity(BLOCK_BYTES));
        for row in sorted(rows) {
            let bytes = row.data();
            block.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            block.extend_from_slice(bytes);
            if block.len() >= BLOCK_BYTES {
                part.push_back(file.append(&block)?);
                block.clear();
            }
        }
        if !block.is_empty() {
            part.push_back(file.append(&block)?);
        }
        parts.push(part);
        Ok(())
    }

    fn finish(mut self, rest: &Rows, schema: &SchemaRef) -> Result<RowBatches<'static>> {
        if self.spilled.is_none() {
            let sorted = sorted(rest);
            let batches = sorted.chunks(BATCH_ROWS).map(|rows| {
                let columns = self.converter.convert_rows(rows.iter().copied())?;
                Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
            });
            return Ok(Box::new(batches.collect::<Vec<_>>().into_iter()));
        }
        self.spill(rest)?;
        let Some((file, parts)) = self.spilled else { return Ok(Box::new(std::iter::empty())) };
        let parser = self.converter.parser();
        let mut merge = Merge {
            file,
            parts: parts.into_iter().map(Part::new).collect(),
            heap: BinaryHeap::new(),
            last: None,
            converter: self.converter,
            parser,
            schema: Arc::clone(schema),
        };
        (0..merge.parts.len()).try_for_each(|part| merge.advance(part))?;
        Ok(Box::new(std::iter::from_fn(move || merge.batch().transpose())))
    }
}

fn sorted(rows: &Rows) -> Vec<arrow_row::Row<'_>> {
    let mut sorted: Vec<_> = rows.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// A sorted part that is being read.
struct Part {
    blocks: VecDeque<Spilled>,
    block: Vec<u8>,
    offset: usize,
}

impl Part {
    fn new(blocks: VecDeque<Spilled>) -> Self {
        Self { blocks, block: Vec::new(), offset: 0 }
    }

    fn next(&mut self, file: &SpillFile) -> Result<Option<Vec<u8>>> {
        if self.offset == self.block.len() {
            let Some(block) = self.blocks.pop_front() else { return Ok(None) };
            (self.block, self.offset) = (file.read(block)?, 0);
        }
        let (length, rest) = self.block[self.offset..].split_at(size_of::<u64>());
        let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
        self.offset += size_of::<u64>() + length;
        Ok(Some(rest[..length].to_vec()))
    }
}

/// Sorted parts that become one.
struct Merge {
    file: SpillFile,
    parts: Vec<Part>,
    /// The next row of each part.
    heap: BinaryHeap<Reverse<(Vec<u8>, usize)>>,
    last: Option<Vec<u8>>,
    converter: RowConverter,
    parser: RowParser,
    schema: SchemaRef,
}

impl Merge {
    fn advance(&mut self, part: usize) -> Result<()> {
        if let Some(row) = self.parts[part].next(&self.file)? {
            self.heap.push(Reverse((row, part)));
        }
        Ok(())
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(Reverse((row, part))) = self.heap.pop() else { break };
            self.advance(part)?;
            if self.last.as_ref() != Some(&row) {
                bytes += row.len();
                self.last = Some(row.clone());
                rows.push(row);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let columns = self.converter.convert_rows(rows.iter().map(|row| self.parser.parse(row)))?;
        Ok(Some(RecordBatch::try_new(Arc::clone(&self.schema), columns)?))
    }
}
