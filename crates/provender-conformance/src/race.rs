//! Writers and readers that go on until they have met: no rule depends on how fast either is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rounds that every writer does, whoever reads.
const FEWEST_ROUNDS: usize = 20;
/// Rounds after which a writer stops though somebody still reads.
const MOST_ROUNDS: usize = 3_000;
/// Different states that a reader must have seen before it stops, if writers do not stop first.
const ENOUGH_STATES: usize = 12;

/// How many writers and readers are still at it.
#[derive(Debug, Default)]
pub(crate) struct Race {
    writers: AtomicUsize,
    readers: AtomicUsize,
}

/// Takes part until it is dropped, however its task ends.
pub(crate) struct Runner(Arc<Race>, fn(&Race) -> &AtomicUsize);

impl Race {
    pub(crate) fn writer(self: &Arc<Self>) -> Runner {
        self.join(|race| &race.writers)
    }

    pub(crate) fn reader(self: &Arc<Self>) -> Runner {
        self.join(|race| &race.readers)
    }

    fn join(self: &Arc<Self>, side: fn(&Self) -> &AtomicUsize) -> Runner {
        side(self).fetch_add(1, Ordering::SeqCst);
        Runner(Arc::clone(self), side)
    }
}

impl Runner {
    /// Whether a writer does one more round.
    pub(crate) async fn writes_on(&self, round: usize) -> bool {
        tokio::task::yield_now().await;
        let is_read = self.0.readers.load(Ordering::SeqCst) > 0;
        round < FEWEST_ROUNDS || (is_read && round < MOST_ROUNDS)
    }

    /// Whether a reader that has seen so many states looks once more.
    pub(crate) async fn reads_on(&self, states: usize) -> bool {
        tokio::task::yield_now().await;
        states < ENOUGH_STATES && self.0.writers.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.1(&self.0).fetch_sub(1, Ordering::SeqCst);
    }
}
