//! One pass over the feature rows of some views: each row is offered to the first slot from which it is known.

use crate::columns::Columns;
use crate::groups::Groups;
use crate::instants::instants;
use crate::keys::{KeyValues, NO_GROUP};
use crate::prune::Part;
use crate::reader::{Chunk, Pick};
use crate::slots::{Candidate, Finds, Known, SlotWriter, Slots, position};
use crate::source::Source;
use crate::threads;
use crate::winners::Rule;
use arrow_array::{Array, TimestampMicrosecondArray};
use provender_core::{Error, RequestContext, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What to scan, and for whom.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) name: &'a str,
    pub(crate) source: &'a Arc<Source>,
    /// The key columns in the spine's order, the event column and, if there is one, the created column.
    pub(crate) columns: &'a Arc<Columns>,
    /// Number of key columns.
    pub(crate) keys: usize,
    pub(crate) groups: &'a Groups,
    pub(crate) rule: Rule,
    /// What to read.
    pub(crate) parts: &'a [Part],
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The best live rows of each slot, among those that first became known at it.
    pub(crate) slots: Slots,
    /// With a ttl: whether a row first became known at the slot when it had expired already.
    pub(crate) expired: Option<Vec<AtomicBool>>,
}

/// A scan under way: its finds are there from its first part to its last.
struct Running<'a> {
    scan: &'a Scan<'a>,
    found: Mutex<Option<Arc<Found>>>,
    parts_left: AtomicUsize,
    rows_done: AtomicU64,
    rows: u64,
    task: Arc<str>,
}

/// Runs scans that share threads; each is handed to `settle`, with its number, as soon as it is done. Few are under way at a time.
///
/// # Errors
/// Those of reading, naming the view; `Unavailable` when cancelled.
pub(crate) fn run(
    scans: &[Scan<'_>],
    threads: usize,
    context: &RequestContext,
    settle: impl Fn(usize, Found) -> Result<()> + Sync,
) -> Result<()> {
    let running: Vec<_> = scans.iter().map(Running::new).collect();
    let work: Vec<(usize, &Part)> =
        scans.iter().enumerate().flat_map(|(i, scan)| scan.parts.iter().map(move |part| (i, part))).collect();
    for (number, scan) in scans.iter().enumerate().filter(|(_, scan)| scan.parts.is_empty()) {
        settle(number, Found::new(scan))?;
    }
    threads::for_each(threads, work.len(), context, Scratch::default, |scratch, index| {
        let (number, part) = work[index];
        let running = &running[number];
        let found = running.begin();
        running.read(part, &found, scratch, context).map_err(|e| e.with("view", running.scan.name))?;
        if let Some(found) = running.end(found) {
            settle(number, found)?;
        }
        Ok(())
    })
}

/// What a thread keeps from part to part.
#[derive(Default)]
struct Scratch {
    finds: Finds,
    groups: Vec<u32>,
}

impl Found {
    fn new(scan: &Scan<'_>) -> Self {
        let slots = scan.groups.len();
        let expired = scan.rule.ttl.map(|_| (0..slots).map(|_| AtomicBool::new(false)).collect());
        Self { slots: Slots::new(slots), expired }
    }
}

impl<'a> Running<'a> {
    fn new(scan: &'a Scan<'a>) -> Self {
        Self {
            scan,
            found: Mutex::new(None),
            parts_left: AtomicUsize::new(scan.parts.len()),
            rows_done: AtomicU64::new(0),
            rows: scan.parts.iter().map(Part::rows).sum(),
            task: format!("scan {}", scan.name).into(),
        }
    }

    fn begin(&self) -> Arc<Found> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(found.get_or_insert_with(|| Arc::new(Found::new(self.scan))))
    }

    /// What was found, to the thread that ends the last part: by then all others have let go of it.
    fn end(&self, found: Arc<Found>) -> Option<Found> {
        drop(found);
        if self.parts_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take().and_then(Arc::into_inner)
    }

    fn read(
        &self,
        part: &Part,
        found: &Found,
        scratch: &mut Scratch,
        context: &RequestContext,
    ) -> Result<()> {
        let scan = self.scan;
        let mut writer = SlotWriter::new(&found.slots, &mut scratch.finds);
        let mut numbers = part.numbers();
        for chunk in scan.source.read(part.unit, scan.columns, Pick::ranges(part.selection()))? {
            let chunk = chunk?;
            context.check()?;
            let rows =
                Rows::of(scan, &chunk, &mut scratch.groups).map_err(|e| scan.source.located(part.unit, e))?;
            for (range, first) in numbers.next(chunk.rows) {
                let first = position(part.unit, first).wrapping_sub(range.start as u64);
                scan.offer(&rows, range, first, &mut writer, found.expired.as_deref());
            }
            let done = self.rows_done.fetch_add(chunk.rows as u64, Ordering::Relaxed) + chunk.rows as u64;
            context.progress.report(&self.task, done, Some(self.rows));
        }
        writer.flush();
        Ok(())
    }
}

impl Scan<'_> {
    /// Offers some rows of a chunk; row `i` of the chunk has the position `first + i`.
    fn offer(
        &self,
        rows: &Rows<'_>,
        range: std::ops::Range<usize>,
        first: u64,
        writer: &mut SlotWriter<'_>,
        expired: Option<&[AtomicBool]>,
    ) {
        let times = &self.groups.times;
        let lifetime = self.rule.ttl.unwrap_or(i64::MAX);
        for row in range {
            let group = rows.groups[row];
            if group == NO_GROUP || rows.event.is_null(row) {
                continue;
            }
            let (event, created) = (rows.event.values()[row], rows.created(row));
            let (by_event, end) = self.groups.first_from(group, event);
            if by_event == end {
                continue;
            }
            let is_late = created > times[by_event];
            let by_created = if is_late { self.groups.first_from(group, created).0 } else { by_event };
            // Expired at a slot means expired at all later ones.
            let is_live = |slot: usize| slot < end && times[slot].saturating_sub(event) <= lifetime;
            let known = if self.rule.by_created { by_created } else { by_event };
            if !is_live(known) {
                note(expired, known, end);
            }
            let candidate = Candidate { event, created, position: first.wrapping_add(row as u64) };
            if !is_late {
                if is_live(by_event) {
                    writer.offer(by_event as u32, candidate, Known::Both);
                }
                continue;
            }
            if is_live(by_event) {
                writer.offer(by_event as u32, candidate, Known::ByEvent);
            }
            if is_live(by_created) {
                writer.offer(by_created as u32, candidate, Known::ByCreated);
            }
        }
    }
}

/// Notes that a row first became known at a slot, but had expired by then.
fn note(expired: Option<&[AtomicBool]>, slot: usize, end: usize) {
    if let Some(expired) = expired.filter(|_| slot < end) {
        // Looked at before it is set, so that threads do not fight for the cache line.
        if !expired[slot].load(Ordering::Relaxed) {
            expired[slot].store(true, Ordering::Relaxed);
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
