//! Instants from whatever column holds them, as UTC microseconds.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, TimestampMicrosecondArray};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use provender_core::{Error, Result, Timestamp};

const DAY: i64 = 86_400_000_000;

/// What a column of instants may be, for messages.
pub(crate) const EXPECTED: &str = "a timestamp, a date, or ISO 8601 text";

/// Whether [`instants`] reads a column of this type.
pub(crate) fn is_instant(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_instant(value),
        DataType::Null => true,
        other => is_datetime(other) || is_text(other),
    }
}

/// Whether the type holds instants of itself, not as text.
pub(crate) fn is_datetime(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The column as UTC microseconds, without a zone. Zoned times are instants already, naive ones are taken as UTC, text is parsed;
/// what is finer than a microsecond is rounded down, what does not fit saturates.
///
/// # Errors
/// `Invalid` if the type holds no instants, or a text is none.
pub(crate) fn instants(array: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>)
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive::<TimestampSecondType>().unary(|s| s.saturating_mul(1_000_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().unary(|ms| ms.saturating_mul(1000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().unary(|ns| ns.div_euclid(1000))
        }
        DataType::Date32 => array.as_primitive::<Date32Type>().unary(|days| i64::from(days) * DAY),
        DataType::Date64 => array.as_primitive::<Date64Type>().unary(|ms| ms.saturating_mul(1000)),
        DataType::Null => TimestampMicrosecondArray::new_null(array.len()),
        DataType::Dictionary(_, value) => instants(&cast(array, value)?)?,
        text if is_text(text) => parse(&cast(array, &DataType::Utf8View)?)?,
        other => {
            return Err(Error::invalid("the column holds no instants")
                .with("type", other)
                .with("expected", EXPECTED));
        }
    })
}

fn parse(array: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    let texts = array.as_string_view().iter();
    texts.map(|text| text.map(|text| Ok(Timestamp::parse(text)?.0)).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Date32Array, Int64Array, LargeStringArray, TimestampMillisecondArray, TimestampNanosecondArray,
    };
    use std::sync::Arc;

    fn values(array: impl Array + 'static) -> Vec<Option<i64>> {
        instants(&(Arc::new(array) as ArrayRef)).unwrap().iter().collect()
    }

    #[test]
    fn units_and_zones_become_utc_microseconds() {
        assert_eq!(
            values(TimestampNanosecondArray::from(vec![Some(1_999), Some(-1), None])),
            [Some(1), Some(-1), None]
        );
        let zoned = TimestampMillisecondArray::from(vec![7, i64::MAX]).with_timezone("America/New_York");
        assert_eq!(values(zoned), [Some(7_000), Some(i64::MAX)]);
        assert_eq!(values(Date32Array::from(vec![1])), [Some(DAY)]);
        let texts = vec![Some("1970-01-01 00:00:01"), None, Some("1970-01-01T01:00:00+01:00")];
        assert_eq!(values(LargeStringArray::from(texts)), [Some(1_000_000), None, Some(0)]);
    }

    #[test]
    fn other_types_are_refused() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert!(instants(&numbers).unwrap_err().to_string().contains("type: Int64"));
        let words: ArrayRef = Arc::new(LargeStringArray::from(vec!["soon"]));
        assert!(instants(&words).unwrap_err().to_string().contains("value: soon"));
    }
}
