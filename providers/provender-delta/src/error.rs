//! What deltalake and its kernel say, in Provender's words.

use deltalake_core::DeltaTableError;
use provender_core::Error;
use provender_join::storage::refusal;
use std::error::Error as StdError;

/// What was being done to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Reading its log.
    Open,
    /// Reading where deleted rows are.
    ReadDeletions,
    /// Adding a version.
    Commit,
}

impl Doing {
    fn text(self) -> &'static str {
        match self {
            Self::Open => "read the table's log",
            Self::ReadDeletions => "read a deletion vector",
            Self::Commit => "commit to the table",
        }
    }
}

/// Signs of a commit that is not there between two that are.
const GAP: &[&str] = &["contiguous", "gap", "does not start at version 0", "Log tail versions"];

/// Signs of a log that cannot be put together, with what to do about each.
const SIGNS: &[(&[&str], &str, &str)] = &[
    (
        GAP,
        "the table's log has a gap: a commit file is missing",
        "the missing file of _delta_log restored, or a delta_version that the files left can rebuild",
    ),
    (
        &["heckpoint"],
        "a checkpoint of the table's log is damaged or missing",
        "the checkpoint's files restored, or _last_checkpoint removed if all commits are still there",
    ),
];

/// Whether a commit seems to be missing.
pub(crate) fn is_gap(error: &DeltaTableError) -> bool {
    has_any(&chain(error), GAP)
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Tells a failure of deltalake, naming the table.
pub(crate) fn failed(error: &DeltaTableError, doing: Doing, table: &str) -> Error {
    let text = chain(error);
    told(error, &text, doing, table).with("table", table).because(text)
}

fn told(error: &DeltaTableError, text: &str, doing: Doing, table: &str) -> Error {
    let refused = of_store(error);
    if let Some(error) = refused
        && !matches!(error, object_store::Error::NotFound { .. })
    {
        return refusal(error, doing.text(), table);
    }
    let is_missing =
        cause::<object_store::Error>(error).is_some() || has_any(text, &["not found", "NotFound"]);
    match error {
        _ if doing == Doing::ReadDeletions && is_missing => Error::not_found("there is no such file"),
        DeltaTableError::NotATable(_) => no_table(),
        _ if text.contains("Path does not exist") => no_table(),
        _ if text.contains("catalog-managed") => {
            Error::unsupported("the table is managed by a catalog, which is not asked")
                .with("expected", "a table whose commits are all in its folder")
        }
        _ if text.contains("Unsupported") || text.contains("not supported") => {
            Error::unsupported("the table needs a feature of Delta that this build does not read")
                .with("expected", "a table without it: see docs/delta.md for what is read")
        }
        _ => match SIGNS.iter().find(|(words, ..)| has_any(text, words)) {
            Some((_, message, expected)) => Error::invalid(*message).with("expected", *expected),
            None => Error::invalid(format!("cannot {}", doing.text())),
        },
    }
}

fn no_table() -> Error {
    Error::not_found("there is no Delta table")
        .with("expected", "a folder with _delta_log in it that holds a commit")
}

/// What the store said. The kernel does not show it among its causes.
fn of_store(error: &DeltaTableError) -> Option<&object_store::Error> {
    let mut kernel = cause::<delta_kernel::Error>(error);
    while let Some(delta_kernel::Error::Backtraced { source, .. }) = kernel {
        kernel = Some(source.as_ref());
    }
    match kernel {
        Some(delta_kernel::Error::ObjectStore(error)) => Some(error),
        _ => cause(error),
    }
}

/// The first cause of a type.
fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// All that the chain of causes says, once: most of them repeat the ones below.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = error.source();
    }
    text
}
