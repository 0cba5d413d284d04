//! What only a real Redis shows: hashes that Feast wrote or changes in between, writers that race, and long work beside readers and writers. Each test runs
//! against one server and against a cluster.
//!
//! Without `PROVENDER_TEST_REDIS` or `PROVENDER_TEST_REDIS_CLUSTER` the tests show as ignored; with `PROVENDER_REQUIRE_SERVICES` set that is a failure.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod golden;
mod guarded;
mod layout;
mod newest;
mod own;
mod packed;
mod place;
mod removal;
mod writing;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use place::{Place, Servers};
use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

type Test = fn(Place) -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! tests {
    ($($module:ident: $($name:ident),*;)*) => {
        &[$($((stringify!($name), |place| Box::pin($module::$name(place)))),*),*]
    };
}

const TESTS: &[(&str, Test)] = tests! {
    golden: hashes_of_feast_are_read_value_for_value, rows_become_the_hashes_that_feast_writes;
    newest: writers_that_race_end_with_the_newest, feasts_rows_are_replaced_by_what_is_not_older,
        created_times_end_with_their_event, an_event_time_of_zero_is_none_unless_we_wrote_it;
    writing: keys_live_as_long_as_the_settings_say, a_key_of_another_type_fails_the_write_by_name,
        writers_of_other_views_do_not_disturb, a_cancelled_write_says_how_much_is_written, overwriting_takes_what_comes_last;
    packed: rows_of_an_older_schema_are_read_by_name_and_type, a_lost_schema_is_an_error,
        packed_rows_take_a_quarter_of_the_memory, rows_of_feast_are_found_until_they_are_converted;
    removal: a_dropped_view_goes_and_nothing_else, a_removed_feature_was_never_written_when_it_comes_back,
        without_a_full_scan_nothing_is_removed, expired_rows_go_and_a_dry_run_removes_nothing;
    layout: rows_are_right_at_every_moment_of_a_migration, an_empty_project_takes_the_layout_of_the_settings, an_interrupted_migration_is_finished_by_the_next,
        a_migration_keeps_what_makes_a_row_new;
};

/// Tests that start servers of their own, where there is one server at all.
const OWN: &[(&str, Test)] = tests! {
    guarded: a_user_with_a_certificate_writes_and_reads_over_tls, a_cluster_is_found_over_tls, who_does_not_trust_or_is_not_trusted_is_told_why,
        sentinels_and_their_master_have_passwords_of_their_own;
};

fn main() -> ExitCode {
    let sets = [(Servers::One, TESTS), (Servers::One, OWN), (Servers::Cluster, TESTS)];
    let trials = sets.into_iter().flat_map(|(servers, tests)| {
        tests.iter().map(move |(name, test)| {
            let (name, test) = (*name, *test);
            Trial::ignorable_test(format!("{}::{name}", servers.name()), move || run(servers, name, test))
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn run(servers: Servers, name: &str, test: Test) -> Result<Completion, Failed> {
    let Some(address) = servers.address() else {
        let missing = format!("{} is not set", servers.variable());
        return match std::env::var_os("PROVENDER_REQUIRE_SERVICES") {
            Some(_) => Err(missing.into()),
            None => Ok(Completion::ignored_with(missing)),
        };
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async { test(Place::new(servers, address, name).await).await });
    Ok(Completion::Completed)
}
