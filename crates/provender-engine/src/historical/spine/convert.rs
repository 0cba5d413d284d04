//! Columns of entity rows in the types that the join compares: instants in UTC, keys as they are declared.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, PrimitiveArray, StringArray, TimestampMicrosecondArray};
use arrow_cast::cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use provender_core::{Error, Result, Timestamp, ValueType, timestamp_type};
use std::sync::Arc;

pub(super) fn timestamp_field(name: &str) -> FieldRef {
    Arc::new(Field::new(name, timestamp_type(), true))
}

/// A column as instants. Text is parsed; without a zone it is UTC. `first_row` is the row number of the batch's first row, for the message.
///
/// # Errors
/// `Invalid` for a column of another type, naming the row for text that is no timestamp.
pub(super) fn instants(column: &ArrayRef, name: &str, first_row: usize) -> Result<ArrayRef> {
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            in_utc(column, &micros, name)
        }
        DataType::Date32 | DataType::Date64 | DataType::Null => {
            in_utc(column, &DataType::Timestamp(TimeUnit::Microsecond, None), name)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => parse(column, name, first_row),
        DataType::Dictionary(_, values) => instants(&cast(column, values)?, name, first_row),
        other => Err(Error::invalid("the event time column of the entity rows holds no times")
            .with("column", name)
            .with("type", other)
            .with("expected", "a timestamp, a date, or text in ISO 8601")),
    }
}

/// The cast keeps the zone and the last step names it UTC: an instant has the same number in every zone.
fn in_utc(column: &ArrayRef, micros: &DataType, name: &str) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let times = cast_with_options(column, micros, &strict).map_err(|e| {
        Error::invalid("a time of the entity rows is out of range").with("column", name).because(e)
    })?;
    let times: PrimitiveArray<TimestampMicrosecondType> = times.as_primitive().clone();
    Ok(Arc::new(times.with_timezone("UTC")))
}

fn parse(column: &ArrayRef, name: &str, first_row: usize) -> Result<ArrayRef> {
    let text = cast(column, &DataType::Utf8)?;
    let text: &StringArray = text.as_string();
    let parse_row = |(row, value): (usize, Option<&str>)| match value {
        None => Ok(None),
        Some(value) => Timestamp::parse(value)
            .map(|t| Some(t.0))
            .map_err(|e| e.with("column", name).with("row", first_row + row)),
    };
    let micros = text.iter().enumerate().map(parse_row).collect::<Result<TimestampMicrosecondArray>>()?;
    Ok(Arc::new(micros.with_timezone("UTC")))
}

/// Whether a column can stand for a key of the declared type. Floats can for integers: pandas turns an integer column with a missing value into one.
pub(super) fn key_fits(declared: ValueType, data_type: &DataType) -> bool {
    use DataType as D;
    match data_type {
        D::Null => return true,
        D::Dictionary(_, values) => return key_fits(declared, values),
        _ => {}
    }
    match declared {
        ValueType::INT32 | ValueType::INT64 => {
            data_type.is_integer()
                || data_type.is_floating()
                || matches!(data_type, D::Decimal128(_, 0) | D::Decimal256(_, 0))
        }
        ValueType::STRING => matches!(data_type, D::Utf8 | D::LargeUtf8 | D::Utf8View),
        ValueType::BYTES => {
            matches!(data_type, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_))
        }
        ValueType::UNIX_TIMESTAMP => matches!(data_type, D::Timestamp(..) | D::Date32 | D::Date64),
        _ => true,
    }
}

/// A key column as stores get it: integers for an integer key (a float that is none becomes null and so matches nothing), no dictionaries, no untyped nulls.
///
/// # Errors
/// `Invalid` for a number that does not fit.
pub(super) fn key_values(column: &ArrayRef, declared: ValueType) -> Result<ArrayRef> {
    let integer = matches!(declared, ValueType::INT32 | ValueType::INT64);
    match column.data_type() {
        DataType::Dictionary(_, values) => key_values(&cast(column, values)?, declared),
        DataType::Null => Ok(cast(column, &declared.arrow().unwrap_or(DataType::Utf8))?),
        data_type if integer && data_type.is_floating() => whole_numbers(column),
        data_type if integer && !data_type.is_integer() => Ok(cast(column, &DataType::Int64)?),
        _ => Ok(Arc::clone(column)),
    }
}

fn whole_numbers(column: &ArrayRef) -> Result<ArrayRef> {
    /// 2^63, the first float past the largest i64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let floats = cast(column, &DataType::Float64)?;
    let whole = |v: f64| (v.fract() == 0.0 && (-LIMIT..LIMIT).contains(&v)).then_some(v as i64);
    let floats = floats.as_primitive::<Float64Type>();
    Ok(Arc::new(floats.iter().map(|v| v.and_then(whole)).collect::<Int64Array>()))
}
