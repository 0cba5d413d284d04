//! The rules are worth what they catch: a right store keeps them all, a store with one flaw breaks the rule that is about it.

mod brute;

use super::OFFLINE;
use crate::harness::{opener, outcome};
use crate::{OfflineHarness, Outcome, Stop};
use brute::{Flaw, harness};

fn play(rule: &str, make: impl Fn() -> OfflineHarness + Clone + Send + Sync + 'static) -> Outcome {
    let rule = OFFLINE.iter().find(|r| r.name == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    let open = opener(move |_| {
        let harness = make();
        async move { Some(Ok(harness)) }
    });
    outcome(rule, open).unwrap().unwrap()
}

#[test]
fn a_right_store_keeps_every_rule() {
    for rule in OFFLINE {
        match play(rule.name, || harness(Flaw::None)) {
            Ok(()) => {}
            Err(Stop::Ignored(reason)) => assert!(rule.name.ends_with("_refused"), "{}: {reason}", rule.name),
            Err(stop) => panic!("{}: {stop:?}", rule.name),
        }
    }
}

#[test]
fn a_wrong_store_breaks_the_rule_about_it() {
    for (flaw, rule) in [
        (Flaw::TieTakesTheFirst, "the_later_row_wins_equal_times"),
        (Flaw::TieTakesTheFirst, "the_later_row_wins_without_created_times"),
        (Flaw::FilesAreMisordered, "the_later_file_wins_equal_times"),
        (Flaw::NullCreatedIsLargest, "null_created_is_smallest"),
        (Flaw::CreatedBeatsEvent, "a_late_row_never_beats_a_newer_event"),
        (Flaw::TtlIsExclusive, "ttl_is_inclusive"),
        (Flaw::TtlIsIgnored, "a_row_one_microsecond_past_the_ttl_is_expired"),
        (Flaw::SecondsOnly, "a_row_one_microsecond_past_the_ttl_is_expired"),
        (Flaw::SecondsOnly, "a_row_one_microsecond_later_is_not_used"),
        (Flaw::TimeIsExclusive, "newest_row_at_or_before_the_time_wins"),
        (Flaw::FutureIsUsed, "a_row_one_microsecond_later_is_not_used"),
        (Flaw::NullKeysMatch, "null_keys_match_nothing"),
        (Flaw::NullKeysMatch, "a_composite_key_with_a_null_matches_nothing"),
        (Flaw::NullTimesAreUsed, "null_event_times_are_never_used"),
        (Flaw::NullValuesAreSkipped, "a_null_in_the_winner_stays_null"),
        (Flaw::UnmatchedRowsAreLost, "every_row_in_order"),
        (Flaw::DuplicatesCollapse, "every_row_in_order"),
        (Flaw::LeaksAreNotCounted, "leaks_are_counted"),
        (Flaw::ExpiredIsNotTold, "every_entity_row_is_counted_once"),
        (Flaw::TieTakesTheFirst, "recorded_joins_are_answered_as_feast_did"),
        (Flaw::KnownAtIsIgnored, "rows_created_later_are_not_known"),
        (Flaw::WindowIsHalfOpen, "latest_window_is_inclusive"),
        (Flaw::NullKeysAreScanned, "latest_leaves_out_and_counts_null_keys"),
        (Flaw::AppendIsClaimed, "appended_rows_are_read_back"),
        (Flaw::IntegerWidthsDiffer, "integers_of_any_width_match"),
    ] {
        let outcome = play(rule, move || harness(flaw));
        assert!(matches!(outcome, Err(Stop::Broken(_))), "{flaw:?} against {rule}: {outcome:?}");
    }
}

#[test]
fn random_data_finds_every_flaw_of_a_join() {
    for flaw in [
        Flaw::TieTakesTheFirst,
        Flaw::FilesAreMisordered,
        Flaw::NullCreatedIsLargest,
        Flaw::CreatedBeatsEvent,
        Flaw::TtlIsExclusive,
        Flaw::TimeIsExclusive,
        Flaw::FutureIsUsed,
        Flaw::NullKeysMatch,
        Flaw::NullTimesAreUsed,
        Flaw::NullValuesAreSkipped,
        Flaw::UnmatchedRowsAreLost,
        Flaw::DuplicatesCollapse,
        Flaw::LeaksAreNotCounted,
        Flaw::KnownAtIsIgnored,
        Flaw::IntegerWidthsDiffer,
        Flaw::SecondsOnly,
    ] {
        let outcome = play("matches_the_oracle", move || harness(flaw));
        assert!(matches!(outcome, Err(Stop::Broken(_))), "{flaw:?}: {outcome:?}");
    }
    for flaw in [Flaw::WindowIsHalfOpen, Flaw::NullKeysAreScanned, Flaw::FilesAreMisordered] {
        let outcome = play("latest_matches_the_oracle", move || harness(flaw));
        assert!(matches!(outcome, Err(Stop::Broken(_))), "{flaw:?}: {outcome:?}");
    }
}

#[test]
fn rules_have_names_of_their_own() {
    let mut names: Vec<_> = OFFLINE.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), OFFLINE.len());
}
