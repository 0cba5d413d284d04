//! The best feature row of each slot so far, kept by many threads at once.
//!
//! One array of slots for all threads, cut into shards with a lock each. A thread collects its finds per shard and takes the lock once for many of them:
//! memory stays in proportion to the spine whatever the number of threads, and a shard's slots stay in the cache while they are compared.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
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

    /// Becomes the larger of the two.
    #[inline]
    fn raise(&mut self, other: Self) {
        if other > *self {
            *self = other;
        }
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

/// From when on a row that is offered to a slot counts there. Rows are known from their event time on, or only once they were created, too: the two are
/// looked at in one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The slot is the first for either.
    Both,
    /// The slot is the first after the event time, but not after the created time.
    ByEvent,
    /// The slot is the first after both times, but not the first after the event time.
    ByCreated,
}

/// Slots of a shard: 96 KiB of candidates, a share of a core's second-level cache.
const SHARD: usize = 1 << 12;
/// Shards at most, so that the threads' buffers stay small.
const SHARDS: usize = 512;
/// Finds that a thread collects before it takes a shard's lock.
const BUFFER: usize = 128;
/// Slots with rows apart above one in so many are many.
const PART: usize = 8;

const NEITHER: (Candidate, Candidate) = (Candidate::NONE, Candidate::NONE);

/// Slots of a shard when there are `count` in all.
fn shard_size(count: usize) -> usize {
    count.div_ceil(SHARDS).next_power_of_two().max(SHARD)
}

/// A candidate for each slot of a spine.
#[derive(Debug)]
pub(crate) struct Slots {
    shards: Vec<Mutex<Shard>>,
    shift: u32,
}

/// Neighbouring slots.
#[derive(Debug)]
struct Shard {
    /// The best by event time; of [`Apart::Few`], without the rows that are apart.
    slots: Vec<Candidate>,
    apart: Apart,
}

/// What the two ways to count do not share.
#[derive(Debug)]
enum Apart {
    /// The best by event and by created time of the rows that do not count for both.
    Few(HashMap<u32, (Candidate, Candidate), FixedState>),
    /// The best by created time of every slot.
    Many(Vec<Candidate>),
}

/// What was found for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Best {
    /// The best row first known at the slot by its event time.
    pub(crate) by_event: Candidate,
    /// The best row first known at the slot by both its times.
    pub(crate) by_created: Candidate,
}

impl Slots {
    /// `count` empty slots.
    pub(crate) fn new(count: usize) -> Self {
        let size = shard_size(count);
        let lengths = (0..count).step_by(size).map(|start| size.min(count - start));
        let empty =
            |length| Shard { slots: vec![Candidate::NONE; length], apart: Apart::Few(HashMap::default()) };
        let shards = lengths.map(|length| Mutex::new(empty(length))).collect();
        Self { shards, shift: size.trailing_zeros() }
    }

    /// Bytes that [`Slots::new`] takes.
    pub(crate) fn memory(count: usize) -> usize {
        count * size_of::<Candidate>()
    }

    /// What was found, when every writer is done.
    pub(crate) fn settled(self) -> Settled {
        let shards = self.shards.into_iter();
        let shards = shards.map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        Settled { shards, shift: self.shift }
    }
}

/// Slots that nobody writes to any more.
#[derive(Debug)]
pub(crate) struct Settled {
    shards: Vec<Shard>,
    shift: u32,
}

impl Settled {
    /// What was found for a slot.
    #[inline]
    pub(crate) fn best(&self, slot: usize) -> Best {
        let Shard { slots, apart } = &self.shards[slot >> self.shift];
        let slot = slot & ((1 << self.shift) - 1);
        let held = slots[slot];
        match apart {
            Apart::Few(rows) => {
                let (event, created) = rows.get(&(slot as u32)).copied().unwrap_or(NEITHER);
                Best { by_event: held.max(event), by_created: held.max(created) }
            }
            Apart::Many(created) => Best { by_event: held, by_created: created[slot] },
        }
    }
}

/// A thread's finds that have not been handed over yet, by shard.
#[derive(Debug, Default)]
pub(crate) struct Finds(Vec<Vec<Find>>);

#[derive(Clone, Copy, Debug)]
struct Find {
    candidate: Candidate,
    slot: u32,
    known: Known,
}

/// Offers rows to slots. What was offered counts after [`SlotWriter::flush`].
#[derive(Debug)]
pub(crate) struct SlotWriter<'a> {
    slots: &'a Slots,
    finds: &'a mut Finds,
}

impl<'a> SlotWriter<'a> {
    pub(crate) fn new(slots: &'a Slots, finds: &'a mut Finds) -> Self {
        finds.0.resize_with(slots.shards.len(), Vec::new);
        Self { slots, finds }
    }

    /// Offers a row to a slot.
    #[inline]
    pub(crate) fn offer(&mut self, slot: u32, candidate: Candidate, known: Known) {
        let shard = (slot >> self.slots.shift) as usize;
        let finds = &mut self.finds.0[shard];
        finds.push(Find { candidate, slot, known });
        if finds.len() >= BUFFER {
            settle(&self.slots.shards[shard], self.slots.shift, finds);
        }
    }

