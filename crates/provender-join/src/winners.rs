//! From the best rows of each slot to the winner of each entity row, and the counts of the report.

use crate::groups::Groups;
use crate::scan::Found;
use crate::slots::Candidate;
use provender_core::offline::{AGE_BOUNDS, ViewReport, age_bucket};
use std::sync::atomic::Ordering;

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
    /// Whether a row counts at an instant.
    fn takes(self, best: Candidate, time: i64) -> bool {
        best.is_some() && self.ttl.is_none_or(|ttl| time.saturating_sub(best.event) <= ttl)
    }
}

impl Winners {
    /// Carries the largest rows of each group from slot to slot, and drops them where they have expired.
    pub(crate) fn settle(groups: &Groups, found: Found, rows: usize, rule: Rule) -> Self {
        let mut winners = Self { positions: vec![0; rows], ..Self::default() };
        winners.counts.rows = rows as u64;
        let Found { slots, expired } = found;
        let mut slots = slots.into_best();
        for bounds in groups.offsets.windows(2) {
            let range = bounds[0] as usize..bounds[1] as usize;
            let (mut best, mut other) = (Candidate::NONE, Candidate::NONE);
            let mut any = false;
            for (slot, found) in range.zip(slots.by_ref()) {
                let (mine, theirs) = match rule.by_created {
                    true => (found.by_created, found.by_event),
                    false => (found.by_event, found.by_created),
                };
                (best, other) = (best.max(mine), other.max(theirs));
                any |=
                    mine.is_some() || expired.as_deref().is_some_and(|of| of[slot].load(Ordering::Relaxed));
                winners.decide(groups.times[slot], groups.rows[slot], (best, other), rule);
                if !rule.takes(best, groups.times[slot]) {
                    winners.counts.expired += u64::from(any);
                }
            }
        }
        winners.others.sort_unstable();
        winners
    }

    fn decide(&mut self, time: i64, row: u32, (best, other): (Candidate, Candidate), rule: Rule) {
        let winner = if rule.takes(best, time) { best.position } else { 0 };
        if winner != 0 {
            self.positions[row as usize] = winner;
            self.counts.matched += 1;
            self.counts.leaked += u64::from(best.created > time);
            self.counts.ages[age_bucket(time.saturating_sub(best.event))] += 1;
        }
        let other = if rule.takes(other, time) { other.position } else { 0 };
        if other != winner {
            self.others.push((row, other));
        }
    }
}

impl Counts {
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
