//! Columns of JSON values, as pushes carry them, to Arrow.

use super::is_shapeless;
use crate::{Error, Result, Timestamp, ValueType, timestamp_type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    NullArray, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::Field;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::sync::Arc;

/// What a number means where a timestamp is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum IntegerTime {
    Seconds,
    Milliseconds,
    Microseconds,
    /// What Feast's server takes them for.
    Nanoseconds,
}

/// Builds the Arrow column of a type from JSON values: [`ValueType::arrow`] where there is one; JSON text for maps, structs and nested collections, which [`encode`] reads;
/// ISO 8601 text for zoned timestamps, so that the zone stays.
///
/// Integers may be whole floats or text, timestamps are ISO 8601 text (UTC unless it says otherwise) or numbers in the given unit, bytes are base64, JSON may be text or JSON itself.
///
/// # Errors
/// `Invalid` naming the row and value that does not fit.
///
/// [`encode`]: crate::value::encode
pub fn json_column(values: &[Value], value_type: ValueType, numbers: IntegerTime) -> Result<ArrayRef> {
    let values: Vec<&Value> = values.iter().collect();
    Column { value_type, numbers }.build(&values)
}

#[derive(Clone, Copy)]
struct Column {
    value_type: ValueType,
    numbers: IntegerTime,
}

impl Column {
    fn build(self, values: &[&Value]) -> Result<ArrayRef> {
        if self.value_type == ValueType::SCALAR_MAP {
            // its keys are no texts, so of JSON only null is one
            return match values.iter().position(|value| !value.is_null()) {
                None => Ok(Arc::new(NullArray::new(values.len()))),
                Some(row) => {
                    Err(Error::unsupported("a scalar map cannot be read from JSON").with("row", row))
                }
            };
        }
        if is_shapeless(self.value_type) {
            return Ok(Arc::new(self.each::<_, StringArray>(values, |v| Some(v.to_string()))?));
        }
        if let Some(item) = self.value_type.item() {
            return self.lists(values, item);
        }
        Ok(match self.value_type {
            ValueType::BYTES | ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => {
                Arc::new(self.each::<_, BinaryArray>(values, |v| BASE64_STANDARD.decode(v.as_str()?).ok())?)
            }
            ValueType::INT32 => {
                Arc::new(self.each::<_, Int32Array>(values, |v| integer(v)?.try_into().ok())?)
            }
            ValueType::INT64 => Arc::new(self.each::<_, Int64Array>(values, integer)?),
            ValueType::DOUBLE => Arc::new(self.each::<_, Float64Array>(values, Value::as_f64)?),
            ValueType::FLOAT => Arc::new(self.each::<_, Float32Array>(values, |v| {
                v.as_f64().map(|v| v as f32).filter(|v| v.is_finite())
            })?),
            ValueType::BOOL => Arc::new(self.each::<_, BooleanArray>(values, boolean)?),
            ValueType::UNIX_TIMESTAMP => {
                let times =
                    self.each::<_, TimestampMicrosecondArray>(values, |v| self.timestamp(v).map(|t| t.0))?;
                Arc::new(times.with_data_type(timestamp_type()))
            }
            ValueType::STRING | ValueType::DECIMAL => Arc::new(self.each::<_, StringArray>(values, text)?),
            ValueType::JSON => Arc::new(self.each::<_, StringArray>(values, |v| match v {
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            })?),
            ValueType::UUID | ValueType::TIME_UUID | ValueType::ZONED_TIMESTAMP => {
                Arc::new(self.each::<_, StringArray>(values, |v| v.as_str().map(str::to_owned))?)
            }
            other => return Err(Error::invalid("JSON cannot hold this type").with("type", other)),
        })
    }

    /// Converts each value that is not null.
    fn each<T, A: FromIterator<Option<T>>>(
        self,
        values: &[&Value],
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Result<A> {
        let convert = |(row, value): (usize, &&Value)| match value {
            Value::Null => Ok(None),
            value => convert(value).map(Some).ok_or_else(|| self.misfit(row, value)),
        };
        values.iter().enumerate().map(convert).collect()
    }

    fn lists(self, values: &[&Value], item: ValueType) -> Result<ArrayRef> {
        let mut items = Vec::new();
        let mut lengths = Vec::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            let list: &[Value] = match value {
                Value::Null => &[],
                Value::Array(list) => list,
                other => return Err(self.misfit(row, other)),
            };
            items.extend(list);
            lengths.push(list.len());
        }
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
        let items =
            Self { value_type: item, ..self }.build(&items).map_err(|error| self.in_row(error, &offsets))?;
        let nulls = NullBuffer::from_iter(values.iter().map(|value| !value.is_null()));
        let field = Arc::new(Field::new("item", items.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, offsets, items, Some(nulls))?))
    }

    fn timestamp(self, value: &Value) -> Option<Timestamp> {
        if let Value::String(text) = value {
            return Timestamp::parse(text).ok();
        }
        let number = integer(value)?;
        Some(Timestamp(match self.numbers {
            IntegerTime::Seconds => number.checked_mul(1_000_000)?,
            IntegerTime::Milliseconds => number.checked_mul(1_000)?,
            IntegerTime::Microseconds => number,
            IntegerTime::Nanoseconds => number.div_euclid(1_000),
        }))
    }

    #[cold]
    fn misfit(self, row: usize, value: &Value) -> Error {
        let mut text = value.to_string();
        if let Some((cut, _)) = text.char_indices().nth(80) {
            text.truncate(cut);
            text.push('…');
        }
        Error::invalid("a value does not fit its type")
            .with("row", row)
            .with("value", text)
            .with("expected", self.value_type)
    }

    /// An item's error, naming the row that holds it.
    #[cold]
    fn in_row(self, error: Error, offsets: &OffsetBuffer<i32>) -> Error {
        let Some(item) = error.get("row").and_then(|row| row.parse::<usize>().ok()) else { return error };
        let row = offsets.partition_point(|start| *start as usize <= item).saturating_sub(1);
        Error::invalid("a value does not fit its type")
            .with("row", row)
            .with("value", error.get("value").unwrap_or_default())
            .with("expected", self.value_type)
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // Every whole double below 2^63 in magnitude is an i64.
            number.as_f64().filter(|v| v.fract() == 0.0 && v.abs() < 9.2e18).map(|v| v as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        other => match other.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

/// Text, or a number in the digits it was written with.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
