//! The `provender` command line.
//!
//! [`run`] takes the table of providers as a value, so that a platform team's own binary with its own store is these lines:
//!
//! ```ignore
//! fn main() -> std::process::ExitCode {
//!     provender_cli::run(provender::providers().with::<acme::Scylla>())
//! }
//! ```
//!
//! Results go to stdout, everything else to stderr; exit codes follow the error's kind (see [`provender::Kind::exit_code`]).

mod app;
mod args;
mod commands;
mod listing;
mod memory;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod progress;
mod signal;
mod tables;

use clap::Parser;
use provender::Providers;
use std::process::ExitCode;

/// Runs the command line of this process with these providers.
#[must_use]
pub fn run(providers: Providers) -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    output::start_log(cli.globals.log_level);
    let outcome = commands::dispatch(cli, providers);
    let printed = output::finish().map_err(output::Failure::from);
    match outcome.and_then(|code| printed.map(|()| code)) {
        Ok(code) => code,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
