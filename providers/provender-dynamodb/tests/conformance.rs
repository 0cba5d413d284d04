//! The rules of the online store, as it comes: the newest row wins.

#[path = "it/local.rs"]
mod local;

use provender_dynamodb::WriteMode;
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::online("dynamodb", |_| async { local::open(WriteMode::Newest).await })
}
