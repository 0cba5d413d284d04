//! The rules of the online store with `write_mode: overwrite`: the last write wins, as in Feast.

use provender_core::Provider as _;
use provender_sqlite::{Sqlite, SqliteConfig, WriteMode};
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::online("sqlite-overwrite", |context| async move {
        let config = SqliteConfig { write_mode: WriteMode::Overwrite, ..SqliteConfig::default() };
        Some(Sqlite::open(config, &context).await)
    })
}
