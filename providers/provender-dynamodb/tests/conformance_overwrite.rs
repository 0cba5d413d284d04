//! The rules of the online store with `write_mode: overwrite`: the last write wins, as in Feast.

#[path = "it/service.rs"]
mod service;

use provender_dynamodb::WriteMode;
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::online("dynamodb-overwrite", |_| async {
        service::open(WriteMode::Overwrite).await
    })
}
