//! What is kept of a training set while it streams by: row count, nulls a column, the first rows.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use provender::Result;

/// Rows that a preview shows.
const SAMPLE: usize = 5;

/// Counts and first rows of a training set.
pub(super) struct Summary {
    pub(super) schema: SchemaRef,
    pub(super) rows: u64,
    /// Nulls, one a column.
    pub(super) nulls: Vec<u64>,
    sample: Vec<RecordBatch>,
}

impl Summary {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self { schema: schema.clone(), rows: 0, nulls: vec![0; schema.fields().len()], sample: Vec::new() }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let kept: usize = self.sample.iter().map(RecordBatch::num_rows).sum();
        if kept < SAMPLE {
            self.sample.push(batch.slice(0, batch.num_rows().min(SAMPLE - kept)));
        }
        self.rows += batch.num_rows() as u64;
        for (count, column) in self.nulls.iter_mut().zip(batch.columns()) {
            *count += column.logical_null_count() as u64;
        }
    }

    /// The first rows as text, one a column.
    pub(super) fn sample(&self) -> Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        for batch in &self.sample {
            rows.extend(crate::tables::texts(batch)?);
        }
        Ok(rows)
    }
}
