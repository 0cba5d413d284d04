//! From the best rows of each slot to the winner of each entity row, and the counts of the report.

use crate::groups::{Groups, PARALLEL_SLOTS, PIECES};
use crate::scan::Found;
use crate::slots::{Candidate, Settled};
use crate::threads;
use provender_core::offline::{AGE_BOUNDS, ViewReport, age_bucket};
use provender_core::{RequestContext, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The winners of one view among some entity rows.
#[derive(Debug, Default)]
pub(crate) struct Winners {
    /// By entity row: position of the winner in the source, 0 for none.
    pub(crate) positions: Vec<u64>,
    /// Entity rows that the other choice of known rows would give another winner, ascending, and its position, 0 for none.
    pub(crate) others: Vec<(u32, u64)>,
    pub(crate) counts: Counts,
}

/// Counts of entity rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    rows: u64,
    matched: u64,
    expired: u64,
    /// Winners that were created after their entity row's time.
    leaked: u64,
    /// By age of the winner.
    pub(crate) ages: [u64; AGE_BOUNDS.len() + 1],
}

/// Who wins, by a view's definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Lifetime in microseconds; `None` for ever.
    pub(crate) ttl: Option<i64>,
    /// Whether a row counts only once it was created.
    pub(crate) by_created: bool,
}

impl Rule {
    /// The position of a row if it counts at an instant, or 0.
    fn winner(self, best: Candidate, time: i64) -> u64 {
        match self.ttl {
            Some(ttl) if time.saturating_sub(best.event) > ttl => 0,
            _ => best.position,
        }
    }
}

impl Winners {
    /// Carries the largest rows of each group from slot to slot, and drops them where they have expired.
    ///
    /// # Errors
    /// `Unavailable` when cancelled.
    pub(crate) fn settle(
        groups: &Groups,
        found: Found,
        rows: usize,
        rule: Rule,
        threads: usize,
        context: &RequestContext,
    ) -> Result<Self> {
        let Found { slots, expired } = found;
        let positions: Vec<_> = (0..rows).map(|_| AtomicU64::new(0)).collect();
        let settling = Settling { groups, slots: slots.settled(), expired, positions: &positions, rule };
        let pieces = if groups.len() < PARALLEL_SLOTS { 1 } else { threads * PIECES };
        let whole = Mutex::new((Counts::default(), Vec::new()));
        threads::for_each(
            threads,
            pieces,
            context,
            || (),
            |(), piece| {
                let (counts, others) = settling.settle(groups.piece(piece, pieces));
                let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
                whole.0.add(&counts);
                whole.1.extend(others);
                Ok(())
            },
        )?;
        drop(settling);
        let (mut counts, mut others) = whole.into_inner().unwrap_or_else(PoisonError::into_inner);
        counts.rows = rows as u64;
        others.sort_unstable();
        Ok(Self { positions: positions.into_iter().map(AtomicU64::into_inner).collect(), others, counts })
    }
}

/// Winners that are being decided, by several threads.
struct Settling<'a> {
    groups: &'a Groups,
    slots: Settled,
    expired: Option<Vec<AtomicBool>>,
    /// By entity row; no two slots are of one row.
    positions: &'a [AtomicU64],
    rule: Rule,
}

impl Settling<'_> {
    /// Decides the rows of some groups.
    fn settle(&self, groups: Range<usize>) -> (Counts, Vec<(u32, u64)>) {
        let (mut counts, mut others) = (Counts::default(), Vec::new());
        for bounds in self.groups.offsets[groups.start..=groups.end].windows(2) {
            let (mut best, mut other) = (Candidate::NONE, Candidate::NONE);
            let mut any = false;
            for slot in bounds[0] as usize..bounds[1] as usize {
                let found = self.slots.best(slot);
                let (mine, theirs) = match self.rule.by_created {
                    true => (found.by_created, found.by_event),
                    false => (found.by_event, found.by_created),
                };
                (best, other) = (best.max(mine), other.max(theirs));
                any |= mine.is_some()
                    || self.expired.as_deref().is_some_and(|of| of[slot].load(Ordering::Relaxed));
                let (time, row) = (self.groups.times[slot], self.groups.rows[slot]);
                let winner = self.rule.winner(best, time);
                let theirs = self.rule.winner(other, time);
                if winner != 0 {
                    self.positions[row as usize].store(winner, Ordering::Relaxed);
                    counts.take(best, time);
                } else {
                    counts.expired += u64::from(any);
                }
                if theirs != winner {
                    others.push((row, theirs));
                }
            }
        }
        (counts, others)
    }
}

impl Counts {
    /// Counts a winner.
    fn take(&mut self, best: Candidate, time: i64) {
        self.matched += 1;
        self.leaked += u64::from(best.created > time);
        self.ages[age_bucket(time.saturating_sub(best.event))] += 1;
    }

    pub(crate) fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        self.matched += more.matched;
        self.expired += more.expired;
        self.leaked += more.leaked;
        self.ages.iter_mut().zip(more.ages).for_each(|(held, more)| *held += more);
    }

    /// What the view found; leaks only if it has a created column.
    pub(crate) fn report(&self, name: &str, has_created: bool) -> ViewReport {
        ViewReport {
            name: name.to_owned(),
            matched: self.matched,
            unmatched: self.rows - self.matched - self.expired,
            expired: self.expired,
            leaked: has_created.then_some(self.leaked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyValues;
    use crate::slots::{Finds, Known, SlotWriter, Slots};
    use arrow_array::{ArrayRef, Int64Array, TimestampMicrosecondArray};
    use std::sync::Arc;

    /// Entity rows of many groups, two rows each: a feature row at the first, that expires before the second in every third group.
    #[test]
    fn many_groups_settle_as_one_by_one_whatever_the_threads() {
        let groups = PARALLEL_SLOTS as i64;
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values((0..groups).chain(0..groups)));
        let second = |group: i64| if group % 3 == 0 { 100 } else { 5 };
        let times = TimestampMicrosecondArray::from_iter_values(
            (0..groups).map(|_| 1).chain((0..groups).map(second)),
        );
        let rows = times.len();
        let spine = Groups::build(&[(vec![KeyValues::of(&keys).unwrap()], rows)], &[times], 2).unwrap();
        for threads in [1, 2, 5] {
            let slots = Slots::new(rows);
            let mut finds = Finds::default();
            let mut writer = SlotWriter::new(&slots, &mut finds);
            for slot in (0..rows as u32).filter(|slot| spine.times[*slot as usize] == 1) {
                let position = u64::from(spine.rows[slot as usize]) + 1;
                writer.offer(slot, Candidate { event: 1, created: 2, position }, Known::Both);
            }
            writer.flush();
            let rule = Rule { ttl: Some(10), by_created: false };
            let found = Found { slots, expired: None };
            let winners =
                Winners::settle(&spine, found, rows, rule, threads, &RequestContext::local()).unwrap();
            let expected = |row: i64| {
                let group = row % groups;
                if row >= groups && group % 3 == 0 { 0 } else { group as u64 + 1 }
            };
            let expected: Vec<_> = (0..rows as i64).map(expected).collect();
            assert_eq!(winners.positions, expected, "{threads} threads");
            let expired = (groups as u64).div_ceil(3);
            let counts = &winners.counts;
            assert_eq!(
                (counts.rows, counts.matched, counts.expired),
                (rows as u64, rows as u64 - expired, expired)
            );
            assert_eq!((counts.leaked, counts.ages.iter().sum()), (groups as u64, counts.matched));
            assert!(winners.others.is_empty());
        }
    }
}
