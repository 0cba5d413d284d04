//! The DynamoDB online store against a small DynamoDB of the tests' own: Feast's items, and everything that goes wrong on the way to them.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod environment;
mod fake;
mod golden;
mod local;
mod reading;
mod setup;
mod writing;
