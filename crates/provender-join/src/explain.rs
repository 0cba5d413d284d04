//! What a join would read and hold, from metadata alone.

use crate::columns::Columns;
use crate::historical::JoinOptions;
use crate::parquet_file::decoded_bytes;
use crate::prune::Part;
use crate::slots::Slots;
use crate::source::{Body, Source, Unit};
use crate::spine::Entities;
use crate::table::LeftOut;
use arrow_schema::DataType;
use provender_core::offline::{Pruned, ViewExplain};
use provender_core::{Error, Result};

/// What one view needs of its source.
#[derive(Debug)]
pub(crate) struct Need<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: &'a Source,
    /// What is left after pruning.
    pub(crate) parts: &'a [Part],
    pub(crate) scanned: &'a Columns,
    pub(crate) features: &'a Columns,
}

impl Need<'_> {
    fn kept(&self) -> impl Iterator<Item = &Unit> {
        self.parts.iter().map(|part| &self.source.units()[part.unit])
    }

    pub(crate) fn explain(&self, pruned: &[Pruned]) -> ViewExplain {
        let files = self.source.files();
        let all = self.source.units();
        let mut kept_files: Vec<_> = self.kept().map(|unit| unit.file).collect();
        kept_files.dedup();
        let format = match files.first().map(|file| &file.body) {
            Some(Body::Csv(_)) => "CSV",
            _ => "Parquet",
        };
        let title = self.source.table().map(|table| table.table.title());
        let nothing = LeftOut::default();
        let left_out = self.source.table().map_or(&nothing, |table| &table.left_out);
        let rows: u64 = all.iter().map(|unit| unit.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.stored.size).sum();
        let plan =
            title.map_or_else(|| format!("scan of {format} files"), |title| format!("scan of {title}"));
        let requests: u64 = self.far().map(|(requests, _)| requests).sum();
        let plan = if requests > 0 { format!("{plan}, at most {requests} requests") } else { plan };
        ViewExplain {
            name: self.name.to_owned(),
            plan,
            files: (left_out.files + files.len() as u64, kept_files.len() as u64),
            row_groups: (all.len() as u64, self.parts.len() as u64),
            rows: (left_out.rows + rows, self.parts.iter().map(Part::rows).sum()),
            bytes: (left_out.bytes + bytes, self.kept().map(|unit| self.stored_bytes(unit)).sum()),
            pruned: left_out.pruned.iter().chain(pruned).cloned().collect(),
        }
    }

    /// Requests and bytes of each read from a far store: of keys and times, and of values.
    fn far(&self) -> impl Iterator<Item = (u64, u64)> {
        self.kept().flat_map(|unit| {
            [self.scanned, self.features]
                .into_iter()
                .filter_map(|columns| self.source.requests(unit, columns))
        })
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

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Bytes a row of the spine costs while it is grouped and scanned, its slots aside: group, time, row, whether a row was seen, and the key's share of the index.
const GROUPING: u64 = 40;
/// How often the text of a key is held then: in the row, and in the index, which holds it twice while it grows.
const KEY_COPIES: u64 = 4;
/// Bytes a row and view costs for its winner's position.
const POSITION: u64 = 8;
/// Bytes a row and view costs for the winner that the other choice of known rows would have, where it differs everywhere.
const OTHER: u64 = 16;
/// Bytes a row and view costs while values are gathered: place of the value, and the unit's list.
const PLACE: u64 = 16;
/// Bytes that a thread holds of each column it decodes: a page, a dictionary, a batch.
const DECODING: u64 = 3 << 20;
/// Bytes of a stored entity row while its key is looked at.
const STORED_ROW: u64 = 48;
/// Batches on their way from the join to the file.
const BATCHES_UNDER_WAY: u64 = 8;
/// Entity rows below which a scan would be a waste.
const FEWEST_ROWS: u64 = 4 << 10;

/// Predicted memory of a join.
#[derive(Debug)]
pub(crate) struct Estimate {
    rows: u64,
    views: u64,
    /// The entity rows, if memory holds them.
    spine: u64,
    /// The text and binary keys of a row.
    keys: u64,
    /// Columns that a thread decodes at once, at most.
    columns: u64,
    /// Bytes that a thread has fetched from a far store and not decoded yet, at most.
    fetched: u64,
    threads: usize,
    /// Held for each row whose values are gathered.
    width: u64,
}

/// How to keep within the memory allowed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) threads: usize,
    /// Entity rows that are looked up with one scan.
    pub(crate) window_rows: usize,
    /// Rows of a batch that comes out.
    pub(crate) batch_rows: usize,
    /// Bytes for winners and values; `None` for as many as it takes.
    room: Option<u64>,
    width: u64,
}

