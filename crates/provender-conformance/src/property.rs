//! Random cases with a seed that is shown, and failures shrunk to a small one.

use crate::outcome::{Outcome, Stop};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fmt::Debug;

/// Tests of this crate play rules against a score of wrong stores, which show themselves soon.
const DEFAULT_CASES: u32 = if cfg!(test) { 500 } else { 10_000 };

/// How many random cases a rule plays: `PROVENDER_CASES`, else 10,000.
pub(crate) fn cases() -> u32 {
    std::env::var("PROVENDER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_CASES)
}

/// Enough for a handful of rows, and a minute or two where a step takes a hundred milliseconds.
const SHRINK_STEPS: u32 = 1_000;

/// Plays `rounds` values of a strategy until one breaks the rule, and then looks for a smaller one that breaks it.
///
/// The seed is `PROVENDER_SEED`, else a new one; it is printed either way.
pub(crate) fn check<S: Strategy>(
    what: &str,
    rounds: u32,
    strategy: &S,
    play: impl Fn(S::Value) -> Outcome,
) -> Outcome
where
    S::Value: Debug,
{
    let seed = seed();
    announce(&format!("{what}, seed {seed}"));
    let config = Config {
        cases: rounds,
        failure_persistence: None,
        max_shrink_iters: SHRINK_STEPS,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng(seed));
    let result = runner.run(strategy, |value| match play(value) {
        Ok(()) => Ok(()),
        Err(Stop::Broken(message)) => Err(TestCaseError::fail(message)),
        Err(Stop::Ignored(reason)) => Err(TestCaseError::reject(reason)),
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Abort(reason)) => Err(Stop::broken(format_args!("{what}: {reason}"))),
        Err(TestError::Fail(reason, _)) => {
            Err(Stop::Broken(format!("PROVENDER_SEED={seed} repeats this failure\n{reason}")))
        }
    }
}

fn seed() -> u64 {
    let chosen = std::env::var("PROVENDER_SEED").ok().and_then(|text| text.parse().ok());
    // The tests of this crate say that wrong stores are caught; luck must not decide that.
    let chosen = if cfg!(test) { chosen.or(Some(1)) } else { chosen };
    chosen.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 & 0xffff_ffff)
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

#[expect(clippy::print_stderr, reason = "a test binary talks to whoever runs it")]
fn announce(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_failure_is_shrunk_and_names_its_seed() {
        let stop = check("numbers", 500, &(0..10_000u32), |n| {
            if n < 700 { Ok(()) } else { Err(Stop::broken(format_args!("{n} is too much"))) }
        });
        let Err(Stop::Broken(message)) = stop else { panic!("{stop:?}") };
        assert!(message.contains("PROVENDER_SEED=") && message.contains("700 is too much"), "{message}");
    }

    #[test]
    fn the_same_seed_gives_the_same_values() {
        let draw = |seed| {
            let seen = RefCell::new(Vec::new());
            let config = Config { cases: 20, failure_persistence: None, ..Config::default() };
            let mut runner = TestRunner::new_with_rng(config, rng(seed));
            runner
                .run(&(0..u64::MAX), |n| {
                    seen.borrow_mut().push(n);
                    Ok(())
                })
                .unwrap();
            seen.into_inner()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