    /// Hands over what is still collected.
    pub(crate) fn flush(self) {
        for (shard, finds) in self.slots.shards.iter().zip(&mut self.finds.0) {
            if !finds.is_empty() {
                settle(shard, self.slots.shift, finds);
            }
        }
    }
}

fn settle(shard: &Mutex<Shard>, shift: u32, finds: &mut Vec<Find>) {
    let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
    shard.part();
    let Shard { slots, apart } = &mut *shard;
    let mask = (1 << shift) - 1;
    for Find { candidate, slot, known } in finds.drain(..) {
        let slot = slot & mask;
        match (known, &mut *apart) {
            (Known::Both, Apart::Few(_)) => slots[slot as usize].raise(candidate),
            (Known::Both, Apart::Many(created)) => {
                slots[slot as usize].raise(candidate);
                created[slot as usize].raise(candidate);
            }
            (Known::ByEvent, Apart::Few(rows)) => rows.entry(slot).or_insert(NEITHER).0.raise(candidate),
            (Known::ByEvent, Apart::Many(_)) => slots[slot as usize].raise(candidate),
            (Known::ByCreated, Apart::Few(rows)) => rows.entry(slot).or_insert(NEITHER).1.raise(candidate),
            (Known::ByCreated, Apart::Many(created)) => created[slot as usize].raise(candidate),
        }
    }
}

impl Shard {
    /// Keeps the two ways to count apart once a good part of the slots need it.
    fn part(&mut self) {
        let Apart::Few(rows) = &mut self.apart else { return };
        if rows.len() * PART <= self.slots.len() {
            return;
        }
        let rows = std::mem::take(rows);
        let mut created = self.slots.clone();
        for (slot, (by_event, by_created)) in rows {
            self.slots[slot as usize].raise(by_event);
            created[slot as usize].raise(by_created);
        }
        self.apart = Apart::Many(created);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(slots: Slots, count: usize) -> Vec<Best> {
        let slots = slots.settled();
        (0..count).map(|slot| slots.best(slot)).collect()
    }

    #[test]
    fn the_largest_of_all_threads_is_kept() {
        let count = 3 * SHARD + 5;
        let slots = Slots::new(count);
        std::thread::scope(|scope| {
            for thread in 0..4_i64 {
                let slots = &slots;
                scope.spawn(move || {
                    let mut finds = Finds::default();
                    let mut writer = SlotWriter::new(slots, &mut finds);
                    for slot in 0..count as u32 {
                        let event = (i64::from(slot) + thread) % 4;
                        let candidate = Candidate { event, created: 0, position: position(9, slot) };
                        writer.offer(slot, candidate, Known::Both);
                    }
                    writer.flush();
                });
            }
        });
        let kept: Vec<_> = all(slots, count).into_iter().map(|best| best.by_event).collect();
        assert_eq!(kept.len(), count);
        assert!(
            kept.iter().enumerate().all(|(i, c)| c.event == 3 && unit_and_row(c.position) == (9, i as u32))
        );
    }

    #[test]
    fn rows_that_are_known_later_than_they_happened_count_once_for_each() {
        let slots = Slots::new(3);
        let mut finds = Finds::default();
        let mut writer = SlotWriter::new(&slots, &mut finds);
        let at = |event| Candidate { event, created: 9, position: event as u64 };
        writer.offer(0, at(1), Known::Both);
        writer.offer(0, at(2), Known::ByEvent);
        writer.offer(2, at(2), Known::ByCreated);
        writer.flush();
        let best = all(slots, 3);
        assert_eq!(best[0], Best { by_event: at(2), by_created: at(1) });
        assert_eq!(best[1], Best { by_event: Candidate::NONE, by_created: Candidate::NONE });
        assert_eq!(best[2], Best { by_event: Candidate::NONE, by_created: at(2) });
    }

    #[test]
    fn slots_with_rows_apart_count_alike_whether_they_are_few_or_many() {
        let count = SHARD + 100;
        let at = |event: u32| Candidate { event: event.into(), created: 0, position: u64::from(event) + 1 };
        let offered = |every: u32| -> Vec<Best> {
            let slots = Slots::new(count);
            let mut finds = Finds::default();
            let mut writer = SlotWriter::new(&slots, &mut finds);
            for event in 1..9 {
                for slot in 0..count as u32 {
                    let known = match (slot % every == 0, (slot / every + event) % 3) {
                        (true, 0) => Known::ByEvent,
                        (true, 1) => Known::ByCreated,
                        _ => Known::Both,
                    };
                    writer.offer(slot, at(event), known);
                }
            }
            writer.flush();
            all(slots, count)
        };
        for every in [1, 2, 100] {
            for (slot, best) in offered(every).into_iter().enumerate() {
                let newest = |other: u32| {
                    let turn = |event: &u32| (slot as u32 / every + *event) % 3;
                    at((1..9)
                        .rev()
                        .find(|event| !(slot as u32).is_multiple_of(every) || turn(event) != other)
                        .unwrap())
                };
                assert_eq!(
                    best,
                    Best { by_event: newest(1), by_created: newest(0) },
                    "slot {slot} of every {every}"
                );
            }
        }
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
