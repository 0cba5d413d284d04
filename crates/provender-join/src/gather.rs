//! Reads the feature columns of the winners, and only of them, and deals their values out in the spine's order.

use crate::columns::Columns;
use crate::reader::Chunk;
use crate::slots::unit_and_row;
use crate::source::Source;
use crate::threads;
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_select::interleave::interleave;
use provender_core::{RequestContext, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The values of some winners.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Rows read; the first chunk is one row of nulls.
    chunks: Vec<Chunk>,
    /// By winner: chunk and row in it, packed.
    places: Vec<AtomicU64>,
}

/// Reads `columns` of the rows at `positions` (0 for none).
///
/// # Errors
/// Those of reading; `Unavailable` when cancelled.
pub(crate) fn gather(
    source: &Arc<Source>,
    columns: &Arc<Columns>,
    positions: &[u64],
    threads: usize,
    context: &RequestContext,
    task: &Arc<str>,
) -> Result<Gathered> {
    let nulls = columns.types.iter().map(|data_type| new_null_array(data_type, 1)).collect();
    let chunks = Mutex::new(vec![Chunk { columns: nulls, rows: 1 }]);
    let places: Vec<_> = positions.iter().map(|_| AtomicU64::new(0)).collect();
    let work = by_unit(source.units().len(), positions);
    let done = AtomicU64::new(0);
    threads::for_each(
        threads,
        work.len(),
        context,
        || (),
        |(), index| {
            let (unit, entries) = &work[index];
            let mut entries = std::mem::take(&mut *entries.lock().unwrap_or_else(PoisonError::into_inner));
            entries.sort_unstable();
            let mut rows: Vec<u32> = entries.iter().map(|entry| (entry >> 32) as u32).collect();
            rows.dedup();
            let mut left = Entries { rows: &rows, entries: &entries };
            for chunk in source.read(*unit, columns, Some(&rows))? {
                let chunk = chunk?;
                context.check()?;
                let count = chunk.rows;
                let number = {
                    let mut chunks = chunks.lock().unwrap_or_else(PoisonError::into_inner);
                    chunks.push(chunk);
                    chunks.len() - 1
                };
                left.place(number, count, &places);
            }
            let done = done.fetch_add(entries.len() as u64, Ordering::Relaxed) + entries.len() as u64;
            context.progress.report(task, done, Some(positions.len() as u64));
            Ok(())
        },
    )?;
    let chunks = chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Gathered { chunks, places })
}

/// Winners of a unit: row in the unit and number of the winner, packed so that they sort by row.
type UnitWork = (usize, Mutex<Vec<u64>>);

/// Deals the winners out to the units that hold them; units without any are left out.
fn by_unit(units: usize, positions: &[u64]) -> Vec<UnitWork> {
    let mut counts = vec![0; units];
    for position in positions.iter().filter(|p| **p != 0) {
        counts[unit_and_row(*position).0] += 1;
    }
    let mut work: Vec<Vec<u64>> = counts.into_iter().map(Vec::with_capacity).collect();
    for (winner, position) in positions.iter().enumerate().filter(|(_, p)| **p != 0) {
        let (unit, row) = unit_and_row(*position);
        work[unit].push(u64::from(row) << 32 | winner as u64);
    }
    let work = work.into_iter().enumerate().filter(|(_, entries)| !entries.is_empty());
    work.map(|(unit, entries)| (unit, Mutex::new(entries))).collect()
}

/// What is left of a unit's winners, in the order of its rows.
struct Entries<'a> {
    rows: &'a [u32],
    entries: &'a [u64],
}

impl Entries<'_> {
    /// Notes for the winners of the next `count` distinct rows that they lie in chunk `number`.
    fn place(&mut self, number: usize, count: usize, places: &[AtomicU64]) {
        let (here, rest) = self.rows.split_at(count.min(self.rows.len()));
        self.rows = rest;
        for (at, row) in here.iter().enumerate() {
            let mine = self.entries.iter().take_while(|entry| (**entry >> 32) as u32 == *row).count();
            for entry in &self.entries[..mine] {
                places[*entry as u32 as usize].store((number as u64) << 32 | at as u64, Ordering::Relaxed);
            }
            self.entries = &self.entries[mine..];
        }
    }
}

impl Gathered {
    /// The columns of some winners, in their order, null where there is none.
    ///
    /// # Errors
    /// `Unsupported` or `Internal` from Arrow, such as more than 2 GB of text in one batch.
    pub(crate) fn columns(&self, winners: Range<usize>) -> Result<Vec<ArrayRef>> {
        let unpack = |place: &AtomicU64| {
            let place = place.load(Ordering::Relaxed);
            ((place >> 32) as usize, place as u32 as usize)
        };
        let places: Vec<_> = self.places[winners].iter().map(unpack).collect();
        let width = self.chunks[0].columns.len();
        let mut columns = Vec::with_capacity(width);
        for column in 0..width {
            let parts: Vec<&dyn Array> =
                self.chunks.iter().map(|chunk| chunk.columns[column].as_ref()).collect();
            columns.push(interleave(&parts, &places)?);
        }
        Ok(columns)
    }
}
