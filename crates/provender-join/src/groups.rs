//! The spine grouped by key: per group its times, sorted, in one flat array of slots.

mod marks;

use crate::keys::{KeyIndex, KeyValues, NO_GROUP};
use crate::threads;
use arrow_array::{Array, TimestampMicrosecondArray};
use marks::Marks;
use provender_core::{Error, RequestContext, Result};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Slots below which threads cost more than they save.
pub(crate) const PARALLEL_SLOTS: usize = 1 << 16;
/// Pieces of the groups for each thread: they take as long as their slots are many, about.
pub(crate) const PIECES: usize = 4;

/// The rows of a spine by key and time. Row numbers run through all batches.
///
/// A row whose key or time is null has no slot: it matches nothing.
#[derive(Debug)]
pub(crate) struct Groups {
    /// From key to group.
    pub(crate) index: KeyIndex,
    /// Group `g` has the slots `offsets[g]..offsets[g + 1]`.
    pub(crate) offsets: Vec<u32>,
    /// Time of each slot, ascending inside a group.
    pub(crate) times: Vec<i64>,
    /// Spine row of each slot.
    pub(crate) rows: Vec<u32>,
    /// Of the groups of many slots.
    marks: Marks,
}

impl Groups {
    /// Groups the rows of all batches; groups are sorted by some threads.
    ///
    /// # Errors
    /// `Unsupported` for more rows than 32 bits count.
    pub(crate) fn build(
        keys: &[(Vec<KeyValues>, usize)],
        times: &[TimestampMicrosecondArray],
        threads: usize,
    ) -> Result<Self> {
        let rows: usize = keys.iter().map(|(_, rows)| rows).sum();
        if u32::try_from(rows).is_err() {
            return Err(
                Error::unsupported("more than four billion entity rows in one join").with("rows", rows)
            );
        }
        let (index, mut groups) = KeyIndex::build(keys)?;
        forget_null_times(times, &mut groups);
        let offsets = count(&groups, index.len());
        let mut slots = scatter(&groups, times, &offsets);
        sort(&mut slots, &offsets, threads)?;
        let (times, rows): (Vec<_>, _) = slots.into_iter().unzip();
        let marks = Marks::of(&offsets, &times);
        Ok(Self { index, offsets, times, rows, marks })
    }

    /// The first slot of a group whose time is not before an instant, or the group's end; and the group's end.
    #[inline]
    pub(crate) fn first_from(&self, group: u32, instant: i64) -> (usize, usize) {
        let (start, end) = (self.offsets[group as usize] as usize, self.offsets[group as usize + 1] as usize);
        let near = match end - start {
            0..=marks::FEW => start..end,
            _ => self
                .marks
                .around(group, instant)
                .map_or(start..end, |near| start + near.start..start + near.end),
        };
        (near.start + self.times[near].partition_point(|time| *time < instant), end)
    }

    /// The groups of one of `pieces` pieces, which together are all and have about as many slots each.
    pub(crate) fn piece(&self, piece: usize, pieces: usize) -> Range<usize> {
        self::piece(&self.offsets, piece, pieces)
    }

    /// Number of slots, at most the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }
}

fn forget_null_times(times: &[TimestampMicrosecondArray], groups: &mut [u32]) {
    let mut start = 0;
    for array in times {
        if let Some(nulls) = array.nulls() {
            for (group, valid) in groups[start..].iter_mut().zip(nulls) {
                if !valid {
                    *group = NO_GROUP;
                }
            }
        }
        start += array.len();
    }
}

/// Where each group's slots begin, and at last where all end.
fn count(groups: &[u32], total: usize) -> Vec<u32> {
    let mut offsets = vec![0; total + 1];
    for group in groups.iter().filter(|group| **group != NO_GROUP) {
        offsets[*group as usize + 1] += 1;
    }
    for g in 0..total {
        offsets[g + 1] += offsets[g];
    }
    offsets
}

fn scatter(groups: &[u32], times: &[TimestampMicrosecondArray], offsets: &[u32]) -> Vec<(i64, u32)> {
    let mut next = offsets.to_vec();
    let mut slots = vec![(0, 0); offsets.last().map_or(0, |end| *end as usize)];
    let times = times.iter().flat_map(|array| array.values().iter());
    for (row, (group, time)) in groups.iter().zip(times).enumerate() {
        if *group != NO_GROUP {
            let slot = &mut next[*group as usize];
            slots[*slot as usize] = (*time, row as u32);
            *slot += 1;
        }
    }
    slots
}

fn piece(offsets: &[u32], piece: usize, pieces: usize) -> Range<usize> {
    let (groups, slots) = (offsets.len() - 1, offsets[offsets.len() - 1] as usize);
    let begin = |piece: usize| match piece == pieces {
        true => groups,
        false => offsets[..groups].partition_point(|start| (*start as usize) < slots * piece / pieces),
    };
    begin(piece)..begin(piece + 1)
}

