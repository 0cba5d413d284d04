//! Deadlines, and pauses before what DynamoDB left undone is asked for again.

use provender_core::{Error, RequestContext, Result};
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

/// The first pause; each further one may be twice as long.
const FIRST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// So many attempts in a row without any progress are enough: about a quarter of a minute.
const PATIENCE: u32 = 10;

/// Ends work with the request's deadline.
///
/// # Errors
/// `Unavailable` once the deadline has passed, and those of the work.
pub(crate) async fn within<T>(context: &RequestContext, work: impl Future<Output = Result<T>>) -> Result<T> {
    context.check()?;
    let Some(deadline) = context.deadline else { return work.await };
    match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(result) => result,
        Err(_) => Err(Error::unavailable("DynamoDB did not answer before the deadline")),
    }
}

/// Pauses between attempts, each of a random length so that those who failed together do not come back together.
#[derive(Debug)]
pub(crate) struct Backoff<'a> {
    context: &'a RequestContext,
    fruitless: u32,
}

impl<'a> Backoff<'a> {
    /// No attempt has failed yet.
    pub(crate) fn new(context: &'a RequestContext) -> Self {
        Self { context, fruitless: 0 }
    }

    /// Pauses after an attempt that left something undone; `progress` if it did something.
    ///
    /// # Errors
    /// `Unavailable` if the pause would pass the deadline, or nothing has been done for many attempts.
    pub(crate) async fn pause(&mut self, progress: bool) -> Result<()> {
        self.context.check()?;
        self.fruitless = if progress { 1 } else { self.fruitless + 1 };
        let pause = random(ceiling(self.fruitless));
        let too_late = self.context.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline);
        if too_late || self.fruitless > PATIENCE {
            return Err(Error::unavailable("DynamoDB is throttling requests")
                .with("attempts without progress", self.fruitless)
                .with("hint", "the table or the account has too little capacity for this load"));
        }
        tokio::time::sleep(pause).await;
        self.context.check()
    }
}

fn ceiling(fruitless: u32) -> Duration {
    FIRST.saturating_mul(1 << fruitless.saturating_sub(1).min(16)).min(LONGEST)
}

/// Between half of a duration and all of it.
fn random(ceiling: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) >> 11;
    ceiling.mul_f64(0.5 + 0.5 * (random as f64 / (1u64 << 53) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let ceilings: Vec<_> = (1..=9).map(|n| ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(ceiling(u32::MAX), LONGEST);
        let pauses: Vec<_> = (0..50).map(|_| random(LONGEST)).collect();
        assert!(pauses.iter().all(|p| (LONGEST / 2..=LONGEST).contains(p)));
        assert!(pauses.iter().any(|p| *p != pauses[0]));
    }
}
