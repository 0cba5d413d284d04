//! Entity rows: in memory, or stored where they can be read again.

use crate::Result;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

/// Batches of rows, in order.
pub type RowBatches<'a> = Box<dyn Iterator<Item = Result<RecordBatch>> + Send + 'a>;

/// Rows outside of memory that can be read any number of times. Calls block.
pub trait StoredRows: Debug + Send + Sync {
    /// Columns of the rows.
    fn schema(&self) -> &SchemaRef;

    /// Number of rows.
    fn rows(&self) -> usize;

    /// Some of the rows, in order, in batches of any size.
    ///
    /// # Errors
    /// Each batch may fail as its place says.
    fn read(&self, rows: Range<usize>) -> RowBatches<'_>;
}

/// Entity rows with the column that holds their time.
#[derive(Clone, Debug)]
pub struct Spine {
    rows: Rows,
    /// Their schema, also when there is no batch.
    pub schema: SchemaRef,
    /// Column of the entity rows' time: a timestamp of any unit and zone (none = UTC) or a date.
    pub event_column: String,
}

#[derive(Clone, Debug)]
enum Rows {
    Held(Vec<RecordBatch>),
    Stored(Arc<dyn StoredRows>),
}

impl Spine {
    /// Rows in memory; all batches have the schema.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>, event_column: impl Into<String>) -> Self {
        Self { rows: Rows::Held(batches), schema, event_column: event_column.into() }
    }

    /// Rows outside of memory.
    pub fn stored(rows: Arc<dyn StoredRows>, event_column: impl Into<String>) -> Self {
        Self {
            schema: Arc::clone(rows.schema()),
            rows: Rows::Stored(rows),
            event_column: event_column.into(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        match &self.rows {
            Rows::Held(batches) => batches.iter().map(RecordBatch::num_rows).sum(),
            Rows::Stored(rows) => rows.rows(),
        }
    }

    /// The batches, if the rows are in memory.
    #[must_use]
    pub fn held(&self) -> Option<&[RecordBatch]> {
        match &self.rows {
            Rows::Held(batches) => Some(batches),
            Rows::Stored(_) => None,
        }
    }

    /// The rows, if they are outside of memory.
    #[must_use]
    pub fn stored_rows(&self) -> Option<&Arc<dyn StoredRows>> {
        match &self.rows {
            Rows::Held(_) => None,
            Rows::Stored(rows) => Some(rows),
        }
    }

    /// Some of the rows, in order; blocks if they are stored.
    pub fn read(&self, rows: Range<usize>) -> RowBatches<'_> {
        match &self.rows {
            Rows::Held(batches) => Box::new(slices(batches, rows).map(Ok)),
            Rows::Stored(stored) => stored.read(rows),
        }
    }

    /// All rows in memory; blocks if they are stored.
    ///
    /// # Errors
    /// Those of reading stored rows.
    pub fn batches(&self) -> Result<Vec<RecordBatch>> {
        self.read(0..self.rows()).collect()
    }

    /// Bytes of memory that the rows take.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.held().unwrap_or_default().iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// The parts of batches that make up a range of their rows.
fn slices(batches: &[RecordBatch], rows: Range<usize>) -> impl Iterator<Item = RecordBatch> + '_ {
    let mut first = 0;
    batches.iter().filter_map(move |batch| {
        let start = rows.start.clamp(first, first + batch.num_rows()) - first;
        let end = rows.end.clamp(first, first + batch.num_rows()) - first;
        first += batch.num_rows();
        (start < end).then(|| batch.slice(start, end - start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{Int64Array, record_batch};

    #[test]
    fn a_range_is_read_across_batches() {
        let first = record_batch!(("n", Int64, [0, 1, 2])).unwrap();
        let batches = vec![first.clone(), first.slice(0, 0), record_batch!(("n", Int64, [3, 4])).unwrap()];
        let spine = Spine::new(first.schema(), batches, "n");
        let read = |rows: Range<usize>| -> Vec<i64> {
            let batches = spine.read(rows).map(Result::unwrap);
            batches.flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
        };
        assert_eq!(read(0..5), [0, 1, 2, 3, 4]);
        assert_eq!(read(2..4), [2, 3]);
        assert_eq!(read(5..5), Int64Array::from(Vec::<i64>::new()).values().to_vec());
    }
}
