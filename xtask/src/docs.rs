//! `cargo xtask docs`: the reference in docs/reference, which tests generate from the code and compare, and rustdoc.

use crate::tools::{self, cargo};
use anyhow::Result;

/// The tests that hold docs/reference against the code; with `UPDATE_EXPECT` they write it.
const REFERENCE: &[&str] =
    &["test", "--package", "provender", "--package", "provender-cli", "reference_is_up_to_date"];

/// Writes the reference, or says whether it is up to date.
pub(crate) fn run(check: bool) -> Result<()> {
    let mut command = cargo(REFERENCE);
    if !check {
        command.env("UPDATE_EXPECT", "1");
    }
    tools::run(&mut command)
}

/// Builds rustdoc; broken links are errors.
pub(crate) fn rustdoc() -> Result<()> {
    tools::run(
        cargo(["doc", "--workspace", "--all-features", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
