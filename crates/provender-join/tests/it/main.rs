//! The join against a brute-force oracle, and its sources, windows and frames on real files.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod damaged;
mod frames;
mod historical;
mod oracle;
mod random;
mod skew;
mod sources;
mod support;
mod windows;
