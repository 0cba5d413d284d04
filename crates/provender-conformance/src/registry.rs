//! Rules of the registry: snapshots, commits that are all or nothing, and objects that come back as they were put.

mod bed;
mod commit;
mod concurrent;
mod objects;
mod samples;

use crate::harness::{self, Rule, rule};
use provender_core::{OpenContext, Registry, Result};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

type Store = Arc<dyn Registry>;

/// Runs every rule of the registry, each against a fresh registry from `open`; `None` means that the backend is not configured on this machine.
///
/// Each rule has a project name and an empty folder of its own, and expects an empty registry. Opening the same context again must open the same data.
pub fn registry<F, R>(backend: &'static str, open: F) -> ExitCode
where
    F: Fn(OpenContext) -> R + Send + Sync + 'static,
    R: Future<Output = Option<Result<Arc<dyn Registry>>>> + 'static,
{
    harness::run(backend, REGISTRY, &harness::opener(open))
}

/// The rules of the registry.
pub static REGISTRY: &[Rule<Store>] = &[
    rule!(commit::a_registry_that_does_not_exist_is_empty),
    rule!(commit::a_commit_is_seen_by_the_next_snapshot),
    rule!(commit::the_version_changes_exactly_on_commit),
    rule!(commit::a_commit_from_another_base_is_a_conflict),
    rule!(commit::a_refused_commit_changes_nothing),
    rule!(commit::put_replaces),
    rule!(commit::delete_removes_one_object),
    rule!(commit::deleting_what_is_not_there_is_harmless),
    rule!(commit::changes_apply_in_order),
    rule!(commit::projects_do_not_mix),
    rule!(commit::delete_project_removes_everything_in_it),
    rule!(commit::kinds_do_not_mix),
    rule!(commit::old_snapshots_do_not_change),
    rule!(commit::times_are_filled),
    rule!(commit::what_is_committed_stays_when_the_registry_is_opened_again),
    rule!(commit::description_says_something),
    rule!(objects::every_kind_of_object_comes_back_as_it_was),
    rule!(objects::every_kind_of_source_comes_back_as_it_was),
    rule!(objects::every_type_of_field_comes_back_as_it_was),
    rule!(objects::views_without_entity_stay_so),
    rule!(objects::odd_names_and_long_texts_come_back),
    rule!(objects::hundreds_of_views_come_back),
    rule!(concurrent::concurrent_commits_lose_none),
    rule!(concurrent::of_commits_from_one_base_one_succeeds),
    rule!(concurrent::readers_never_see_half_a_commit),
];

#[cfg(test)]
mod tests;
