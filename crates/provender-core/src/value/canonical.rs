//! Arrow columns of scalars, in the one Arrow form that each of Feast's scalar types has on its way to the wire.
//!
//! | type | form |
//! |--|--|
//! | BYTES, PDF_BYTES, IMAGE_BYTES | Binary |
//! | STRING, JSON, UUID, TIME_UUID, DECIMAL | Utf8 |
//! | INT32, INT64, FLOAT, DOUBLE, BOOL | the Arrow type of the same name |
//! | UNIX_TIMESTAMP | Int64, whole seconds since 1970, rounded down |
//!
//! A conversion that would lose anything is refused: by type where no value of the column could fit, else at the first row that does not.

mod text;

use super::misfit::{Misfit, refuse};
use crate::{Timestamp, ValueType};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Int64Array, PrimitiveArray, StringArray, new_null_array,
};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use std::sync::Arc;

/// The form of a scalar type; `None` for a type that is none.
pub(crate) fn form(value_type: ValueType) -> Option<DataType> {
    match value_type {
        ValueType::UNIX_TIMESTAMP => Some(DataType::Int64),
        ValueType::ZONED_TIMESTAMP => None,
        scalar if scalar.item().is_none() => scalar.arrow(),
        _ => None,
    }
}

/// Converts a column to the form of a scalar type.
pub(crate) fn canonical(array: &ArrayRef, value_type: ValueType) -> Result<ArrayRef, Misfit> {
    let Some(form) = form(value_type) else { return refuse(array.data_type(), value_type) };
    let array = unpacked(array)?;
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(&form, array.len()));
    }
    match value_type {
        ValueType::BYTES | ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => bytes(&array, value_type),
        ValueType::INT32 | ValueType::INT64 => integers(&array, value_type, &form),
        ValueType::FLOAT | ValueType::DOUBLE => floats(&array, value_type, &form),
        ValueType::BOOL => booleans(&array),
        ValueType::UNIX_TIMESTAMP => seconds(&array),
        ValueType::UUID | ValueType::TIME_UUID => text::uuids(&array, value_type),
        ValueType::DECIMAL => text::decimals(&array),
        ValueType::JSON => text::json(&array),
        _ => text::strings(&array, value_type),
    }
}

/// A dictionary or run-end encoded column, laid out plainly.
pub(crate) fn unpacked(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values),
        DataType::RunEndEncoded(_, values) => cast(array, values.data_type()),
        _ => Ok(Arc::clone(array)),
    }
}

/// Casts, and reports the first value that does not survive.
fn exact(array: &ArrayRef, form: &DataType) -> Result<ArrayRef, Misfit> {
    let out = cast_with_options(array, form, &CastOptions { safe: true, ..CastOptions::default() })?;
    if out.logical_null_count() == array.logical_null_count() {
        return Ok(out);
    }
    match (0..array.len()).find(|row| array.is_valid(*row) && out.is_null(*row)) {
        Some(row) => Err(Misfit::at(row, array, "does not fit the type")),
        None => Ok(out),
    }
}

fn bytes(array: &ArrayRef, value_type: ValueType) -> Result<ArrayRef, Misfit> {
    use DataType as D;
    match array.data_type() {
        D::Binary | D::LargeBinary | D::FixedSizeBinary(_) | D::Utf8 | D::LargeUtf8 => {
            Ok(cast(array, &D::Binary)?)
        }
        D::BinaryView | D::Utf8View => {
            short_enough(array)?;
            Ok(cast(&cast(array, &D::BinaryView)?, &D::Binary)?)
        }
        other => refuse(other, value_type),
    }
}

/// View columns may hold more text than 32-bit offsets can count.
fn short_enough(array: &ArrayRef) -> Result<(), ArrowError> {
    let total: u64 = match array.data_type() {
        DataType::Utf8View => array.as_string_view().lengths().map(u64::from).sum(),
        DataType::BinaryView => array.as_binary_view().lengths().map(u64::from).sum(),
        _ => 0,
    };
    if total > i32::MAX as u64 {
        return Err(ArrowError::OffsetOverflowError(total as usize));
    }
    Ok(())
}

