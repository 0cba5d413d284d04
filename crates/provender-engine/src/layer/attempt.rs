//! One call of a store: bounded by the deadline, repeated while the store is unavailable.

use provender_core::{Error, Kind, RequestContext, Result};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout_at};

/// Tries in all.
const ATTEMPTS: u32 = 3;
/// Longest wait before the second try; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Ends a call at the deadline of its request.
///
/// # Errors
/// `Unavailable` when the deadline passes first.
pub(super) async fn within<T>(context: &RequestContext, call: impl Future<Output = Result<T>>) -> Result<T> {
    match context.deadline {
        None => call.await,
        Some(deadline) => timeout_at(deadline.into(), call)
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("the deadline has passed"))),
    }
}

/// Repeats a call that may be repeated while it says `Unavailable`, with growing pauses of random length so that many callers do not come back at once.
/// It gives up early when the request was cancelled or the pause would reach past its deadline.
///
/// # Errors
/// The last error of the call.
pub(super) async fn retried<T, F>(
    name: &'static str,
    context: Option<&RequestContext>,
    mut call: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut attempt = 1;
    loop {
        let error = match call().await {
            Err(error) if error.kind() == Kind::Unavailable && attempt < ATTEMPTS => error,
            answer => return answer,
        };
        let wait = jittered(FIRST_WAIT * 2_u32.pow(attempt - 1));
        if context.is_some_and(|context| !leaves_time(context, wait)) {
            return Err(error);
        }
        tracing::warn!(call = name, attempt, error = %error.report(), "store unavailable, trying again");
        sleep(wait).await;
        attempt += 1;
    }
}

fn leaves_time(context: &RequestContext, wait: Duration) -> bool {
    let ends_later = |deadline: Instant| Instant::now() + wait < deadline;
    !context.cancel.is_cancelled() && context.deadline.is_none_or(ends_later)
}

/// Between half of a pause and all of it.
fn jittered(wait: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() as u32;
    wait.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}
