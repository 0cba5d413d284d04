//! Rules of the offline store: the point-in-time join, scans of a window, and appending.

mod append;
mod bed;
mod join;
mod keys;
mod known;
mod nulls;
mod random;
mod recorded;
mod refusals;
mod report;
mod scan;
mod ties;
mod times;

use crate::harness::{self, Need, Rule, rule};
use arrow_array::RecordBatch;
use arrow_schema::DataType;
use futures::future::LocalBoxFuture;
use provender_core::model::DataSource;
use provender_core::{OfflineStore, OpenContext, Result};
use std::fmt::Debug;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

/// Fills an offline store with the rows of a table.
pub type Loader =
    Arc<dyn Fn(String, Vec<RecordBatch>) -> LocalBoxFuture<'static, Result<DataSource>> + Send + Sync>;

/// An offline store and a way to give it data.
#[derive(Clone)]
pub struct OfflineHarness {
    /// The store.
    pub store: Arc<dyn OfflineStore>,
    load: Loader,
    holds: fn(&DataType) -> bool,
    ordered: bool,
    share: u32,
}

impl OfflineHarness {
    /// A store and the function that loads a table of a name (a plain word, never used twice) into it and answers where it is.
    ///
    /// Rows come as at least one batch. All batches have one schema; each is a file of its own, to be read in their order, where the store has files. If the store can
    /// append, it must be able to append to the source.
    pub fn new<F, R>(store: Arc<dyn OfflineStore>, load: F) -> Self
    where
        F: Fn(String, Vec<RecordBatch>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<DataSource>> + 'static,
    {
        let load: Loader = Arc::new(move |name, files| Box::pin(load(name, files)));
        Self { store, load, holds: |_| true, ordered: true, share: 1 }
    }

    /// Says which Arrow types a table can have here; data of other types is not tried. Without it: all.
    #[must_use]
    pub fn holding(mut self, holds: fn(&DataType) -> bool) -> Self {
        self.holds = holds;
        self
    }

    /// Says that rows of a table have no order, as in a warehouse: which of two rows with equal times wins is not tested.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Says that every request goes over a network, so that of the random cases only one in `share` is played.
    #[must_use]
    pub fn slow(mut self, share: u32) -> Self {
        self.share = share.max(1);
        self
    }
}

impl Debug for OfflineHarness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfflineHarness")
            .field("store", &self.store)
            .field("ordered", &self.ordered)
            .finish_non_exhaustive()
    }
}

