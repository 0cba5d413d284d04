//! Work shared out to plain threads: units are claimed one by one, the first error stops everybody.

use provender_core::{Error, RequestContext, Result};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// As many threads as the machine runs at once.
pub(crate) fn available() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Calls `work` for every index below `count`, on up to `threads` threads, each with a state of its own from `start`.
///
/// # Errors
/// The first error of `work`, or that of the context when it was cancelled meanwhile.
pub(crate) fn for_each<S>(
    threads: usize,
    count: usize,
    context: &RequestContext,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let worker = || {
        let mut state = start();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            if let Err(error) = context.check().and_then(|()| work(&mut state, index)) {
                stop.store(true, Ordering::Relaxed);
                keep_first(&failure, error);
                return;
            }
        }
    };
    let threads = threads.min(count);
    if threads <= 1 {
        worker();
    } else {
        let panicked = thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            handles.into_iter().filter_map(|handle| handle.join().err()).count() > 0
        });
        if panicked {
            keep_first(&failure, Error::internal("a worker thread panicked"));
        }
    }
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn keep_first(failure: &Mutex<Option<Error>>, error: Error) {
    failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn every_unit_is_worked_once() {
        for threads in [1, 3, 64] {
            let sum = AtomicU64::new(0);
            let add = |_: &mut (), i: usize| {
                sum.fetch_add(i as u64, Ordering::Relaxed);
                Ok(())
            };
            for_each(threads, 100, &RequestContext::local(), || (), add).unwrap();
            assert_eq!(sum.into_inner(), 4950);
        }
    }

    #[test]
    fn errors_and_panics_come_back_as_errors() {
        let context = RequestContext::local();
        let fail = |_: &mut (), i: usize| if i == 7 { Err(Error::invalid("seven")) } else { Ok(()) };
        assert_eq!(for_each(2, 100, &context, || (), fail).unwrap_err().message(), "seven");
        let panics = |_: &mut (), _: usize| panic!("damaged");
        assert!(for_each(2, 100, &context, || (), panics).unwrap_err().message().contains("panicked"));
        context.cancel.cancel();
        assert_eq!(for_each(2, 1, &context, || (), |_, _| Ok(())).unwrap_err().message(), "interrupted");
    }
}
