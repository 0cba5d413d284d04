//! Picked rows of a row group, one column after the other: a thread then holds one column's dictionary and page at a time, which stay in its cache, and not
//! those of all columns.

use super::{ParquetFile, damaged};
use crate::reader::Pick;
use crate::storage::ReadAt;
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Schema};
use arrow_select::concat::concat;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use provender_core::Result;
use std::sync::Arc;

/// Columns of some rows that are still to be read.
pub(super) struct Columnwise(Vec<ParquetRecordBatchReader>);

impl ParquetFile {
    /// Whether picked rows of some columns are read column by column: each is then whole in memory, so none may be of unknown width.
    pub(super) fn is_columnwise(&self, roots: &[usize]) -> bool {
        roots.len() > 1 && roots.iter().all(|root| self.schema().field(*root).data_type().is_primitive())
    }

    pub(super) fn columnwise(
        &self,
        file: &Arc<dyn ReadAt>,
        row_group: usize,
        roots: &[usize],
        rows: &[u32],
    ) -> Result<Columnwise> {
        let read =
            |root| self.reader(Arc::clone(file), row_group, std::slice::from_ref(root), Pick::Rows(rows));
        roots.iter().map(read).collect::<Result<_>>().map(Columnwise)
    }
}

impl Columnwise {
    /// Reads the columns.
    ///
    /// # Errors
    /// `Invalid` if the file is damaged; those of reading.
    pub(super) fn read(self) -> Result<RecordBatch> {
        let failed = |error: ArrowError| damaged(error.into());
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for reader in self.0 {
            fields.push(Arc::clone(&reader.schema().fields()[0]));
            let parts = reader.map(|batch| batch.map(|batch| Arc::clone(batch.column(0))));
            let parts = parts.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            columns.push(concat(&parts).map_err(failed)?);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(failed)
    }
}