/// Runs every rule of the offline store, each against a fresh store from `open`; `None` means that the backend is not configured on this machine.
pub fn offline<F, R>(backend: &'static str, open: F) -> ExitCode
where
    F: Fn(OpenContext) -> R + Send + Sync + 'static,
    R: Future<Output = Option<Result<OfflineHarness>>> + 'static,
{
    harness::run(backend, OFFLINE, &harness::opener(open))
}

const ORDERED: Need<OfflineHarness> =
    Need { met: |harness| harness.ordered, otherwise: "rows of this store have no order" };
const APPENDS: Need<OfflineHarness> =
    Need { met: |harness| harness.store.capabilities().append, otherwise: "this store does not append" };
const NO_APPEND: Need<OfflineHarness> =
    Need { met: |harness| !harness.store.capabilities().append, otherwise: "this store appends" };
const KNOWN_AT: Need<OfflineHarness> =
    Need { met: |harness| harness.store.capabilities().known_at, otherwise: "this store has no known_at" };
const NO_KNOWN_AT: Need<OfflineHarness> =
    Need { met: |harness| !harness.store.capabilities().known_at, otherwise: "this store has known_at" };

/// The rules of the offline store.
pub static OFFLINE: &[Rule<OfflineHarness>] = &[
    rule!(join::every_row_in_order),
    rule!(join::newest_row_at_or_before_the_time_wins),
    rule!(join::a_row_one_microsecond_later_is_not_used),
    rule!(join::ttl_is_inclusive),
    rule!(join::a_row_one_microsecond_past_the_ttl_is_expired),
    rule!(join::without_a_ttl_rows_live_for_ever),
    rule!(join::a_huge_ttl_is_no_overflow),
    rule!(join::spine_may_come_in_many_batches),
    rule!(join::empty_spine_gives_no_rows),
    rule!(join::empty_source_gives_nulls),
    rule!(join::extra_columns_change_nothing),
    rule!(join::features_come_in_the_order_asked),
    rule!(join::values_keep_the_type_of_the_source),
    rule!(join::several_views_stand_side_by_side),
    rule!(join::one_view_may_come_under_two_names),
    rule!(join::many_keys_and_rows),
    rule!(join::a_memory_limit_changes_no_answer),
    rule!(keys::keys_of_text_match),
    rule!(keys::text_of_any_layout_matches),
    rule!(keys::integers_of_any_width_match),
    rule!(keys::an_unsigned_key_is_not_a_negative_one),
    rule!(keys::keys_of_bytes_match),
    rule!(keys::keys_of_time_match_as_instants),
    rule!(keys::composite_keys_match_as_a_whole),
    rule!(keys::parts_of_a_composite_key_do_not_run_together),
    rule!(keys::a_view_without_entity_joins_on_time_alone),
    rule!(keys::key_columns_are_named_by_the_request),
    rule!(ties::created_breaks_ties),
    rule!(ties::null_created_is_smallest),
    rule!(ties::a_late_row_never_beats_a_newer_event),
    rule!(ties::the_later_row_wins_equal_times, ORDERED),
    rule!(ties::the_later_row_wins_without_created_times, ORDERED),
    rule!(ties::the_later_file_wins_equal_times, ORDERED),
    rule!(nulls::null_keys_match_nothing),
    rule!(nulls::a_composite_key_with_a_null_matches_nothing),
    rule!(nulls::null_event_times_are_never_used),
    rule!(nulls::a_null_in_the_winner_stays_null),
    rule!(nulls::a_null_time_of_an_entity_row_finds_nothing),
    rule!(times::sources_may_have_any_unit_and_zone),
    rule!(times::spines_may_have_any_unit_and_zone),
    rule!(times::dates_are_their_first_instant),
    rule!(times::times_before_1970_are_ordinary),
    rule!(times::created_times_may_have_another_unit),
    rule!(times::a_time_beyond_the_calendar_is_in_the_future),
    rule!(known::rows_created_later_are_not_known, KNOWN_AT),
    rule!(known::a_null_created_time_counts_as_known, KNOWN_AT),
    rule!(known::the_ttl_is_of_the_event_time, KNOWN_AT),
    rule!(known::known_at_is_refused, NO_KNOWN_AT),
    rule!(report::every_entity_row_is_counted_once),
    rule!(report::leaks_are_counted),
    rule!(report::explain_names_every_view),
    rule!(scan::latest_is_one_row_a_key),
    rule!(scan::latest_window_is_inclusive),
    rule!(scan::latest_breaks_ties_by_created),
    rule!(scan::latest_takes_the_later_of_equal_rows, ORDERED),
    rule!(scan::latest_leaves_out_and_counts_null_keys),
    rule!(scan::latest_of_a_view_without_entity_is_one_row),
    rule!(scan::latest_keeps_nulls_of_the_newest_row),
    rule!(scan::range_is_every_row_of_the_window),
    rule!(scan::scans_have_the_columns_of_the_request),
    rule!(scan::scans_of_nothing_are_empty),
    rule!(append::appended_rows_are_read_back, APPENDS),
    rule!(append::an_appended_row_is_the_later_one, APPENDS, ORDERED),
    rule!(append::columns_may_come_in_any_order, APPENDS),
    rule!(append::rows_that_do_not_fit_are_refused_whole, APPENDS),
    rule!(append::append_is_refused, NO_APPEND),
    rule!(refusals::schema_is_that_of_the_source),
    rule!(refusals::a_missing_column_is_named),
    rule!(refusals::a_missing_spine_column_is_named),
    rule!(refusals::an_event_column_that_is_no_time_is_named),
    rule!(refusals::an_unknown_source_is_not_found),
    rule!(refusals::foreign_sources_are_not_read),
    rule!(recorded::recorded_joins_are_answered_as_feast_did),
    rule!(random::matches_the_oracle),
    rule!(random::latest_matches_the_oracle),
    rule!(random::range_matches_the_oracle),
];

#[cfg(test)]
mod tests;
