//! What only a real DynamoDB shows: its conditions, its limits, and items that Feast changes in between.
//!
//! Without `PROVENDER_TEST_DYNAMODB` the tests show as ignored; with `PROVENDER_REQUIRE_SERVICES` set that is a failure.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../it/common.rs"]
#[expect(dead_code, reason = "shared with other tests, which use the rest")]
mod common;
mod limits;
#[path = "../it/local.rs"]
mod local;
mod newest;
mod table;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use table::Table;

type Test = fn(&tokio::runtime::Runtime, &Arc<Table>);

const TESTS: &[(&str, Test)] = &[
    ("items_of_feast_are_replaced_by_what_is_not_older", newest::items_of_feast),
    ("times_of_other_zones_are_compared_as_times", newest::other_zones),
    ("created_times_end_with_their_event", newest::created_times),
    ("writers_of_both_kinds_end_with_the_newest", newest::both_kinds_of_writers),
    ("answers_larger_than_one_request_gives_come_whole", limits::large_answers),
    ("hundreds_of_features_are_read_some_or_all", limits::wide_views),
    ("names_that_are_words_of_dynamodb_are_features", limits::reserved_words),
];

fn main() -> ExitCode {
    let trial = |(name, test): &(&'static str, Test)| {
        let (name, test) = (*name, *test);
        Trial::ignorable_test(name, move || run(name, test))
    };
    libtest_mimic::run(&Arguments::from_args(), TESTS.iter().map(trial).collect()).exit_code()
}

fn run(name: &str, test: Test) -> Result<Completion, Failed> {
    let Some(url) = url() else {
        return match std::env::var_os("PROVENDER_REQUIRE_SERVICES") {
            Some(_) => Err("PROVENDER_TEST_DYNAMODB is not set".into()),
            None => Ok(Completion::ignored_with("PROVENDER_TEST_DYNAMODB is not set")),
        };
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let table = Arc::new(runtime.block_on(Table::new(url, name)));
    test(&runtime, &table);
    Ok(Completion::Completed)
}

fn url() -> Option<String> {
    std::env::var("PROVENDER_TEST_DYNAMODB").ok().filter(|url| !url.is_empty())
}
