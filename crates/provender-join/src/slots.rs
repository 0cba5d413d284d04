//! The best feature row of each slot so far, kept by many threads at once.
//!
//! One array of slots for all threads, cut into shards with a lock each. A thread collects its finds per shard and takes the lock once for many of them:
//! memory stays in proportion to the spine whatever the number of threads, and a shard's slots stay in the cache while they are compared.

use std::sync::{Mutex, PoisonError};

/// A feature row that could win a slot. The larger wins: by event time, then created time, then position in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// Event time in microseconds.
    pub(crate) event: i64,
    /// Created time in microseconds; [`i64::MIN`] for null, the smallest.
    pub(crate) created: i64,
    /// Place in the source, from 1: see [`position`].
    pub(crate) position: u64,
}

impl Candidate {
    /// No row at all: smaller than any row.
    pub(crate) const NONE: Self = Self { event: i64::MIN, created: i64::MIN, position: 0 };

    /// Whether there is a row.
    pub(crate) fn is_some(self) -> bool {
        self.position != 0
    }
}

/// Place of a row in its source as a number that grows in the source's order; 0 stands for no row.
pub(crate) fn position(unit: usize, row: u32) -> u64 {
    ((unit as u64) << 32 | u64::from(row)) + 1
}

/// The unit and row of a position that is not 0.
pub(crate) fn unit_and_row(position: u64) -> (usize, u32) {
    let at = position - 1;
    ((at >> 32) as usize, at as u32)
}

/// Slots of a shard: 96 KiB of candidates, a share of a core's second-level cache.
const SHARD: usize = 1 << 12;
/// Shards at most, so that the threads' buffers stay small.
const SHARDS: usize = 512;
/// Finds that a thread collects before it takes a shard's lock.
const BUFFER: usize = 128;

/// Slots of a shard when there are `count` in all.
fn shard_size(count: usize) -> usize {
    count.div_ceil(SHARDS).next_power_of_two().max(SHARD)
}

/// A candidate for each slot of a spine.
#[derive(Debug)]
pub(crate) struct Slots {
    shards: Vec<Mutex<Vec<Candidate>>>,
    shift: u32,
}

impl Slots {
    /// `count` empty slots.
    pub(crate) fn new(count: usize) -> Self {
        let size = shard_size(count);
        let lengths = (0..count).step_by(size).map(|start| size.min(count - start));
        let shards = lengths.map(|length| Mutex::new(vec![Candidate::NONE; length])).collect();
        Self { shards, shift: size.trailing_zeros() }
    }

    /// Bytes that [`Slots::new`] takes.
    pub(crate) fn memory(count: usize) -> usize {
        count * size_of::<Candidate>()
    }

    /// A thread's way to offer rows.
    pub(crate) fn writer(&self) -> SlotWriter<'_> {
        SlotWriter { slots: self, buffers: self.shards.iter().map(|_| Vec::new()).collect() }
    }

    /// All slots in order, when every writer is done.
    pub(crate) fn into_candidates(self) -> Vec<Vec<Candidate>> {
        self.shards
            .into_iter()
            .map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }
}

/// Offers rows to slots. What was offered counts after [`SlotWriter::flush`].
#[derive(Debug)]
pub(crate) struct SlotWriter<'a> {
    slots: &'a Slots,
    buffers: Vec<Vec<(u32, Candidate)>>,
}

impl SlotWriter<'_> {
    /// Offers a row to a slot.
    #[inline]
    pub(crate) fn offer(&mut self, slot: u32, candidate: Candidate) {
        let shard = (slot >> self.slots.shift) as usize;
        let buffer = &mut self.buffers[shard];
        buffer.push((slot, candidate));
        if buffer.len() >= BUFFER {
            settle(&self.slots.shards[shard], self.slots.shift, buffer);
        }
    }

    /// Hands over what is still collected.
    pub(crate) fn flush(&mut self) {
        for (shard, buffer) in self.slots.shards.iter().zip(&mut self.buffers) {
            if !buffer.is_empty() {
                settle(shard, self.slots.shift, buffer);
            }
        }
    }
}

fn settle(shard: &Mutex<Vec<Candidate>>, shift: u32, finds: &mut Vec<(u32, Candidate)>) {
    let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
    let mask = (1 << shift) - 1;
    for (slot, candidate) in finds.drain(..) {
        let held = &mut slots[(slot & mask) as usize];
        if candidate > *held {
            *held = candidate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_all_threads_is_kept() {
        let count = 3 * SHARD + 5;
        let slots = Slots::new(count);
        std::thread::scope(|scope| {
            for thread in 0..4_i64 {
                let slots = &slots;
                scope.spawn(move || {
                    let mut writer = slots.writer();
                    for slot in 0..count as u32 {
                        let event = (i64::from(slot) + thread) % 4;
                        writer.offer(slot, Candidate { event, created: 0, position: position(9, slot) });
                    }
                    writer.flush();
                });
            }
        });
        let kept: Vec<_> = slots.into_candidates().into_iter().flatten().collect();
        assert_eq!(kept.len(), count);
        assert!(
            kept.iter().enumerate().all(|(i, c)| c.event == 3 && unit_and_row(c.position) == (9, i as u32))
        );
    }

    #[test]
    fn a_null_created_and_an_earlier_row_lose() {
        let at = |event, created, position| Candidate { event, created, position };
        assert!(at(i64::MIN, i64::MIN, 1) > Candidate::NONE);
        assert!(at(5, i64::MIN, 9) < at(5, 0, 1) && at(5, 0, position(0, 7)) < at(5, 0, position(1, 0)));
    }

    #[test]
    fn a_huge_spine_has_few_shards() {
        let count = SHARD * SHARDS * 3;
        assert!(count.div_ceil(shard_size(count)) <= SHARDS && shard_size(1) == SHARD);
    }
}
