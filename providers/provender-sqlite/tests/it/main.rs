//! The SQLite online store: Feast's layout, and what goes wrong on disks.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod golden;
mod kill;
mod reading;
mod setup;
mod trouble;
mod writing;
