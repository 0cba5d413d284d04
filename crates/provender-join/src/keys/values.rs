//! Key columns of any Arrow type, reduced to a few forms in which equal keys are equal.

use crate::instants::instants;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, BinaryViewArray, Int64Array, LargeBinaryArray, UInt64Array};
use arrow_cast::cast;
use arrow_schema::DataType;
use provender_core::{Error, Result};
use std::fmt;

/// Kinds of key. Types of one kind match each other; a key of another kind is a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyClass {
    /// Integers of any width and sign; floats and decimals that hold whole numbers.
    Integer,
    Boolean,
    /// Timestamps of any unit and zone, dates.
    Instant,
    /// Text and binary of any encoding.
    Bytes,
    /// A column of nulls alone, which matches nothing.
    Null,
}

impl KeyClass {
    /// The kind of a type; `None` if it cannot be a key.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        use DataType as D;
        Some(match data_type {
            t if t.is_integer() || t.is_floating() || t.is_decimal() => Self::Integer,
            D::Boolean => Self::Boolean,
            D::Timestamp(..) | D::Date32 | D::Date64 => Self::Instant,
            D::Utf8 | D::LargeUtf8 | D::Utf8View => Self::Bytes,
            D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => Self::Bytes,
            D::Dictionary(_, value) => return Self::of(value),
            D::Null => Self::Null,
            _ => return None,
        })
    }

    /// Whether keys of the two kinds can be compared.
    pub(crate) fn matches(self, other: Self) -> bool {
        self == other || self == Self::Null || other == Self::Null
    }
}

impl fmt::Display for KeyClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Instant => "timestamp or date",
            Self::Bytes => "text or binary",
            Self::Null => "null",
        })
    }
}

/// The values of one key column in a form to compare by.
#[derive(Debug)]
pub(crate) enum KeyValues {
    /// Integers, booleans and instants.
    Whole(Int64Array),
    /// Integers that may be beyond `i64`.
    Unsigned(UInt64Array),
    Bytes(BinaryArray),
    LargeBytes(LargeBinaryArray),
    ByteViews(BinaryViewArray),
}

impl KeyValues {
    /// Reduces a column. A float or decimal that is no whole number becomes null: it is equal to no integer.
    ///
    /// # Errors
    /// `Invalid` if the type cannot be a key.
    pub(crate) fn of(array: &ArrayRef) -> Result<Self> {
        use DataType as D;
        Ok(match array.data_type() {
            D::UInt64 => Self::Unsigned(array.as_primitive::<UInt64Type>().clone()),
            t if t.is_integer() || *t == D::Boolean => Self::Whole(to_i64(array)?),
            t if t.is_floating() => Self::Whole(whole_floats(array)?),
            t if t.is_decimal() => Self::Whole(whole_decimals(array)?),
            D::Timestamp(..) | D::Date32 | D::Date64 => Self::Whole(instants(array)?.reinterpret_cast()),
            D::Utf8 => Self::Bytes(array.as_string::<i32>().clone().into()),
            D::LargeUtf8 => Self::LargeBytes(array.as_string::<i64>().clone().into()),
            D::Utf8View => Self::ByteViews(array.as_string_view().clone().to_binary_view()),
            D::Binary => Self::Bytes(array.as_binary::<i32>().clone()),
            D::LargeBinary => Self::LargeBytes(array.as_binary::<i64>().clone()),
            D::BinaryView => Self::ByteViews(array.as_binary_view().clone()),
            D::FixedSizeBinary(_) => Self::Bytes(cast(array, &D::Binary)?.as_binary::<i32>().clone()),
            D::Dictionary(_, value) => Self::of(&cast(array, value)?)?,
            D::Null => Self::Whole(Int64Array::new_null(array.len())),
            other => return Err(Error::invalid("the type cannot be a join key").with("type", other)),
        })
    }

    /// The same, refusing numbers that are not whole instead of making them null.
    ///
    /// # Errors
    /// `Invalid` as [`KeyValues::of`], or if a number is not whole or beyond 64 bits.
    pub(crate) fn exact(array: &ArrayRef) -> Result<Self> {
        let values = Self::of(array)?;
        let nulls = array.logical_null_count() + count_nan(array)?;
        if values.array().null_count() > nulls && matches!(values, Self::Whole(_)) {
            return Err(Error::invalid("a join key is not a whole number of 64 bits")
                .with("type", array.data_type())
                .with("expected", "integers, or text"));
        }
        Ok(values)
    }

    /// Bytes of all values of text and binary; 0 for numbers.
    pub(crate) fn text_bytes(&self) -> usize {
        match self {
            Self::Whole(_) | Self::Unsigned(_) => 0,
            Self::Bytes(values) => values.offsets().lengths().sum(),
            Self::LargeBytes(values) => values.offsets().lengths().sum(),
            Self::ByteViews(values) => values.lengths().map(|length| length as usize).sum(),
        }
    }

