//! The SQLite online store: Feast's layout, and what goes wrong on disks.

mod common;
mod golden;
mod kill;
mod reading;
mod setup;
mod trouble;
mod writing;
