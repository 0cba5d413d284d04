//! The rules of the online store, as it comes: the newest row wins.

#[path = "it/service.rs"]
mod service;

use provender_dynamodb::WriteMode;
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::online("dynamodb", |_| async { service::open(WriteMode::Newest).await })
}
