#![doc = include_str!("../README.md")]

mod config;
mod database;
mod error;
mod layout;
mod read;
mod read_only;
mod reconcile;
mod store;
mod workers;
mod write;

pub use config::{SqliteConfig, WriteMode};
pub use store::Sqlite;
