//! Whole-system tests: the command line on real files, point-in-time cases recorded from Feast, faults, and Feast itself on the other side.

mod bad_input;
mod faults;
mod golden_pit;
mod journey;
mod support;
