//! What the log says of the values in each file.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use provender_core::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Microseconds by which the largest instant of a file may exceed its statistic: writers cut instants to whole milliseconds.
const CUT_OFF: i64 = 999;

/// The statistics of a file, as far as they are used. Columns go by their names in the files.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Statistics {
    num_records: Option<u64>,
    min_values: Option<Map<String, Value>>,
    max_values: Option<Map<String, Value>>,
}

/// Statistics that cannot be read are none: they spare work and decide nothing.
fn parse(json: Option<&str>) -> Statistics {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// How many rows a file holds, deleted ones included.
pub(crate) fn rows(json: Option<&str>) -> Option<u64> {
    parse(json).num_records
}

/// Smallest and largest value of a column in each file, null where unknown; `None` for types whose statistics are not used.
pub(crate) fn bounds<'a>(
    statistics: impl Iterator<Item = Option<&'a str>>,
    column: &str,
    data_type: &DataType,
) -> Option<(ArrayRef, ArrayRef)> {
    let is_used = data_type.is_integer()
        || matches!(data_type, DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..));
    if !is_used {
        return None;
    }
    let (mut mins, mut maxes) = (Vec::new(), Vec::new());
    for json in statistics {
        let Statistics { min_values, max_values, .. } = parse(json);
        mins.push(text(min_values.as_ref(), column));
        maxes.push(text(max_values.as_ref(), column));
    }
    let typed = |texts: Vec<Option<String>>| {
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        cast_with_options(&texts, data_type, &CastOptions::default()).ok()
    };
    Some((typed(mins)?, later(&typed(maxes)?)))
}

fn text(values: Option<&Map<String, Value>>, column: &str) -> Option<String> {
    match values?.get(column)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Instants moved to the last that may be meant.
fn later(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let instants = values.as_primitive::<TimestampMicrosecondType>();
            let later = instants.unary::<_, TimestampMicrosecondType>(|at| at.saturating_add(CUT_OFF));
            Arc::new(later.with_timezone_opt(zone.clone()))
        }
        _ => Arc::clone(values),
    }
}

/// The values of a partition column, one a file, from the texts that the log has; an empty text is a null.
///
/// # Errors
/// `Invalid` for a text that is no value of the type.
pub(crate) fn partition_values(texts: Vec<Option<String>>, data_type: &DataType) -> Result<ArrayRef> {
    let texts: ArrayRef =
        Arc::new(texts.into_iter().map(|text| text.filter(|t| !t.is_empty())).collect::<StringArray>());
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&texts, data_type, &options).map_err(|cause| {
        Error::invalid("a partition value of the table is not of its column's type")
            .with("expected", data_type)
            .because(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::{Date32Type, Int64Type};

    const FILES: [Option<&str>; 3] = [
        Some(
            r#"{"numRecords":3,"minValues":{"t":"2026-01-01T00:00:00.001Z","n":-5,"s":"a"},"maxValues":{"t":"2026-01-02T00:00:00Z","n":7,"s":"b"}}"#,
        ),
        None,
        Some("{broken"),
    ];

    #[test]
    fn instants_reach_to_the_end_of_their_millisecond() {
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let (mins, maxes) = bounds(FILES.into_iter(), "t", &zoned).unwrap();
        let value = |array: &ArrayRef| array.as_primitive::<TimestampMicrosecondType>().value(0);
        assert_eq!(value(&mins), 1_767_225_600_001_000);
        assert_eq!(value(&maxes), 1_767_312_000_000_999);
        assert_eq!((mins.null_count(), maxes.null_count()), (2, 2));
    }

    #[test]
    fn numbers_and_texts_are_bounds_and_what_is_unknown_is_null() {
        let (mins, maxes) = bounds(FILES.into_iter(), "n", &DataType::Int64).unwrap();
        assert_eq!(mins.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(-5), None, None]);
        assert_eq!(maxes.as_primitive::<Int64Type>().value(0), 7);
        let (unknown, _) = bounds(FILES.into_iter(), "other", &DataType::Int64).unwrap();
        assert_eq!(unknown.null_count(), 3);
        assert!(bounds(FILES.into_iter(), "n", &DataType::Float64).is_none());
        assert_eq!((rows(FILES[0]), rows(FILES[2])), (Some(3), None));
    }

    #[test]
    fn partition_texts_become_values_of_their_type() {
        let texts = |texts: &[Option<&str>]| texts.iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>();
        let days = partition_values(texts(&[Some("1970-01-02"), Some(""), None]), &DataType::Date32).unwrap();
        assert_eq!(days.as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(1), None, None]);
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let spellings = [Some("1970-01-01 00:00:01"), Some("1970-01-01T00:00:01.000000Z")];
        let times = partition_values(texts(&spellings), &zoned).unwrap();
        assert_eq!(times.as_primitive::<TimestampMicrosecondType>().values(), &[1_000_000, 1_000_000]);
        let wrong = partition_values(texts(&[Some("x")]), &DataType::Int32).unwrap_err();
        assert_eq!(wrong.get("expected"), Some("Int32"));
    }
}
