//! All rows of a window, in the source's order.

use super::{Coalesce, Window, coalesce};
use crate::ahead::Ahead;
use crate::prune::Part;
use crate::reader::Pick;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use provender_core::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The rows of a window, batch by batch; rows with null keys are among them.
pub struct Range {
    schema: SchemaRef,
    ahead: Ahead,
    failed: bool,
}

/// What the threads share that read a window.
struct Reading {
    window: Window,
    task: Arc<str>,
    done: AtomicU64,
    total: u64,
}

impl Window {
    /// Reads all its rows on some threads.
    #[must_use]
    pub fn range(mut self, threads: usize) -> Range {
        let schema = Arc::clone(&self.schema);
        let task = format!("read {}", self.source.name()).into();
        let total = self.rows();
        let parts = std::mem::take(&mut self.parts).into_iter();
        let reading = Reading { window: self, task, done: AtomicU64::new(0), total };
        let ahead = Ahead::new(parts, threads, move |part, give| reading.read(&part, give));
        Range { schema, ahead, failed: false }
    }
}

impl Reading {
    fn read(&self, part: &Part, give: &mut dyn FnMut(RecordBatch) -> bool) -> Result<()> {
        let window = &self.window;
        let context = &window.request.context;
        let mut batches = Coalesce::new(&window.schema, give);
        for chunk in window.source.read(part.unit, &window.columns, Pick::ranges(part.selection()))? {
            context.check()?;
            let chunk = chunk?;
            let done = self.done.fetch_add(chunk.rows as u64, Ordering::Relaxed) + chunk.rows as u64;
            context.progress.report(&self.task, done, Some(self.total));
            let times = window.times(&chunk);
            let events = &times.map_err(|error| window.source.located(part.unit, error))?[0];
            let inside = |event: Option<i64>| Some(event.is_some_and(|event| window.holds(event)));
            let inside: BooleanArray = events.iter().map(inside).collect();
            if inside.true_count() == 0 {
                continue;
            }
            let batch = filter_record_batch(&window.batch(&chunk)?, &inside)?;
            window.counters.add(batch.num_rows() as u64, 0);
            if !batches.push(batch)? {
                return Ok(());
            }
        }
        batches.flush().map(drop)
    }
}

impl Iterator for Range {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = coalesce(&self.schema, || self.ahead.next_batch()).transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }
}

impl std::fmt::Debug for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Range").field("schema", &self.schema).finish_non_exhaustive()
    }
}
