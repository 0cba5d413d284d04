//! What a join would read and hold, from metadata alone.

use crate::columns::Columns;
use crate::slots::Slots;
use crate::source::{Body, Source, Unit};
use parquet::file::metadata::ColumnChunkMetaData;
use provender_core::offline::ViewExplain;
use provender_core::{Error, Result};

/// What one view needs of its source.
#[derive(Debug)]
pub(crate) struct Need<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: &'a Source,
    /// Units left after pruning.
    pub(crate) units: &'a [usize],
    pub(crate) scanned: &'a Columns,
    pub(crate) features: &'a Columns,
}

impl Need<'_> {
    fn kept(&self) -> impl Iterator<Item = &Unit> {
        self.units.iter().map(|unit| &self.source.units()[*unit])
    }

    pub(crate) fn explain(&self) -> ViewExplain {
        let files = self.source.files();
        let all = self.source.units();
        let mut kept_files: Vec<_> = self.kept().map(|unit| unit.file).collect();
        kept_files.dedup();
        let format = match files.first().map(|file| &file.body) {
            Some(Body::Csv(_)) => "CSV",
            _ => "Parquet",
        };
        let total: u64 = files.iter().map(|file| file.stored.size).sum();
        ViewExplain {
            name: self.name.to_owned(),
            plan: format!("scan of {format} files"),
            files: (files.len() as u64, kept_files.len() as u64),
            row_groups: (all.len() as u64, self.units.len() as u64),
            rows: (all.iter().map(|unit| unit.rows).sum(), self.kept().map(|unit| unit.rows).sum()),
            bytes: (total, self.kept().map(|unit| self.stored_bytes(unit)).sum()),
        }
    }

    fn stored_bytes(&self, unit: &Unit) -> u64 {
        let file = &self.source.files()[unit.file];
        match &file.body {
            // Once for the keys and times, once for the winners.
            Body::Csv(_) => 2 * file.stored.size,
            Body::Parquet(body) => {
                let chunks = |columns: &Columns| {
                    let chunks = body.chunks(unit.row_group, columns.roots(unit.file));
                    chunks.map(|chunk| unsigned(chunk.compressed_size())).sum::<u64>()
                };
                chunks(self.scanned) + chunks(self.features)
            }
        }
    }

    /// Bytes in memory of the features of one row, on average.
    fn row_width(&self) -> u64 {
        let rows: u64 = self.kept().map(|unit| unit.rows).sum();
        let bytes = |unit: &Unit| match &self.source.files()[unit.file].body {
            Body::Csv(_) => self.source.files()[unit.file].stored.size,
            Body::Parquet(body) => {
                body.chunks(unit.row_group, self.features.roots(unit.file)).map(decoded_bytes).sum()
            }
        };
        let encoded = self.kept().map(bytes).sum::<u64>() / rows.max(1);
        let fixed = self.features.types.iter().map(|t| t.primitive_width().unwrap_or(8) as u64).sum();
        encoded.max(fixed)
    }
}

fn decoded_bytes(chunk: &ColumnChunkMetaData) -> u64 {
    unsigned(chunk.uncompressed_size()).max(chunk.unencoded_byte_array_data_bytes().map_or(0, unsigned))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Bytes a row of the spine costs while it is grouped and scanned, its slot aside: group, time, row, and the key's share of the index.
const GROUPING: u64 = 40;
/// Bytes a row and view costs for its winner's position.
const POSITION: u64 = 8;
/// Bytes a row and view costs while values are gathered: place of the value, and the unit's list.
const PLACE: u64 = 16;
/// Bytes that a thread holds of each column it decodes: a page, a dictionary, a batch.
const DECODING: u64 = 3 << 20;

/// Predicted memory of a join.
#[derive(Debug)]
pub(crate) struct Estimate {
    rows: u64,
    /// Held throughout: the spine and the positions of the winners.
    fixed: u64,
    /// Held while scanning.
    scanning: u64,
    /// Held by the threads that decode.
    decoding: u64,
    /// Held for each row whose values are gathered.
    width: u64,
}

impl Estimate {
    pub(crate) fn new(rows: usize, spine_bytes: usize, needs: &[Need<'_>], threads: usize) -> Self {
        let columns = needs.iter().map(|need| need.features.types.len().max(need.scanned.types.len()));
        let rows = rows as u64;
        Self {
            rows,
            fixed: spine_bytes as u64 + rows * POSITION * needs.len() as u64,
            scanning: rows * GROUPING + Slots::memory(rows as usize) as u64,
            decoding: threads as u64 * columns.max().unwrap_or(0) as u64 * DECODING,
            width: needs.iter().map(|need| need.row_width() + PLACE).sum(),
        }
    }

    /// Bytes at the peak of a join in one pass.
    pub(crate) fn peak(&self) -> u64 {
        self.fixed + self.decoding + self.scanning.max(self.rows * self.width)
    }

    /// Rows whose values may be held at once.
    ///
    /// # Errors
    /// `Invalid` if the limit does not even hold the scan.
    pub(crate) fn pass_rows(&self, limit: Option<u64>) -> Result<usize> {
        let Some(limit) = limit.filter(|limit| *limit < self.peak()) else { return Ok(usize::MAX) };
        let least = self.fixed + self.decoding + self.scanning;
        if limit < least {
            return Err(Error::invalid("the join needs more memory than it may use")
                .with("limit", limit)
                .with("expected", format!("at least {least} bytes for {} entity rows", self.rows)));
        }
        let left = limit - self.fixed - self.decoding;
        Ok(usize::try_from(left / self.width.max(1)).unwrap_or(usize::MAX).max(1))
    }
}
