//! One pass over the feature rows: each row is offered to the first slot from which it is visible.

use crate::columns::Columns;
use crate::groups::Groups;
use crate::instants::instants;
use crate::keys::{KeyValues, NO_GROUP};
use crate::reader::Chunk;
use crate::slots::{Candidate, SlotWriter, Slots, position};
use crate::source::Source;
use crate::threads;
use arrow_array::{Array, TimestampMicrosecondArray};
use provender_core::{Error, RequestContext, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What to scan, and for whom.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) source: &'a Arc<Source>,
    /// The key columns in the spine's order, the event column and, if there is one, the created column.
    pub(crate) columns: &'a Arc<Columns>,
    /// Number of key columns.
    pub(crate) keys: usize,
    pub(crate) groups: &'a Groups,
    /// Lifetime in microseconds; `None` for ever.
    pub(crate) ttl: Option<i64>,
    /// Whether a row is visible only from its created time on, too.
    pub(crate) known_at_created: bool,
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The best live row of each slot, among those that first became visible at it.
    pub(crate) slots: Slots,
    /// With a ttl: whether a row first became visible at the slot, live or expired.
    pub(crate) seen: Option<Vec<AtomicBool>>,
}

impl Scan<'_> {
    /// Scans some units of the source.
    ///
    /// # Errors
    /// Those of reading; `Unavailable` when cancelled.
    pub(crate) fn run(
        &self,
        units: &[usize],
        threads: usize,
        context: &RequestContext,
        task: &Arc<str>,
    ) -> Result<Found> {
        let slots = Slots::new(self.groups.len());
        let seen =
            self.ttl.map(|_| (0..self.groups.len()).map(|_| AtomicBool::new(false)).collect::<Vec<_>>());
        let total = units.iter().map(|unit| self.source.units()[*unit].rows).sum();
        let done = AtomicU64::new(0);
        let start = || (slots.writer(), Vec::new());
        threads::for_each(threads, units.len(), context, start, |(writer, groups), index| {
            let unit = units[index];
            let mut first = 0;
            for chunk in self.source.read(unit, self.columns, None)? {
                let chunk = chunk?;
                context.check()?;
                let rows = Rows::of(self, &chunk, groups).map_err(|e| self.source.located(unit, e))?;
                self.offer(&rows, position(unit, first), writer, seen.as_deref());
                first += chunk.rows as u32;
                let done = done.fetch_add(chunk.rows as u64, Ordering::Relaxed) + chunk.rows as u64;
                context.progress.report(task, done, Some(total));
            }
            writer.flush();
            Ok(())
        })?;
        Ok(Found { slots, seen })
    }

    fn offer(&self, rows: &Rows<'_>, first: u64, writer: &mut SlotWriter<'_>, seen: Option<&[AtomicBool]>) {
        let Groups { offsets, times, .. } = self.groups;
        let lifetime = self.ttl.unwrap_or(i64::MAX);
        for (row, &group) in rows.groups.iter().enumerate() {
            if group == NO_GROUP || rows.event.is_null(row) {
                continue;
            }
            let (event, created) = (rows.event.values()[row], rows.created(row));
            let visible = if self.known_at_created { event.max(created) } else { event };
            let (start, end) = (offsets[group as usize] as usize, offsets[group as usize + 1] as usize);
            let slot = start + times[start..end].partition_point(|time| *time < visible);
            if slot == end {
                continue;
            }
            if let Some(seen) = seen {
                // Looked at before it is set, so that threads do not fight for the cache line.
                if !seen[slot].load(Ordering::Relaxed) {
                    seen[slot].store(true, Ordering::Relaxed);
                }
                // Expired at this slot means expired at all later ones.
                if times[slot].saturating_sub(event) > lifetime {
                    continue;
                }
            }
            writer.offer(slot as u32, Candidate { event, created, position: first + row as u64 });
        }
    }
}

/// The rows of a chunk in the form in which they are compared.
struct Rows<'a> {
    groups: &'a [u32],
    event: TimestampMicrosecondArray,
    created: Option<TimestampMicrosecondArray>,
}

impl<'a> Rows<'a> {
    fn of(scan: &Scan<'_>, chunk: &Chunk, groups: &'a mut Vec<u32>) -> Result<Self> {
        let (keys, times) = chunk.columns.split_at(scan.keys);
        let keys = keys.iter().map(KeyValues::of).collect::<Result<Vec<_>>>()?;
        scan.groups.index.look_up(&keys, chunk.rows, groups);
        let times = times.iter().zip(&scan.columns.names[scan.keys..]);
        let mut times = times.map(|(array, name)| instants(array).map_err(|e| e.with("column", name)));
        let event = times.next().ok_or_else(|| Error::internal("a scan without event times"))??;
        Ok(Self { groups, event, created: times.next().transpose()? })
    }

    /// The created time of a row; the smallest number for null.
    fn created(&self, row: usize) -> i64 {
        match &self.created {
            Some(created) if created.is_valid(row) => created.values()[row],
            _ => i64::MIN,
        }
    }
}
