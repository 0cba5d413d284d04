//! A right store keeps every rule; a store with one flaw breaks the rule that is about it.

mod brute;

use super::{ONLINE, Store};
use crate::harness::{opener, outcome};
use crate::{Outcome, Stop};
use brute::{Brute, Flaw};
use std::sync::Arc;

fn play(rule: &str, flaw: Flaw) -> Outcome {
    let rule = ONLINE.iter().find(|r| r.name == rule).unwrap_or_else(|| panic!("no rule {rule}"));
    let store: Store = Arc::new(Brute::new(flaw));
    let open = opener(move |_| std::future::ready(Some(Ok(Arc::clone(&store)))));
    outcome(rule, open).unwrap().unwrap()
}

#[test]
fn a_right_store_keeps_every_rule() {
    for flaw in [Flaw::None, Flaw::PromisesNothing] {
        for rule in ONLINE {
            let outcome = play(rule.name, flaw);
            assert!(!matches!(outcome, Err(Stop::Broken(_))), "{flaw:?}, {}: {outcome:?}", rule.name);
        }
    }
}

#[test]
fn a_wrong_store_breaks_the_rule_about_it() {
    for (flaw, rule) in [
        (Flaw::LateRowWins, "late_row_is_ignored"),
        (Flaw::LateRowWins, "late_row_of_the_same_batch_is_ignored"),
        (Flaw::LateRowWins, "concurrent_writers_end_with_the_newest"),
        (Flaw::LateRowWins, "the_summary_counts_every_row"),
        (Flaw::LateRowWins, "random_writes_match_the_model"),
        (Flaw::EqualTimesAreSkipped, "correction_is_taken"),
        (Flaw::EqualTimesAreSkipped, "of_equal_rows_the_last_stays"),
        (Flaw::EqualTimesAreSkipped, "random_writes_match_the_model"),
        (Flaw::CreatedIsForgotten, "correction_is_taken"),
        (Flaw::CreatedIsForgotten, "null_created_is_smallest"),
        (Flaw::NullsAreAbsent, "null_is_not_absence"),
        (Flaw::NullsAreNotWritten, "a_row_is_replaced_whole"),
        (Flaw::KeysAreSorted, "rows_follow_keys"),
        (Flaw::KeysAreCutShort, "keys_are_told_apart_by_every_byte"),
        (Flaw::ProjectsMix, "projects_do_not_mix"),
        (Flaw::UnknownViewsAreEmpty, "an_unknown_view_is_not_found"),
        (Flaw::UnknownViewsAreMade, "a_write_to_an_unknown_view_is_not_found"),
        (Flaw::ReconcileForgets, "reconcile_twice_is_harmless"),
        (Flaw::DropKeepsRows, "a_dropped_view_comes_back_empty"),
        (Flaw::RowsAreTorn, "readers_never_see_torn_rows"),
        (Flaw::SecondsOnly, "event_times_keep_microseconds"),
        (Flaw::SecondsOnly, "microseconds_decide"),
        (Flaw::ValuesAreText, "every_kind_of_value_comes_back_byte_for_byte"),
        (Flaw::FeaturesAreByPosition, "an_added_feature_was_never_written"),
        (Flaw::BatchesAreCut, "thousands_of_keys_are_read_at_once"),
        (Flaw::ColumnsAreNotChecked, "rows_that_do_not_fit_are_refused_whole"),
    ] {
        let outcome = play(rule, flaw);
        assert!(matches!(outcome, Err(Stop::Broken(_))), "{flaw:?} against {rule}: {outcome:?}");
    }
}

#[test]
fn rules_have_names_of_their_own() {
    let mut names: Vec<_> = ONLINE.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ONLINE.len());
}
