//! How a rule ends.

use arrow_schema::ArrowError;
use provender_core::{Error, Kind};
use std::fmt;
use std::panic::Location;

/// What a rule answers: kept, broken, or not applicable to this store.
pub type Outcome = Result<(), Stop>;

/// Why a rule ended early.
#[derive(Clone, PartialEq, Eq)]
pub enum Stop {
    /// The store breaks the rule.
    Broken(String),
    /// The rule says nothing about this store; shown as ignored, with the reason.
    Ignored(String),
}

impl Stop {
    /// The store breaks the rule, seen at the caller's line.
    #[track_caller]
    pub fn broken(message: impl fmt::Display) -> Self {
        let at = Location::caller();
        Self::Broken(format!("{message}\n  at {}:{}", at.file(), at.line()))
    }

    /// The same, seen while doing something.
    pub(crate) fn within(self, doing: impl fmt::Display) -> Self {
        match self {
            Self::Broken(message) => Self::Broken(format!("{doing}: {message}")),
            Self::Ignored(reason) => Self::Ignored(reason),
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(message) => write!(f, "broken: {message}"),
            Self::Ignored(reason) => write!(f, "ignored: {reason}"),
        }
    }
}

impl From<Error> for Stop {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::broken(format_args!("unexpected error: {error:?}"))
    }
}

impl From<ArrowError> for Stop {
    #[track_caller]
    fn from(error: ArrowError) -> Self {
        Self::broken(format_args!("unexpected Arrow error: {error}"))
    }
}

impl From<tokio::task::JoinError> for Stop {
    #[track_caller]
    fn from(error: tokio::task::JoinError) -> Self {
        Self::broken(format_args!("a task panicked: {error}"))
    }
}

/// The rule is broken unless both are equal.
#[track_caller]
pub(crate) fn same<T: PartialEq + fmt::Debug>(what: impl fmt::Display, found: &T, expected: &T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Stop::broken(format_args!("{what}\n  expected: {expected:?}\n  found:    {found:?}")))
}

/// The rule is broken unless the condition holds.
#[track_caller]
pub(crate) fn holds(what: impl fmt::Display, condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Stop::broken(what)) }
}

/// The rule is broken unless the result is an error of one of the kinds; answers the error.
#[track_caller]
pub(crate) fn refused<T>(
    what: impl fmt::Display,
    result: Result<T, Error>,
    kinds: &[Kind],
) -> Result<Error, Stop> {
    match result {
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => {
            Err(Stop::broken(format_args!("{what}: expected an error of kind {kinds:?}, found {error:?}")))
        }
        Ok(_) => {
            Err(Stop::broken(format_args!("{what}: expected an error of kind {kinds:?}, found no error")))
        }
    }
}
