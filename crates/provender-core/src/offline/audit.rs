//! A closer look at what a join put together: how old the values are, and what the other choice of known rows would have changed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the ages that [`ViewAudit::ages`] tells apart, in microseconds, with their names; ages beyond the last are counted together.
pub const AGE_BOUNDS: [(i64, &str); 7] = [
    (60_000_000, "1 minute"),
    (3_600_000_000, "1 hour"),
    (6 * 3_600_000_000, "6 hours"),
    (86_400_000_000, "1 day"),
    (7 * 86_400_000_000, "7 days"),
    (30 * 86_400_000_000, "30 days"),
    (365 * 86_400_000_000, "1 year"),
];

/// What a join saw in each of its views. Filled while rows are read, complete when their stream has ended.
#[derive(Debug, Default)]
pub struct JoinAudit {
    /// One a view, in the order of the request.
    pub views: Vec<ViewAudit>,
}

/// What a join saw in one view.
#[derive(Debug, Default)]
pub struct ViewAudit {
    ages: [AtomicU64; AGE_BOUNDS.len() + 1],
    /// By feature; `None` if the source has no created column, so that both choices are one.
    changed: Option<Vec<AtomicU64>>,
}

impl ViewAudit {
    /// Nothing seen yet. `changes` is the number of features, if the cells are counted that the other choice would change.
    #[must_use]
    pub fn new(changes: Option<usize>) -> Self {
        let changed = changes.map(|features| (0..features).map(|_| AtomicU64::new(0)).collect());
        Self { ages: Default::default(), changed }
    }

    /// Counts ages in microseconds: the entity row's time minus the event time of the row that it got.
    pub fn add_ages(&self, ages: &[u64; AGE_BOUNDS.len() + 1]) {
        for (held, more) in self.ages.iter().zip(ages) {
            held.fetch_add(*more, Ordering::Relaxed);
        }
    }

    /// Counts cells of a feature that would hold another value.
    pub fn add_changed(&self, feature: usize, cells: u64) {
        if let Some(held) = self.changed.as_ref().and_then(|changed| changed.get(feature)) {
            held.fetch_add(cells, Ordering::Relaxed);
        }
    }

    /// Entity rows by the age of what they got: one count for each of [`AGE_BOUNDS`] (that age at most, and more than the one before), then the older.
    #[must_use]
    pub fn ages(&self) -> [u64; AGE_BOUNDS.len() + 1] {
        std::array::from_fn(|i| self.ages[i].load(Ordering::Relaxed))
    }

    /// By feature: cells that would hold another value under the other [`super::KnownAt`]; `None` without a created column.
    #[must_use]
    pub fn changed(&self) -> Option<Vec<u64>> {
        Some(self.changed.as_ref()?.iter().map(|cells| cells.load(Ordering::Relaxed)).collect())
    }
}

/// The place of an age among [`ViewAudit::ages`].
#[must_use]
pub fn age_bucket(age: i64) -> usize {
    AGE_BOUNDS.partition_point(|(bound, _)| *bound < age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_fall_under_their_bound() {
        assert_eq!([0, 60_000_000, 60_000_001, i64::MAX].map(age_bucket), [0, 0, 1, 7]);
        let audit = ViewAudit::new(Some(2));
        audit.add_changed(1, 3);
        audit.add_changed(9, 1);
        assert_eq!((audit.changed(), ViewAudit::new(None).changed()), (Some(vec![0, 3]), None));
    }
}
