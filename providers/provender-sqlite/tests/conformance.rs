//! The rules of the online store, as it comes: the newest row wins.

use provender_core::Provider as _;
use provender_sqlite::{Sqlite, SqliteConfig};
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::online("sqlite", |context| async move {
        Some(Sqlite::open(SqliteConfig::default(), &context).await)
    })
}
