//! Reads the feature columns of the winners, and only of them, and deals their values out in the entity rows' order.

mod places;

pub(crate) use places::Places;

use crate::columns::Columns;
use crate::reader::{Chunk, Pick};
use crate::slots::unit_and_row;
use crate::source::Source;
use crate::threads;
use arrow_array::{Array, ArrayRef, new_null_array};
use provender_core::{RequestContext, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What to read.
#[derive(Debug)]
pub(crate) struct Gathering<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: &'a Arc<Source>,
    pub(crate) columns: &'a Arc<Columns>,
    /// Positions of the rows; 0 for none.
    pub(crate) positions: &'a [u64],
}

/// The values of some winners.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Rows read; the first chunk is one row of nulls.
    chunks: Vec<Chunk>,
    /// By winner: chunk and row in it, packed.
    places: Vec<AtomicU64>,
}

/// A view whose values are being read.
struct Running<'a> {
    what: &'a Gathering<'a>,
    work: Vec<UnitWork>,
    chunks: Mutex<Vec<Chunk>>,
    places: Vec<AtomicU64>,
    done: AtomicU64,
    task: Arc<str>,
}

/// Reads rows of several views on shared threads.
///
/// # Errors
/// Those of reading, naming the view; `Unavailable` when cancelled.
pub(crate) fn gather(
    views: &[Gathering<'_>],
    threads: usize,
    context: &RequestContext,
) -> Result<Vec<Gathered>> {
    let running: Vec<_> = views.iter().map(Running::new).collect();
    let tasks: Vec<(&Running<'_>, &UnitWork)> =
        running.iter().flat_map(|view| view.work.iter().map(move |work| (view, work))).collect();
    threads::for_each(
        threads,
        tasks.len(),
        context,
        || (),
        |(), index| {
            let (view, work) = tasks[index];
            view.read(work, context).map_err(|error| error.with("view", view.what.name))
        },
    )?;
    Ok(running.into_iter().map(Running::finish).collect())
}

impl<'a> Running<'a> {
    fn new(what: &'a Gathering<'a>) -> Self {
        let nulls = what.columns.types.iter().map(|data_type| new_null_array(data_type, 1)).collect();
        Self {
            what,
            work: by_unit(what.source.units().len(), what.positions),
            chunks: Mutex::new(vec![Chunk { columns: nulls, rows: 1 }]),
            places: what.positions.iter().map(|_| AtomicU64::new(0)).collect(),
            done: AtomicU64::new(0),
            task: format!("read {}", what.name).into(),
        }
    }

    fn read(&self, (unit, entries): &UnitWork, context: &RequestContext) -> Result<()> {
        let mut entries = std::mem::take(&mut *entries.lock().unwrap_or_else(PoisonError::into_inner));
        entries.sort_unstable();
        let mut rows: Vec<u32> = entries.iter().map(|entry| (entry >> 32) as u32).collect();
        rows.dedup();
        let mut left = Entries { rows: &rows, entries: &entries };
        for chunk in self.what.source.read(*unit, self.what.columns, Pick::Rows(&rows))? {
            let chunk = chunk?;
            context.check()?;
            let count = chunk.rows;
            let number = {
                let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
                chunks.push(chunk);
                chunks.len() - 1
            };
            left.place(number, count, &self.places);
        }
        let done = self.done.fetch_add(entries.len() as u64, Ordering::Relaxed) + entries.len() as u64;
        context.progress.report(&self.task, done, Some(self.places.len() as u64));
        Ok(())
    }

    fn finish(self) -> Gathered {
        let chunks = self.chunks.into_inner().unwrap_or_else(PoisonError::into_inner);
        Gathered { chunks, places: self.places }
    }
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
    /// Number of columns.
    pub(crate) fn width(&self) -> usize {
        self.chunks[0].columns.len()
    }

    /// One column of some winners, in their order, null where there is none.
    ///
    /// # Errors
    /// `Unsupported` or `Internal` from Arrow, such as more than 2 GB of text in one batch.
    pub(crate) fn column(&self, column: usize, places: &Places) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> = self.chunks.iter().map(|chunk| chunk.columns[column].as_ref()).collect();
        places.values(&parts)
    }

    /// The columns of winners that follow each other.
    ///
    /// # Errors
    /// As [`Gathered::column`].
    pub(crate) fn columns(&self, winners: Range<usize>) -> Result<Vec<ArrayRef>> {
        let places = self.places(winners);
        (0..self.width()).map(|column| self.column(column, &places)).collect()
    }

    /// Where the values of winners lie.
    pub(crate) fn places(&self, winners: impl IntoIterator<Item = usize>) -> Places {
        let unpack = |winner: usize| {
            let place = self.places[winner].load(Ordering::Relaxed);
            ((place >> 32) as usize, place as u32 as usize)
        };
        winners.into_iter().map(unpack).collect()
    }
}