impl Estimate {
    pub(crate) fn new(entities: &Entities, needs: &[Need<'_>], threads: usize) -> Self {
        let columns =
            needs.iter().map(|need| columns_at_once(&need.features.types).max(need.scanned.types.len()));
        Self {
            rows: entities.rows() as u64,
            views: needs.len() as u64,
            spine: entities.memory() as u64,
            keys: entities.facts().key_bytes,
            columns: columns.max().unwrap_or(0) as u64,
            fetched: needs.iter().flat_map(Need::far).map(|(_, bytes)| bytes).max().unwrap_or(0),
            threads,
            width: needs.iter().map(|need| need.row_width() + PLACE).sum(),
        }
    }

    fn decoding(&self, threads: usize) -> u64 {
        threads as u64 * (self.columns * DECODING + self.fetched)
    }

    /// Bytes a row costs while its winners are looked for: few views have their slots at a time.
    fn scanning(&self, threads: usize) -> u64 {
        let slots = Slots::memory(1) as u64 * self.views.min(threads as u64 + 1);
        GROUPING + self.keys * KEY_COPIES + slots + (POSITION + OTHER) * self.views
    }

    /// Bytes at the peak of a join without a limit.
    pub(crate) fn peak(&self) -> u64 {
        let winners = (POSITION + OTHER) * self.views;
        let held = self.scanning(self.threads).max(winners + self.width);
        self.spine + self.decoding(self.threads) + self.rows * held
    }

    /// How to keep within a limit. Of it, half is for the rest of the process: its code, the batches on their way out, the file being written.
    ///
    /// # Errors
    /// `Invalid` if the limit does not even hold what is being decoded.
    pub(crate) fn plan(&self, options: &JoinOptions) -> Result<Plan> {
        let plan = Plan {
            threads: self.threads,
            window_rows: options.window_rows.unwrap_or(usize::MAX).max(1),
            batch_rows: options.batch_rows.max(1),
            room: None,
            width: self.width,
        };
        let Some(limit) = options.max_memory else { return Ok(plan) };
        let mine = limit / 2;
        let threads =
            (1..=self.threads).rev().find(|threads| self.decoding(*threads) <= mine / 3).unwrap_or(1);
        let per_row = self.scanning(threads) + STORED_ROW;
        let used = self.spine + self.decoding(threads);
        let least = used + FEWEST_ROWS.min(self.rows) * per_row.max(self.width);
        if mine < least {
            return Err(Error::invalid("the join needs more memory than it may use")
                .with("limit", limit)
                .with("expected", format!("at least {} bytes", least * 2)));
        }
        let room = mine - used;
        let batch_bytes = limit / 8 / BATCHES_UNDER_WAY;
        let rows = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).max(1);
        Ok(Plan {
            threads,
            window_rows: plan.window_rows.min(rows(room / per_row)),
            batch_rows: plan.batch_rows.min(rows(batch_bytes / self.width.max(1)).max(64)),
            room: Some(room),
            width: self.width,
        })
    }
}

/// Columns of winners that a thread decodes at once: those of a width that is known come one after the other.
fn columns_at_once(types: &[DataType]) -> usize {
    if types.iter().all(DataType::is_primitive) { types.len().min(1) } else { types.len() }
}

impl Plan {
    /// How many rows of a window have their values in memory at once; `others` of its rows need the values of two winners.
    pub(crate) fn pass_rows(&self, rows: usize, others: usize, views: usize) -> usize {
        let Some(room) = self.room else { return usize::MAX };
        let held = views as u64 * (POSITION * rows as u64 + OTHER * others as u64);
        let left = room.saturating_sub(held);
        let width = self.width + self.width * others as u64 / rows.max(1) as u64;
        usize::try_from(left / width.max(1)).unwrap_or(usize::MAX).max(64)
    }
}