    /// The values as `i64`, those beyond it null; `None` for bytes.
    pub(crate) fn to_whole(&self) -> Option<Int64Array> {
        match self {
            Self::Whole(values) => Some(values.clone()),
            Self::Unsigned(values) => Some(values.unary_opt(|v| i64::try_from(v).ok())),
            _ => None,
        }
    }

    /// Unsigned values that all fit `i64` become such, so that the index by integer can hold them.
    pub(crate) fn narrowed(self) -> Self {
        match self.to_whole() {
            Some(whole) if whole.null_count() == self.array().null_count() => Self::Whole(whole),
            _ => self,
        }
    }

    /// The smallest and largest value; `None` if all are null or one is beyond `i64`.
    pub(crate) fn range(&self) -> Option<KeyRange> {
        match self {
            Self::Whole(values) => KeyRange::of_whole(values).map(|(min, max)| KeyRange::Whole(min, max)),
            Self::Unsigned(values) => {
                let whole = self.to_whole().filter(|whole| whole.null_count() == values.null_count())?;
                KeyRange::of_whole(&whole).map(|(min, max)| KeyRange::Whole(min, max))
            }
            Self::Bytes(values) => KeyRange::of_bytes(values.iter()),
            Self::LargeBytes(values) => KeyRange::of_bytes(values.iter()),
            Self::ByteViews(values) => KeyRange::of_bytes(values.iter()),
        }
    }

    /// Whether there is no value at all.
    pub(crate) fn all_null(&self) -> bool {
        self.array().null_count() == self.array().len()
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Whole(values) => values,
            Self::Unsigned(values) => values,
            Self::Bytes(values) => values,
            Self::LargeBytes(values) => values,
            Self::ByteViews(values) => values,
        }
    }
}

/// The smallest and the largest of some keys, for pruning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyRange {
    Whole(i64, i64),
    Bytes(Vec<u8>, Vec<u8>),
}

impl KeyRange {
    pub(crate) fn of_whole(values: &Int64Array) -> Option<(i64, i64)> {
        let mut valid = values.iter().flatten();
        let first = valid.next()?;
        Some(valid.fold((first, first), |(min, max), v| (min.min(v), max.max(v))))
    }

    fn of_bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Option<Self> {
        let mut valid = values.flatten();
        let first = valid.next()?;
        let (min, max) = valid.fold((first, first), |(min, max), v| (min.min(v), max.max(v)));
        Some(Self::Bytes(min.to_vec(), max.to_vec()))
    }

    /// The range of both; `None` if they are of different kinds.
    pub(crate) fn union(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Whole(a, b), Self::Whole(c, d)) => Some(Self::Whole(a.min(c), b.max(d))),
            (Self::Bytes(a, b), Self::Bytes(c, d)) => Some(Self::Bytes(a.min(c), b.max(d))),
            _ => None,
        }
    }

    /// Whether a key could lie in both ranges; those of different kinds say nothing.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(a, b), Self::Whole(c, d)) => a <= d && c <= b,
            (Self::Bytes(a, b), Self::Bytes(c, d)) => a <= d && c <= b,
            _ => true,
        }
    }
}

fn to_i64(array: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// Data frames write a missing integer as NaN.
fn count_nan(array: &ArrayRef) -> Result<usize> {
    if !array.data_type().is_floating() {
        return Ok(0);
    }
    let wide = cast(array, &DataType::Float64)?;
    Ok(wide.as_primitive::<Float64Type>().iter().flatten().filter(|v| v.is_nan()).count())
}

fn whole_floats(array: &ArrayRef) -> Result<Int64Array> {
    // -2^63 is a float, 2^63 - 1 is not: the range is half open.
    let whole = |v: f64| {
        (v.fract() == 0.0 && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&v))
            .then_some(v as i64)
    };
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().unary_opt(whole))
}

fn whole_decimals(array: &ArrayRef) -> Result<Int64Array> {
    let scale = match array.data_type() {
        DataType::Decimal32(_, s) | DataType::Decimal64(_, s) => *s,
        DataType::Decimal128(_, s) | DataType::Decimal256(_, s) => *s,
        other => return Err(Error::internal("not a decimal").with("type", other)),
    };
    let wide = cast(array, &DataType::Decimal128(38, scale))?;
    let power = 10_i128.checked_pow(u32::from(scale.unsigned_abs()));
    let whole = |v: i128| {
        let value = match scale {
            ..0 => v.checked_mul(power?)?,
            _ => (v % power? == 0).then_some(v / power?)?,
        };
        i64::try_from(value).ok()
    };
    Ok(wide.as_primitive::<Decimal128Type>().unary_opt(whole))
}
