//! Columns of a source under the names that definitions use, and which types go together.

use arrow_schema::{DataType, Schema};
use provender_core::model::DataSource;
use provender_core::{Error, ValueType, nearest};
use std::collections::HashMap;

/// How many names an error lists.
const LISTED: usize = 20;

/// The columns of a source after field mapping.
#[derive(Debug)]
pub(super) struct LogicalColumns<'a> {
    /// In the source's order.
    pub(super) columns: Vec<(&'a str, &'a DataType)>,
    by_name: HashMap<&'a str, &'a DataType>,
}

impl<'a> LogicalColumns<'a> {
    pub(super) fn new(source: &'a DataSource, schema: &'a Schema) -> Self {
        let columns: Vec<_> =
            schema.fields().iter().map(|f| (source.logical(f.name()), f.data_type())).collect();
        Self { by_name: columns.iter().copied().collect(), columns }
    }

    /// The Arrow type of a column.
    pub(super) fn get(&self, name: &str) -> Option<&'a DataType> {
        self.by_name.get(name).copied()
    }

    /// Names, in the source's order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.columns.iter().map(|(name, _)| *name)
    }
}

/// Adds to an error about an unknown name what may have been meant: the nearest of the known names, else all of them.
pub(super) fn suggest<'n>(error: Error, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Error {
    if let Some(near) = nearest(name, known.clone()) {
        return error.with("did you mean", near);
    }
    let known: Vec<_> = known.collect();
    match known.len() {
        0 => error.with("found", "none at all"),
        n if n > LISTED => {
            error.with("expected", format!("one of {}, … ({n} in all)", known[..LISTED].join(", ")))
        }
        _ => error.with("expected", format!("one of {}", known.join(", "))),
    }
}

/// The stored columns of a source.
pub(super) fn stored(schema: &Schema) -> impl Iterator<Item = &str> + Clone {
    schema.fields().iter().map(|f| f.name().as_str())
}

/// Whether a column is a timestamp of itself.
pub(super) fn is_timestamp(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..))
}

/// Whether a column may hold event times: timestamps, dates, or text that says them.
pub(super) fn is_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_time(value),
        DataType::Date32 | DataType::Date64 | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            true
        }
        other => is_timestamp(other),
    }
}

/// Whether join keys of these types can match: they are of one type, or both integers.
pub(super) fn keys_match(one: ValueType, other: ValueType) -> bool {
    let integer = |t| matches!(t, ValueType::INT32 | ValueType::INT64);
    one == other || (integer(one) && integer(other))
}
