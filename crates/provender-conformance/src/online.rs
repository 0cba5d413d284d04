//! Rules of the online store: reading, writing, which row stays, views that come and go, and doing all of it at once.

mod bed;
mod concurrent;
mod infra;
mod order;
mod random;
mod read;
mod values;
mod write;

use crate::harness::{self, Need, Rule, rule};
use provender_core::{OnlineStore, OpenContext, Result};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

type Store = Arc<dyn OnlineStore>;

/// Runs every rule of the online store, each against a fresh store from `open`; `None` means that the backend is not configured on this machine.
///
/// Each rule has a project name and an empty folder of its own. Opening the same context again must open the same data.
pub fn online<F, R>(backend: &'static str, open: F) -> ExitCode
where
    F: Fn(OpenContext) -> R + Send + Sync + 'static,
    R: Future<Output = Option<Result<Arc<dyn OnlineStore>>>> + 'static,
{
    harness::run(backend, ONLINE, &harness::opener(open))
}

const NEWEST_WINS: Need<Store> =
    Need { met: |store| store.capabilities().newest_wins, otherwise: "in this store the last write wins" };
const LAST_WINS: Need<Store> =
    Need { met: |store| !store.capabilities().newest_wins, otherwise: "in this store the newest row wins" };
const KEEPS_CREATED: Need<Store> =
    Need { met: |store| store.capabilities().keeps_created, otherwise: "this store keeps no created time" };
const MICROSECONDS: Need<Store> =
    Need { met: |store| store.capabilities().microseconds, otherwise: "this store keeps whole seconds" };
const SECONDS: Need<Store> =
    Need { met: |store| !store.capabilities().microseconds, otherwise: "this store keeps microseconds" };
const KNOWS_VIEWS: Need<Store> = Need {
    met: |store| store.capabilities().knows_views,
    otherwise: "this store does not know which views were set up",
};

/// The rules of the online store.
pub static ONLINE: &[Rule<Store>] = &[
    rule!(read::rows_follow_keys),
    rule!(read::missing_key_is_absent),
    rule!(read::null_is_not_absence),
    rule!(read::features_follow_the_request),
    rule!(read::many_views_are_read_at_once),
    rule!(read::views_may_share_keys),
    rule!(read::one_view_may_be_read_twice),
    rule!(read::nothing_asked_is_nothing_answered),
    rule!(read::thousands_of_keys_are_read_at_once),
    rule!(read::keys_are_told_apart_by_every_byte),
    rule!(read::a_view_without_entity_has_one_row),
    rule!(read::an_unknown_view_is_not_found, KNOWS_VIEWS),
    rule!(write::a_row_is_replaced_whole),
    rule!(write::rewrite_is_idempotent),
    rule!(write::an_empty_batch_writes_nothing),
    rule!(write::rows_that_do_not_fit_are_refused_whole),
    rule!(write::a_write_to_an_unknown_view_is_not_found, KNOWS_VIEWS),
    rule!(write::the_summary_counts_every_row, NEWEST_WINS),
    rule!(write::views_do_not_mix),
    rule!(write::projects_do_not_mix),
    rule!(write::what_is_written_stays_when_the_store_is_opened_again),
    rule!(values::every_kind_of_value_comes_back_byte_for_byte),
    rule!(values::large_values_come_back),
    rule!(values::event_times_keep_microseconds, MICROSECONDS),
    rule!(values::event_times_are_rounded_down_to_seconds, SECONDS),
    rule!(order::newer_row_replaces),
    rule!(order::late_row_is_ignored, NEWEST_WINS),
    rule!(order::late_row_of_the_same_batch_is_ignored, NEWEST_WINS),
    rule!(order::correction_is_taken, NEWEST_WINS, KEEPS_CREATED),
    rule!(order::null_created_is_smallest, NEWEST_WINS, KEEPS_CREATED),
    rule!(order::of_equal_rows_the_last_stays, NEWEST_WINS, KEEPS_CREATED),
    rule!(order::microseconds_decide, NEWEST_WINS, MICROSECONDS),
    rule!(order::last_write_wins, LAST_WINS),
    rule!(infra::reconcile_twice_is_harmless),
    rule!(infra::a_dropped_view_is_not_found, KNOWS_VIEWS),
    rule!(infra::a_dropped_view_comes_back_empty),
    rule!(infra::dropping_leaves_other_views_alone),
    rule!(infra::dropping_what_is_not_there_is_harmless),
    rule!(infra::an_added_feature_was_never_written),
    rule!(infra::a_removed_feature_leaves_the_others),
    rule!(infra::odd_names_work_or_are_refused),
    rule!(infra::description_names_the_view),
    rule!(concurrent::readers_never_see_torn_rows),
    rule!(concurrent::concurrent_writers_end_with_the_newest, NEWEST_WINS),
    rule!(concurrent::concurrent_writers_of_other_keys_lose_nothing),
    rule!(concurrent::views_are_set_up_by_several_at_once),
    rule!(random::random_writes_match_the_model),
];

#[cfg(test)]
mod tests;
