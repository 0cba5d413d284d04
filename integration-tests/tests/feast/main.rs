//! Feast itself on the other side: what Provender writes, Feast reads, and the reverse.
//!
//! Without `PROVENDER_TEST_FEAST_PYTHON` (a Python with Feast; `cargo xtask services` installs it) the tests show as ignored; with
//! `PROVENDER_REQUIRE_SERVICES` set, as in continuous integration, they then fail.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod exchange;
#[path = "../it/support.rs"]
#[allow(dead_code, reason = "shared with the other test binary")]
mod support;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let python = std::env::var_os("PROVENDER_TEST_FEAST_PYTHON").map(PathBuf::from).filter(|p| p.exists());
    let required = std::env::var_os("PROVENDER_REQUIRE_SERVICES").is_some();
    let trials = exchange::TESTS.iter().map(|(name, test)| {
        let feast = python.clone().map(Feast);
        let ignored = feast.is_none() && !required;
        Trial::test(*name, move || {
            let feast = feast.ok_or_else(|| Failed::from("Feast is missing: run `cargo xtask services`"))?;
            test(&feast);
            Ok(())
        })
        .with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// A Python that has Feast.
struct Feast(PathBuf);

impl Feast {
    /// Asks `ask.py` about a repository.
    #[track_caller]
    fn ask(&self, repo: &Path, arguments: &[&str]) -> Value {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/feast/ask.py");
        let out = self.python(repo, &[&[script, repo.to_str().unwrap()], arguments].concat());
        serde_json::from_str(out.lines().last().unwrap()).unwrap()
    }

    /// Runs Feast's own command line in a repository.
    #[track_caller]
    fn feast(&self, repo: &Path, arguments: &[&str]) -> String {
        let code = "import sys; from feast.cli.cli import cli; sys.argv[0] = 'feast'; cli()";
        self.python(repo, &[&["-c", code], arguments].concat())
    }

    #[track_caller]
    fn python(&self, repo: &Path, arguments: &[&str]) -> String {
        let output = Command::new(&self.0)
            .args(arguments)
            .current_dir(repo)
            .env("TZ", "UTC")
            .env("PYTHONWARNINGS", "ignore")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}
