//! What needs something installed: Feast itself on the other side, and Redis and DynamoDB with faults.
//!
//! `cargo xtask services` installs it all. What is missing shows as ignored tests; with `PROVENDER_REQUIRE_SERVICES` set, as in continuous
//! integration, as failures.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod buckets;
mod delta;
mod delta_writers;
mod dynamodb_faults;
mod exchange;
mod feast;
mod golden_http;
mod grpc;
mod keyed;
mod lake_bucket;
mod lake_credentials;
mod lake_faults;
mod lake_proxy;
mod lake_requests;
#[path = "../it/lake_support.rs"]
mod lake_support;
mod online_exchange;
mod proxy;
#[path = "../../../crates/provender-server/tests/it/recorded.rs"]
mod recorded;
mod redis;
mod redis_faults;
mod replays;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "shared with the other test binary")]
mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

const GROUPS: &[&[Case]] = &[
    exchange::CASES,
    online_exchange::CASES,
    golden_http::CASES,
    grpc::CASES,
    redis_faults::CASES,
    dynamodb_faults::CASES,
    buckets::CASES,
    delta::CASES,
    delta_writers::CASES,
    lake_faults::CASES,
    replays::CASES,
    lake_requests::CASES,
    lake_credentials::CASES,
];

/// A test and what it needs.
pub(crate) struct Case {
    name: &'static str,
    needs: &'static [Need],
    run: fn(),
}

/// What a test may need.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    /// A service that an environment variable names.
    Service(&'static str),
    /// A program on the path.
    Program(&'static str),
    /// The rights of root, to mount a disk.
    Root,
}

pub(crate) const FEAST: Need = Need::Service("PROVENDER_TEST_FEAST_PYTHON");
pub(crate) const REDIS: Need = Need::Service("PROVENDER_TEST_REDIS");
pub(crate) const REDIS_CLUSTER: Need = Need::Service("PROVENDER_TEST_REDIS_CLUSTER");
pub(crate) const DYNAMODB: Need = Need::Service("PROVENDER_TEST_DYNAMODB");
pub(crate) const S3: Need = Need::Service("PROVENDER_TEST_S3");
pub(crate) const AZURE: Need = Need::Service("PROVENDER_TEST_AZURE");
pub(crate) const GCS: Need = Need::Service("PROVENDER_TEST_GCS");
/// For tests that mount a disk.
pub(crate) const ROOT: Need = Need::Root;
/// For tests that start Redis servers of their own.
pub(crate) const REDIS_SERVER: Need = Need::Program("redis-server");

impl Case {
    pub(crate) const fn new(name: &'static str, needs: &'static [Need], run: fn()) -> Self {
        Self { name, needs, run }
    }

    fn missing(&self) -> Option<&'static str> {
        self.needs.iter().find_map(|need| need.missing())
    }
}

impl Need {
    /// Where a service is.
    pub(crate) fn address(self) -> Option<String> {
        match self {
            Self::Service(variable) => std::env::var(variable).ok(),
            Self::Program(_) | Self::Root => None,
        }
    }

    fn missing(self) -> Option<&'static str> {
        match self {
            Self::Service(variable) => self.address().is_none().then_some(variable),
            Self::Program(program) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
                (!found).then_some(program)
            }
            Self::Root => {
                let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
                (!status.contains("\nUid:\t0\t")).then_some("root")
            }
        }
    }
}

fn main() -> ExitCode {
    if let Ok(task) = std::env::var(buckets::WRITER) {
        buckets::writer(&task);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let required = std::env::var_os("PROVENDER_REQUIRE_SERVICES").is_some();
    let trials = GROUPS.iter().copied().flatten().map(|case| {
        let ignored = case.missing().is_some() && !required;
        Trial::test(case.name, || match case.missing() {
            Some(name) => Err(Failed::from(format!("{name} is missing: run `cargo xtask services`"))),
            None => {
                (case.run)();
                Ok(())
            }
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
