//! Where in a large group the slots of each short stretch of time begin: a slot is then found without a search through all of them, so that a group of a
//! million slots costs no more than one of ten.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::ops::Range;

/// Slots of a group that are searched as they are.
pub(super) const FEW: usize = 64;

/// The marks of groups with more than [`FEW`] slots.
#[derive(Debug, Default)]
pub(super) struct Marks {
    groups: HashMap<u32, Stretches, FixedState>,
}

/// A group's time, cut into stretches of one length: about as many as it has slots.
#[derive(Debug)]
struct Stretches {
    first: i64,
    last: i64,
    /// A stretch is as long as this power of two.
    shift: u32,
    /// The slots of stretch `i`, from the group's first: `begins[i]..begins[i + 1]`.
    begins: Vec<u32>,
}

impl Marks {
    /// Marks the large ones among groups with these bounds.
    pub(super) fn of(offsets: &[u32], times: &[i64]) -> Self {
        let bounds = offsets.windows(2).map(|pair| pair[0] as usize..pair[1] as usize).enumerate();
        let large = bounds.filter(|(_, slots)| slots.len() > FEW);
        let groups = large.map(|(group, slots)| (group as u32, Stretches::of(&times[slots])));
        Self { groups: groups.collect() }
    }

    /// Slots of a group, from its first, that hold the first one from an instant on, or end where it is; `None` if the group has no marks.
    #[inline]
    pub(super) fn around(&self, group: u32, instant: i64) -> Option<Range<usize>> {
        self.groups.get(&group).map(|stretches| stretches.around(instant))
    }
}

impl Stretches {
    /// Of ascending times.
    fn of(times: &[i64]) -> Self {
        let (first, last) = (times[0], times[times.len() - 1]);
        let width = last.abs_diff(first);
        let shift = (width / times.len() as u64).checked_ilog2().map_or(0, |log| log + 1);
        let count = (width >> shift) as usize + 1;
        let mut begins = Vec::with_capacity(count + 1);
        for (slot, time) in times.iter().enumerate() {
            let stretch = (time.abs_diff(first) >> shift) as usize;
            begins.resize(begins.len().max(stretch + 1), slot as u32);
        }
        begins.push(times.len() as u32);
        Self { first, last, shift, begins }
    }

    #[inline]
    fn around(&self, instant: i64) -> Range<usize> {
        if instant <= self.first {
            return 0..0;
        }
        if instant > self.last {
            let end = self.begins[self.begins.len() - 1] as usize;
            return end..end;
        }
        let stretch = (instant.abs_diff(self.first) >> self.shift) as usize;
        self.begins[stretch] as usize..self.begins[stretch + 1] as usize
    }
}