/// Sorts the slots inside each group.
fn sort(slots: &mut [(i64, u32)], offsets: &[u32], threads: usize) -> Result<()> {
    let pieces = if slots.len() < PARALLEL_SLOTS { 1 } else { threads * PIECES };
    let (mut left, mut work) = (slots, Vec::with_capacity(pieces));
    for number in 0..pieces {
        let groups = piece(offsets, number, pieces);
        let bounds = &offsets[groups.start..=groups.end];
        let (mine, rest) = left.split_at_mut((bounds[bounds.len() - 1] - bounds[0]) as usize);
        left = rest;
        work.push((bounds, Mutex::new(mine)));
    }
    threads::for_each(
        threads,
        pieces,
        &RequestContext::local(),
        || (),
        |(), number| {
            let (bounds, slots) = &work[number];
            let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
            for pair in bounds.windows(2) {
                slots[(pair[0] - bounds[0]) as usize..(pair[1] - bounds[0]) as usize].sort_unstable();
            }
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array};
    use std::sync::Arc;

    fn batch(keys: Vec<Option<i64>>) -> (Vec<KeyValues>, usize) {
        let rows = keys.len();
        let array: ArrayRef = Arc::new(Int64Array::from(keys));
        (vec![KeyValues::of(&array).unwrap()], rows)
    }

    #[test]
    fn slots_are_sorted_by_time_inside_each_group() {
        let keys = [batch(vec![Some(5), Some(6), Some(5), None]), batch(vec![Some(5), Some(6)])];
        let times = [
            TimestampMicrosecondArray::from(vec![30, 10, 20, 1]),
            TimestampMicrosecondArray::from(vec![Some(30), None]),
        ];
        let groups = Groups::build(&keys, &times, 2).unwrap();
        assert_eq!(groups.offsets, [0, 3, 4]);
        assert_eq!(groups.times, [20, 30, 30, 10]);
        assert_eq!(groups.rows, [2, 0, 4, 1]);
    }

    #[test]
    fn the_slots_of_a_large_group_are_found_as_those_of_a_small_one() {
        let rows = 5_000;
        let time = |row: i64| if row < 2_000 { 7 } else { row * row };
        let keys = [batch((0..rows).map(|row| Some(row % 2)).collect())];
        let times = [TimestampMicrosecondArray::from_iter_values((0..rows).map(time))];
        let groups = Groups::build(&keys, &times, 2).unwrap();
        for group in 0..2 {
            let (start, end) = (groups.offsets[group] as usize, groups.offsets[group + 1] as usize);
            let mine = &groups.times[start..end];
            let instants = mine.iter().flat_map(|time| [time - 1, *time, time + 1]);
            for instant in instants.chain([i64::MIN, i64::MAX]) {
                let expected = start + mine.iter().filter(|time| **time < instant).count();
                assert_eq!(groups.first_from(group as u32, instant), (expected, end));
            }
        }
    }

    #[test]
    fn many_groups_are_sorted_whatever_the_threads() {
        let rows = PARALLEL_SLOTS as i64 + 7;
        let keys = [batch((0..rows).map(|row| Some(row * 31 % 1009)).collect())];
        let times = [TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| row * 17 % 4099))];
        let one = Groups::build(&keys, &times, 1).unwrap();
        assert!(one.offsets.windows(2).all(|of| one.times[of[0] as usize..of[1] as usize].is_sorted()));
        for threads in [2, 7] {
            let groups = Groups::build(&keys, &times, threads).unwrap();
            assert_eq!((groups.times, groups.rows), (one.times.clone(), one.rows.clone()));
        }
    }

    #[test]
    fn pieces_are_all_groups_in_turn() {
        let keys = [batch([1, 1, 1, 1, 1, 1, 2, 3, 3, 4].map(Some).to_vec())];
        let times = [TimestampMicrosecondArray::from_iter_values(0..10)];
        let groups = Groups::build(&keys, &times, 2).unwrap();
        assert_eq!([0, 1].map(|piece| groups.piece(piece, 2)), [0..1, 1..4]);
        for pieces in 1..20 {
            let all: Vec<_> = (0..pieces).flat_map(|piece| groups.piece(piece, pieces)).collect();
            assert_eq!(all, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn no_rows_make_no_groups() {
        let groups =
            Groups::build(&[batch(vec![None])], &[TimestampMicrosecondArray::from(vec![1])], 1).unwrap();
        assert_eq!((groups.len(), groups.offsets.as_slice()), (0, [0].as_slice()));
        assert_eq!(Groups::build(&[], &[], 1).unwrap().len(), 0);
    }

    #[test]
    fn a_group_whose_times_are_all_null_is_empty() {
        let times = [TimestampMicrosecondArray::from(vec![Some(1), None])];
        let groups = Groups::build(&[batch(vec![Some(5), Some(6)])], &times, 2).unwrap();
        assert_eq!(groups.offsets, [0, 1, 1]);
    }
}
