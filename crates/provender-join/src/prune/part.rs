//! What is read of a unit: all of it, or some ranges of its rows.

use crate::source::Source;
use std::ops::Range;

/// A share of the rows below which the rest of a unit is skipped; to skip less costs more than it saves.
const WORTH_SKIPPING: f64 = 0.9;

/// A unit, or what is left of it after its pages were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) unit: usize,
    /// Rows of the unit.
    total: u32,
    /// Rows to read, ascending and apart; `None` for all.
    ranges: Option<Vec<Range<u32>>>,
    /// Whether the other rows must not be read, for they are deleted, and not only need not be.
    exact: bool,
}

impl Part {
    /// A whole unit, but for the rows of it that a table has deleted.
    pub(crate) fn whole(unit: usize, source: &Source) -> Self {
        let whole = Self::of(unit, u32::try_from(source.units()[unit].rows).unwrap_or(u32::MAX));
        match source.live_rows(unit) {
            Some(live) => Self { ranges: Some(live.to_vec()), exact: true, ..whole },
            None => whole,
        }
    }

    /// A whole unit of so many rows.
    pub(super) fn of(unit: usize, total: u32) -> Self {
        Self { unit, total, ranges: None, exact: false }
    }

    /// Drops the rows outside of some ascending ranges.
    pub(crate) fn cut(&mut self, ranges: &[Range<u32>]) {
        let held = self.ranges.take().unwrap_or_else(|| std::iter::once(0..self.total).collect());
        self.ranges = Some(intersect(&held, ranges));
    }

    /// Number of rows to read.
    pub(crate) fn rows(&self) -> u64 {
        match &self.ranges {
            Some(ranges) => ranges.iter().map(|range| u64::from(range.end - range.start)).sum(),
            None => u64::from(self.total),
        }
    }

    /// The rows to read; `None` if they are all, or nearly all and the others do no harm.
    pub(crate) fn selection(&self) -> Option<&[Range<u32>]> {
        let few = self.rows() as f64 <= f64::from(self.total) * WORTH_SKIPPING;
        self.ranges.as_deref().filter(|_| few || self.exact)
    }

    /// Tells the numbers of the rows as they are read.
    pub(crate) fn numbers(&self) -> Numbers<'_> {
        match self.selection() {
            Some(ranges) => {
                Numbers { ranges, at: ranges.first().map_or(0, |range| range.start), whole: false }
            }
            None => Numbers { ranges: &[], at: 0, whole: true },
        }
    }
}

/// The rows that two lists of ascending ranges share.
pub(super) fn intersect(a: &[Range<u32>], b: &[Range<u32>]) -> Vec<Range<u32>> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut shared: Vec<Range<u32>> = Vec::new();
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        let (start, end) = (x.start.max(y.start), x.end.min(y.end));
        if start < end {
            match shared.last_mut().filter(|last| last.end == start) {
                Some(last) => last.end = end,
                None => shared.push(start..end),
            }
        }
        if x.end <= y.end {
            a.next();
        } else {
            b.next();
        }
    }
    shared
}

/// Numbers in the unit of the rows that are read.
#[derive(Debug)]
pub(crate) struct Numbers<'a> {
    /// What is left; of the first range, from `at` on.
    ranges: &'a [Range<u32>],
    at: u32,
    whole: bool,
}

impl Numbers<'_> {
    /// The next `rows` rows: ranges of them whose numbers follow each other, each with the number of its first row.
    pub(crate) fn next(&mut self, rows: usize) -> Vec<(Range<usize>, u32)> {
        if self.whole {
            let first = self.at;
            self.at += rows as u32;
            return vec![(0..rows, first)];
        }
        let mut parts = Vec::new();
        let mut done = 0;
        while let Some(range) = self.ranges.first().filter(|_| done < rows) {
            let count = (rows - done).min((range.end - self.at) as usize);
            parts.push((done..done + count, self.at));
            done += count;
            self.at += count as u32;
            if self.at == range.end {
                self.ranges = &self.ranges[1..];
                self.at = self.ranges.first().map_or(0, |range| range.start);
            }
        }
        parts
    }
}
