//! The Redis online store against small servers of the tests' own: Feast's hashes, and everything that goes wrong on the way to them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod cluster;
mod common;
mod fake;
mod packed;
mod reading;
mod sentinel;
mod writing;
