#![doc = include_str!("../README.md")]

pub mod cell;
pub mod generate;
mod harness;
pub mod offline;
pub mod online;
pub mod oracle;
mod outcome;
mod property;
mod race;
pub mod registry;
pub mod table;

pub use harness::{Bed, Need, Rule};
pub use offline::{OfflineHarness, offline};
pub use online::online;
pub use outcome::{Outcome, Stop};
pub use registry::registry;

#[cfg(test)]
mod tests;
