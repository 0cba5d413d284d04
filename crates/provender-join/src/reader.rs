//! Reads the columns asked for from one unit of a source.

use crate::columns::{Columns, Origin};
use crate::conform::conform;
use crate::source::Source;
use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, new_null_array};
use arrow_cast::cast;
use provender_core::{Error, Result};
use std::ops::Range;
use std::sync::Arc;

/// Which rows of a unit to read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pick<'a> {
    All,
    /// Ascending ranges.
    Ranges(&'a [Range<u32>]),
    /// Ascending row numbers.
    Rows(&'a [u32]),
}

impl<'a> Pick<'a> {
    /// How many rows of a unit of `total` rows these are.
    pub(crate) fn count(self, total: u64) -> u64 {
        match self {
            Self::All => total,
            Self::Ranges(ranges) => ranges.iter().map(|range| u64::from(range.end - range.start)).sum(),
            Self::Rows(rows) => rows.len() as u64,
        }
    }

    /// Some ranges, or all rows.
    pub(crate) fn ranges(ranges: Option<&'a [Range<u32>]>) -> Self {
        ranges.map_or(Self::All, Self::Ranges)
    }
}

/// Some rows of a unit: the columns asked for, in the order asked.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) rows: usize,
}

/// The chunks of a unit, in its order.
pub(crate) struct UnitReader {
    pub(crate) source: Arc<Source>,
    pub(crate) columns: Arc<Columns>,
    pub(crate) unit: usize,
    pub(crate) batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send>,
}

impl UnitReader {
    fn file(&self) -> usize {
        self.source.units()[self.unit].file
    }

    fn chunk(&self, batch: &RecordBatch) -> Result<Chunk> {
        let rows = batch.num_rows();
        let Columns { types, typed, .. } = self.columns.as_ref();
        let mut columns = Vec::with_capacity(types.len());
        for (i, (origin, data_type)) in self.columns.origins(self.file()).iter().zip(types).enumerate() {
            let column = match origin {
                Origin::Read(index) => match &self.columns.stored[i] {
                    Some(stored) => conform(batch.column(*index), stored, data_type)?,
                    None => batch.column(*index).clone(),
                },
                Origin::Partition(index) => self.constant(*index, rows)?,
                Origin::Null => new_null_array(data_type, rows),
            };
            // Names inside nested types may differ from file to file.
            let convert = i < *typed && column.data_type() != data_type;
            columns.push(if convert { cast(&column, data_type)? } else { column });
        }
        Ok(Chunk { columns, rows })
    }

    fn constant(&self, partition: usize, rows: usize) -> Result<ArrayRef> {
        let (_, values) = &self.source.partitions()[partition];
        let index = i32::try_from(self.file()).map_err(|_| Error::unsupported("too many files"))?;
        Ok(arrow_select::take::take(values, &Int32Array::from_value(index, rows), None)?)
    }
}

impl Iterator for UnitReader {
    type Item = Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?;
        let batch = batch.map_err(|error| self.source.blamed(self.unit, &self.columns, error));
        let chunk = batch.and_then(|batch| self.chunk(&batch));
        Some(chunk.map_err(|error| self.source.located(self.unit, error)))
    }
}
