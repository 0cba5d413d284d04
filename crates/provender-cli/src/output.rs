//! Everything that is printed: results to stdout, the rest to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the one place that prints")]

mod table;

pub(crate) use table::{fitting, table};

use crate::args::LogLevel;
use provender::engine::Problems;
use provender::{Error, Kind};
use std::error::Error as _;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    One(Error),
    /// All that is wrong with a repository.
    Many(Problems),
    /// It has been reported already; only the exit code is left.
    Told(u8),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::One(error) => error.kind().exit_code(),
            Self::Many(problems) => problems.0.first().map_or(Kind::Invalid, Error::kind).exit_code(),
            Self::Told(code) => *code,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::One(error)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Many(problems)
    }
}

fn colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stderr().is_terminal()
}

fn label(text: &str, code: &str) -> String {
    if colour() { format!("\x1b[1;{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Starts the log on stderr.
pub(crate) fn start_log(level: LogLevel) {
    let level = match level {
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Warning => tracing::Level::WARN,
        LogLevel::Error | LogLevel::Critical => tracing::Level::ERROR,
    };
    let mut levels = Targets::new().with_default(level);
    if level < tracing::Level::DEBUG {
        // Its warnings tell of each source of credentials that has none; ours says so once, in the error.
        levels = levels.with_target("aws_config", tracing::Level::ERROR);
        // It logs each error that it hands back, and those are told.
        levels = levels.with_target("buoyant_kernel", LevelFilter::OFF);
    }
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour());
    // A host program may have installed its own log; that one stays.
    let _ = tracing_subscriber::registry().with(lines.with_filter(levels)).try_init();
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure) {
    match failure {
        Failure::One(error) => problem(error),
        Failure::Many(problems) => {
            problems.0.iter().for_each(problem);
            if problems.0.len() > 1 {
                eprintln!("{} problems; nothing was changed", problems.0.len());
            }
        }
        Failure::Told(_) => {}
    }
}

/// Prints one error with its causes.
pub(crate) fn problem(error: &Error) {
    eprintln!("{} {}", label("error:", "31"), report(error));
}

/// The error on one line: what is wrong, where, why. Classes of Feast's are for programs.
fn report(error: &Error) -> String {
    let mut text = error.message().replace('\n', " ");
    let context: Vec<_> =
        error.context().iter().filter(|(k, _)| *k != "class").map(|(k, v)| format!("{k}: {v}")).collect();
    if !context.is_empty() {
        text += &format!(" ({})", context.join(", "));
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    eprintln!("{} {text}", label("warning:", "33"));
}

/// Prints what is going on.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Why stdout could not be written; the first reason is kept for [`finish`].
static LOST: OnceLock<std::io::Error> = OnceLock::new();

fn write(bytes: &[u8]) {
    if LOST.get().is_none()
        && let Err(error) = std::io::stdout().write_all(bytes)
    {
        let _ = LOST.set(error);
    }
}

/// Flushes the result and says whether all of it arrived. A reader that closed its pipe (`| head`) has what it wanted.
pub(crate) fn finish() -> Result<(), Error> {
    let flushed = std::io::stdout().flush();
    match LOST.get().or(flushed.as_ref().err()) {
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::unavailable("cannot write the result")
                .with("path", "stdout")
                .because(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Prints a line of a result.
pub(crate) fn line(text: &str) {
    write(format!("{text}\n").as_bytes());
}

/// Prints bytes of a result as they are.
pub(crate) fn raw(bytes: &[u8]) {
    write(bytes);
}

/// Prints a JSON result, indented.
pub(crate) fn json(value: &serde_json::Value) {
    line(&format!("{value:#}"));
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 row`, `2 rows`.
pub(crate) fn plural(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", count(n)) }
}

/// A number of bytes for people: `1.2 MB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!((count(0), count(999), count(336_776)), ("0".into(), "999".into(), "336,776".into()));
        assert_eq!((plural(1, "row"), plural(2000, "row")), ("1 row".into(), "2,000 rows".into()));
        assert_eq!((bytes(999), bytes(1_234_567)), ("999 B".into(), "1.2 MB".into()));
    }

    #[test]
    fn an_error_is_one_line_without_the_class() {
        let error = Error::invalid("two\nlines").with("class", "X").with("view", "v").because("boom");
        assert_eq!(report(&error), "two lines (view: v): boom");
    }
}
