//! Why a column cannot become a type.

use crate::{Error, Kind, ValueType};
use arrow_array::Array;
use arrow_cast::display::array_value_to_string;
use arrow_schema::{ArrowError, DataType};

/// Why a column cannot become a type; the caller adds which column.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// No value of the column's type could.
    Type { found: DataType, wanted: ValueType },
    /// One value does not.
    Row { row: usize, value: String, problem: &'static str },
    /// Arrow failed.
    Arrow(ArrowError),
}

impl Misfit {
    /// A value that does not fit; `problem` completes "a value …".
    #[cold]
    pub(crate) fn at(row: usize, array: &dyn Array, problem: &'static str) -> Self {
        let mut value = array_value_to_string(array, row).unwrap_or_default();
        if let Some((cut, _)) = value.char_indices().nth(80) {
            value.truncate(cut);
            value.push('…');
        }
        Self::Row { row, value, problem }
    }

    /// The same for the row that holds the item.
    pub(crate) fn in_row(self, row_of: impl FnOnce(usize) -> usize) -> Self {
        match self {
            Self::Row { row, value, problem } => Self::Row { row: row_of(row), value, problem },
            other => other,
        }
    }

    /// As an error that names the row and value, or the types.
    pub(crate) fn into_error(self, wanted: ValueType) -> Error {
        match self {
            Self::Type { found, wanted: inner } if inner == wanted => {
                Error::invalid("type does not fit").with("type", found).with("expected", wanted)
            }
            Self::Type { found, wanted: inner } => Error::invalid("type of an item does not fit")
                .with("type", found)
                .with("expected", format!("{inner} in {wanted}")),
            Self::Row { row, value, problem } => Error::invalid(format!("a value {problem}"))
                .with("row", row)
                .with("value", value)
                .with("expected", wanted),
            Self::Arrow(error @ (ArrowError::OffsetOverflowError(_) | ArrowError::ComputeError(_))) => {
                Error::new(Kind::Invalid, "too many bytes in one batch, send fewer rows").because(error)
            }
            Self::Arrow(error) => error.into(),
        }
    }
}

/// A misfit of types.
pub(crate) fn refuse<T>(found: &DataType, wanted: ValueType) -> Result<T, Misfit> {
    Err(Misfit::Type { found: found.clone(), wanted })
}

impl From<ArrowError> for Misfit {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}
