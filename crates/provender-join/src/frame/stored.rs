//! Entity rows that memory need not hold: what exceeds a bound goes to a file without a name, as Arrow IPC.

use super::{Frame, FrameReader};
use crate::spill::{SpillFile, Spilled};
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;
use provender_core::offline::{RowBatches, Spine, StoredRows};
use provender_core::{Error, Result};
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Rows of a stored batch, at most.
const BATCH_ROWS: usize = 16 << 10;
/// Bytes of a stored batch, at most, unless a single row is larger.
const BATCH_BYTES: usize = 1 << 20;

/// Takes entity rows from a reader: into memory while they take no more than `memory` bytes (`None`: whatever they take), else into a file in `folder`
/// (`None`: the system's folder of temporary files) that is gone with the last use of the rows.
///
/// # Errors
/// Those of the reader; `Invalid` if no column holds the rows' time; `Unavailable` if the disk is full.
pub fn entity_rows(reader: FrameReader, memory: Option<u64>, folder: Option<&Path>) -> Result<Spine> {
    let FrameReader { schema, batches } = reader;
    let event_column = Frame { schema: Arc::clone(&schema), batches: Vec::new() }.event_column()?;
    let (mut held, mut bytes) = (Vec::new(), 0);
    let mut stored: Option<Stored> = None;
    for batch in batches {
        let batch = batch?;
        if let Some(stored) = &mut stored {
            stored.append(&batch)?;
            continue;
        }
        bytes += batch.get_array_memory_size() as u64;
        held.push(batch);
        if memory.is_some_and(|memory| bytes > memory) {
            let mut rows = Stored::create(&schema, folder)?;
            held.drain(..).try_for_each(|batch| rows.append(&batch))?;
            stored = Some(rows);
        }
    }
    Ok(match stored {
        Some(rows) => Spine::stored(Arc::new(rows), event_column),
        None => Spine::new(schema, held, event_column),
    })
}

/// Rows in a file.
#[derive(Debug)]
struct Stored {
    schema: SchemaRef,
    file: SpillFile,
    /// The first row of each batch, and where the batch lies.
    batches: Vec<(usize, Spilled)>,
    rows: usize,
}

impl Stored {
    fn create(schema: &SchemaRef, folder: Option<&Path>) -> Result<Self> {
        let file = SpillFile::create(folder)?;
        Ok(Self { schema: Arc::clone(schema), file, batches: Vec::new(), rows: 0 })
    }

    fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let width = batch.get_array_memory_size() / batch.num_rows().max(1);
        let step = (BATCH_BYTES / width.max(1)).clamp(1, BATCH_ROWS);
        for start in (0..batch.num_rows()).step_by(step) {
            let part = batch.slice(start, step.min(batch.num_rows() - start));
            // Each batch is a stream of its own, so that any of them can be read alone.
            let mut writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
            writer.write(&part)?;
            let at = self.file.append(&writer.into_inner()?)?;
            self.batches.push((self.rows, at));
            self.rows += part.num_rows();
        }
        Ok(())
    }

    /// A batch, cut to the rows that are asked for.
    fn batch(&self, number: usize, rows: &Range<usize>) -> Result<RecordBatch> {
        let (first, at) = self.batches[number];
        let mut reader = StreamReader::try_new(Cursor::new(self.file.read(at)?), None)?;
        let batch = reader.next().ok_or_else(|| Error::internal("a stored batch is empty"))??;
        let start = rows.start.saturating_sub(first).min(batch.num_rows());
        let end = rows.end.saturating_sub(first).min(batch.num_rows());
        Ok(batch.slice(start, end - start))
    }
}

impl StoredRows for Stored {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn read(&self, rows: Range<usize>) -> RowBatches<'_> {
        let first = self.batches.partition_point(|(first, _)| *first <= rows.start).saturating_sub(1);
        let end = self.batches.partition_point(|(first, _)| *first < rows.end);
        Box::new((first..end).map(move |number| self.batch(number, &rows)))
    }
}
