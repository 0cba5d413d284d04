//! Whole-system tests: the command line on real files, point-in-time cases recorded from Feast, faults, and Feast itself on the other side.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod delta;
mod faults;
mod first_day;
mod golden_pit;
mod journey;
mod lake;
#[allow(dead_code, reason = "shared with the other test binary")]
mod lake_support;
mod memory;
mod replay;
mod sql;
#[allow(dead_code, reason = "shared with the other test binary")]
mod support;
mod traces;
