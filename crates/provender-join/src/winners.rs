//! From the best row of each slot to the winner of each spine row, and the counts of the report.

use crate::groups::Groups;
use crate::scan::Found;
use crate::slots::Candidate;
use provender_core::offline::ViewReport;
use std::sync::atomic::Ordering;

/// The winners of one view.
#[derive(Debug)]
pub(crate) struct Winners {
    /// By spine row: position of the winner in the source, 0 for none.
    pub(crate) positions: Vec<u64>,
    /// Winners that were created after their entity row's time.
    leaked: u64,
    matched: u64,
    expired: u64,
}

impl Winners {
    /// Carries the largest row of each group from slot to slot, and drops it where it has expired.
    pub(crate) fn settle(groups: &Groups, found: Found, rows: usize, ttl: Option<i64>) -> Self {
        let mut winners = Self { positions: vec![0; rows], leaked: 0, matched: 0, expired: 0 };
        let shards = found.slots.into_candidates();
        let mut candidates = shards.iter().flatten();
        for bounds in groups.offsets.windows(2) {
            let range = bounds[0] as usize..bounds[1] as usize;
            let mut best = Candidate::NONE;
            let mut any = false;
            for (slot, candidate) in range.zip(candidates.by_ref()) {
                best = best.max(*candidate);
                any |= found.seen.as_deref().is_some_and(|seen| seen[slot].load(Ordering::Relaxed));
                let time = groups.times[slot];
                if best.is_some() && ttl.is_none_or(|ttl| time.saturating_sub(best.event) <= ttl) {
                    winners.positions[groups.rows[slot] as usize] = best.position;
                    winners.matched += 1;
                    winners.leaked += u64::from(best.created > time);
                } else {
                    winners.expired += u64::from(any);
                }
            }
        }
        winners
    }

    /// What the view found; leaks only if it has a created column.
    pub(crate) fn report(&self, name: &str, has_created: bool) -> ViewReport {
        ViewReport {
            name: name.to_owned(),
            matched: self.matched,
            unmatched: self.positions.len() as u64 - self.matched - self.expired,
            expired: self.expired,
            leaked: has_created.then_some(self.leaked),
        }
    }
}
