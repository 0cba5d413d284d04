//! Columns of times, in whatever form users bring them, as instants: microseconds in UTC.

#[cfg(test)]
mod tests;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray, StringArray, TimestampMicrosecondArray};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use provender_core::{Error, Result, Timestamp};
use std::sync::Arc;

/// What integers mean in a column of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integers {
    /// They are refused.
    Refused,
    /// Nanoseconds since 1970, as Feast takes them in pushed rows.
    Nanoseconds,
}

/// A column as instants. Times without a zone are UTC; text is parsed. `first_row` is the number of its first row, for the message.
///
/// # Errors
/// `Invalid` naming the column, and its type or the row and text that is no time.
pub(crate) fn instants(
    column: &ArrayRef,
    name: &str,
    first_row: usize,
    integers: Integers,
) -> Result<ArrayRef> {
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            in_utc(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()), name)
        }
        DataType::Date32 | DataType::Date64 | DataType::Null => {
            in_utc(column, &DataType::Timestamp(TimeUnit::Microsecond, None), name)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => parse(column, name, first_row),
        DataType::Dictionary(_, values) => instants(&cast(column, values)?, name, first_row, integers),
        number if number.is_integer() && integers == Integers::Nanoseconds => nanoseconds(column),
        other => Err(Error::invalid("a column of times holds something else")
            .with("column", name)
            .with("type", other)
            .with("expected", "timestamps, dates, or text in ISO 8601")),
    }
}

/// The cast keeps the zone and the last step names it UTC: an instant has the same number in every zone.
fn in_utc(column: &ArrayRef, micros: &DataType, name: &str) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let times = cast_with_options(column, micros, &strict)
        .map_err(|e| Error::invalid("a time is out of range").with("column", name).because(e))?;
    let times: PrimitiveArray<TimestampMicrosecondType> = times.as_primitive().clone();
    Ok(Arc::new(times.with_timezone("UTC")))
}

fn nanoseconds(column: &ArrayRef) -> Result<ArrayRef> {
    let ticks = cast(column, &DataType::Int64)?;
    let micros: TimestampMicrosecondArray = ticks.as_primitive::<Int64Type>().unary(|t| t.div_euclid(1_000));
    Ok(Arc::new(micros.with_timezone("UTC")))
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
