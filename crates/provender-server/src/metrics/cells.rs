//! Counters and histograms that many threads add to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many observations fell below each of some bounds, and their sum.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
    /// Parts of one in which the sum is kept: billionths of a second are told apart, and counts do not overflow.
    parts: f64,
}

impl Histogram {
    /// With these upper bounds, ascending; what is above all of them is counted too.
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let parts = if bounds.first().is_some_and(|bound| *bound < 1.0) { 1e9 } else { 1e3 };
        Self { bounds, counts, sum: AtomicU64::new(0), parts }
    }

    pub(super) fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((value * self.parts) as u64, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum.load(Ordering::Relaxed) as f64 / self.parts
    }

    /// Each bound with the number of observations up to it; the last has no bound and counts all.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter()).scan(0, |total, (bound, count)| {
            *total += count.load(Ordering::Relaxed);
            Some((bound, *total))
        })
    }
}

/// One counter or histogram for each combination of labels; for what is not counted with every request.
#[derive(Debug)]
pub(super) struct Family<T>(RwLock<BTreeMap<Vec<String>, Arc<T>>>);

impl<T> Default for Family<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Family<T> {
    pub(super) fn at(&self, labels: &[&str], new: impl FnOnce() -> T) -> Arc<T> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let mut cells = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(labels).or_insert_with(|| Arc::new(new())))
    }

    pub(super) fn each(&self, mut f: impl FnMut(&[String], &T)) {
        for (labels, cell) in &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            f(labels, cell);
        }
    }
}
