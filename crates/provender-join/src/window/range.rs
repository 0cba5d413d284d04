//! All rows of a window, in the source's order.

use super::{Window, coalesce};
use crate::reader::UnitReader;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use provender_core::Result;
use std::sync::Arc;

/// The rows of a window, batch by batch; rows with null keys are among them.
pub struct Range {
    window: Window,
    task: Arc<str>,
    next_unit: usize,
    /// The unit being read.
    unit: usize,
    reader: Option<UnitReader>,
    done: u64,
    failed: bool,
}

impl Window {
    /// Reads all its rows.
    #[must_use]
    pub fn range(self) -> Range {
        let task = format!("read {}", self.source.name()).into();
        Range { window: self, task, next_unit: 0, unit: 0, reader: None, done: 0, failed: false }
    }
}

impl Range {
    /// The next chunk that has rows of the window.
    fn chunk(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.window.request.context.check()?;
            let Some(chunk) = self.reader.as_mut().and_then(Iterator::next) else {
                let Some(unit) = self.window.units.get(self.next_unit) else { return Ok(None) };
                self.unit = *unit;
                self.reader = Some(self.window.source.read(*unit, &self.window.columns, None)?);
                self.next_unit += 1;
                continue;
            };
            let chunk = chunk?;
            self.done += chunk.rows as u64;
            self.window.request.context.progress.report(&self.task, self.done, Some(self.total()));
            let times = self.window.times(&chunk);
            let events = &times.map_err(|error| self.window.source.located(self.unit, error))?[0];
            let inside = |event: Option<i64>| Some(event.is_some_and(|event| self.window.holds(event)));
            let inside: BooleanArray = events.iter().map(inside).collect();
            if inside.true_count() > 0 {
                let batch = filter_record_batch(&self.window.batch(&chunk)?, &inside)?;
                self.window.counters.add(batch.num_rows() as u64, 0);
                return Ok(Some(batch));
            }
        }
    }

    fn total(&self) -> u64 {
        self.window.units.iter().map(|unit| self.window.source.units()[*unit].rows).sum()
    }
}

impl Iterator for Range {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let schema = Arc::clone(&self.window.schema);
        let batch = coalesce(&schema, || self.chunk()).transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}

impl std::fmt::Debug for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Range")
            .field("window", &self.window)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
