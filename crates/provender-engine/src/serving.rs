//! Online features: a plan compiled once per registry version, one read of all views, values written straight from their stored bytes.

use crate::{FeatureStore, Features};
use provender_core::{RequestContext, Result, Timestamp};
use std::borrow::Cow;

/// A request for online features.
#[derive(Clone, Debug)]
pub struct OnlineQuery<'a> {
    /// The features.
    pub features: Features,
    /// Join key (or its alias) -> one value a row. All columns that are used have one length; unknown ones are ignored.
    pub entities: Vec<(Cow<'a, str>, Vec<EntityValue<'a>>)>,
    /// Name columns `view__feature`.
    pub full_feature_names: bool,
    /// Deadline, caller.
    pub context: RequestContext,
}

/// A join key value as a client sends it; the declared type of the join key decides what it becomes.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum EntityValue<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// `feast.serving.FieldStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    Present = 1,
    NullValue = 2,
    NotFound = 3,
    OutsideMaxAge = 4,
}

impl Status {
    /// Its name in JSON: `PRESENT`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }
}

/// The answer to an [`OnlineQuery`]: join keys first, in the request's order, then features in the order asked.
#[derive(Debug)]
pub struct OnlineAnswer {}

/// One value of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerCell<'a> {
    /// Value bytes; empty for null.
    pub value: &'a [u8],
    /// What the value is.
    pub status: Status,
    /// Event time; 1970 for join keys and for what was not found.
    pub time: Timestamp,
}

impl OnlineAnswer {
    /// Names of the columns.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        std::iter::empty()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        todo!()
    }

    /// One value.
    #[must_use]
    pub fn cell(&self, _column: usize, _row: usize) -> AnswerCell<'_> {
        todo!()
    }

    /// Appends the answer in Feast's JSON form (interop.md 4.2).
    ///
    /// # Errors
    /// `Internal` for stored bytes that are not a value; with `compat: feast`, `Internal` also for NaN and infinities.
    pub fn write_json(&self, _out: &mut Vec<u8>) -> Result<()> {
        todo!()
    }
}

impl FeatureStore {
    /// Reads online features.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, feature or service; `Invalid` for missing join keys, unequal lengths, values of another type, colliding names; `Unavailable` if a key could
    /// not be read.
    pub async fn online(&self, _query: OnlineQuery<'_>) -> Result<OnlineAnswer> {
        todo!()
    }
}
