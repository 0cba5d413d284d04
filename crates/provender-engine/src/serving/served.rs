//! What was served of each view since the process began.

use super::Status;
use provender_core::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What was served of a view since the process began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedView {
    /// Name of the view, not an alias.
    pub view: String,
    /// Number of values of each status, in the order of [`Status::ALL`].
    pub statuses: [u64; Status::ALL.len()],
    /// Event time of the newest row.
    pub newest: Option<Timestamp>,
}

/// Counters of all views that were ever asked for; there are no more than the registry has had.
#[derive(Debug, Default)]
pub(crate) struct ServedViews(Mutex<BTreeMap<String, Arc<ViewCounters>>>);

/// The counters of one view.
#[derive(Debug)]
pub(crate) struct ViewCounters {
    statuses: [AtomicU64; Status::ALL.len()],
    newest: AtomicI64,
}

/// What one answer holds of a view.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// By number of the status; 0 is none.
    statuses: [u64; Status::ALL.len() + 1],
}

impl ServedViews {
    /// The counters of a view, the same for every plan.
    pub(super) fn view(&self, name: &str) -> Arc<ViewCounters> {
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = views.get(name) {
            return Arc::clone(known);
        }
        let counters =
            Arc::new(ViewCounters { statuses: Default::default(), newest: AtomicI64::new(i64::MIN) });
        views.insert(name.to_owned(), Arc::clone(&counters));
        counters
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<ServedView> {
        let views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let served = views.iter().map(|(view, counters)| ServedView {
            view: view.clone(),
            statuses: std::array::from_fn(|i| counters.statuses[i].load(Ordering::Relaxed)),
            newest: Some(counters.newest.load(Ordering::Relaxed)).filter(|t| *t != i64::MIN).map(Timestamp),
        });
        served.collect()
    }
}

impl ViewCounters {
    pub(super) fn add(&self, tally: &Tally, newest: Option<Timestamp>) {
        for (counter, count) in self.statuses.iter().zip(&tally.statuses[1..]) {
            if *count > 0 {
                counter.fetch_add(*count, Ordering::Relaxed);
            }
        }
        if let Some(time) = newest
            && time.0 > self.newest.load(Ordering::Relaxed)
        {
            self.newest.fetch_max(time.0, Ordering::Relaxed);
        }
    }
}

impl Tally {
    #[inline]
    pub(super) fn count(&mut self, status: Status) {
        self.statuses[status as usize] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, more) in self.statuses.iter_mut().zip(other.statuses) {
            *mine += more;
        }
    }
}