fn integers(array: &ArrayRef, value_type: ValueType, form: &DataType) -> Result<ArrayRef, Misfit> {
    match array.data_type() {
        other if other.is_integer() => exact(array, form),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let doubles = cast(array, &DataType::Float64)?;
            let doubles = doubles.as_primitive::<Float64Type>();
            if let Some(row) = first_bad(doubles, |v| v.fract() == 0.0) {
                return Err(Misfit::at(row, array, "is not a whole number"));
            }
            exact(array, form)
        }
        other => refuse(other, value_type),
    }
}

fn floats(array: &ArrayRef, value_type: ValueType, form: &DataType) -> Result<ArrayRef, Misfit> {
    match array.data_type() {
        other if other.is_numeric() => {
            let out = exact(array, form)?;
            if value_type == ValueType::FLOAT && other == &DataType::Float64 {
                check_range(array, &out)?;
            }
            Ok(out)
        }
        other => refuse(other, value_type),
    }
}

/// A finite double must not become an infinite float.
fn check_range(doubles: &ArrayRef, floats: &ArrayRef) -> Result<(), Misfit> {
    let narrow = floats.as_primitive::<Float32Type>();
    let wide = doubles.as_primitive::<Float64Type>();
    let overflow = (0..wide.len())
        .find(|row| wide.is_valid(*row) && narrow.value(*row).is_infinite() && wide.value(*row).is_finite());
    match overflow {
        Some(row) => Err(Misfit::at(row, doubles, "does not fit the type")),
        None => Ok(()),
    }
}

fn booleans(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    match array.data_type() {
        DataType::Boolean => Ok(Arc::clone(array)),
        other if other.is_integer() => {
            let integers = exact(array, &DataType::Int64)?;
            let integers = integers.as_primitive::<Int64Type>();
            match first_bad(integers, |v| matches!(v, 0 | 1)) {
                Some(row) => Err(Misfit::at(row, array, "is neither 0 nor 1")),
                None => Ok(cast(integers, &DataType::Boolean)?),
            }
        }
        other => refuse(other, ValueType::BOOL),
    }
}

fn seconds(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    let whole = |unit: i64| -> Result<ArrayRef, Misfit> {
        let ticks = cast(array, &DataType::Int64)?;
        Ok(Arc::new(ticks.as_primitive::<Int64Type>().unary::<_, Int64Type>(|t| t.div_euclid(unit))))
    };
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => whole(1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => whole(1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => whole(1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => whole(1_000_000_000),
        DataType::Date64 => whole(1_000),
        DataType::Date32 => {
            let days = cast(array, &DataType::Int64)?;
            Ok(Arc::new(days.as_primitive::<Int64Type>().unary::<_, Int64Type>(|d| d * 86_400)))
        }
        other if other.is_integer() => exact(array, &DataType::Int64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = text::strings(array, ValueType::STRING)?;
            let texts: &StringArray = texts.as_string();
            let read = |row| match Timestamp::parse(texts.value(row)) {
                Ok(time) => Ok(Some(time.seconds())),
                Err(_) => Err(Misfit::at(row, array, "is not a timestamp in ISO 8601")),
            };
            let values: Int64Array = (0..texts.len())
                .map(|row| if texts.is_null(row) { Ok(None) } else { read(row) })
                .collect::<Result<_, Misfit>>()?;
            Ok(Arc::new(values))
        }
        other => refuse(other, ValueType::UNIX_TIMESTAMP),
    }
}

fn first_bad<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    good: impl Fn(T::Native) -> bool,
) -> Option<usize> {
    (0..array.len()).find(|row| array.is_valid(*row) && !good(array.value(*row)))
}
