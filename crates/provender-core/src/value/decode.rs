//! Value bytes to Arrow columns.

#[cfg(test)]
mod tests;

use super::from_json::is_shapeless;
use super::json::{NonFinite, Writer};
use super::read::{ValueRef, read};
use crate::{Error, Kind, Result, SECOND, ValueType, timestamp_type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::Field;
use std::sync::Arc;

/// Decodes a column of value bytes as the Arrow column of a type: [`ValueType::arrow`] where there is one, JSON text for maps, structs and nested collections.
/// Null and empty bytes are null. Of a zoned timestamp the instant stays and the zone goes. Integers that are stored for a float feature are converted.
///
/// # Errors
/// `Internal` if the bytes are not values; `Invalid` naming the row if a value of another type is stored.
pub fn decode(column: &BinaryArray, value_type: ValueType) -> Result<ArrayRef> {
    let values = column
        .iter()
        .map(|bytes| read(bytes.unwrap_or_default()).map(|(_, value)| value))
        .collect::<Result<Vec<_>>>()?;
    build(&values, value_type)
}

fn build(values: &[ValueRef<'_>], value_type: ValueType) -> Result<ArrayRef> {
    use ValueRef as V;
    if is_shapeless(value_type) {
        return json_texts(values);
    }
    if let Some(item) = value_type.item() {
        return lists(values, value_type, item);
    }
    Ok(match value_type {
        ValueType::BYTES | ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => {
            Arc::new(each::<_, BinaryArray>(values, value_type, |v| match v {
                V::Bytes(bytes) => Some(bytes),
                _ => None,
            })?)
        }
        ValueType::INT32 => Arc::new(each::<_, Int32Array>(values, value_type, |v| match v {
            V::Int(v) => v.try_into().ok(),
            _ => None,
        })?),
        ValueType::INT64 => Arc::new(each::<_, Int64Array>(values, value_type, |v| match v {
            V::Int(v) => Some(v),
            _ => None,
        })?),
        ValueType::DOUBLE => Arc::new(each::<_, Float64Array>(values, value_type, double)?),
        ValueType::FLOAT => {
            Arc::new(each::<_, Float32Array>(values, value_type, |v| double(v).map(|v| v as f32))?)
        }
        ValueType::BOOL => Arc::new(each::<_, BooleanArray>(values, value_type, |v| match v {
            V::Bool(v) => Some(v),
            _ => None,
        })?),
        ValueType::UNIX_TIMESTAMP | ValueType::ZONED_TIMESTAMP => {
            let times = each::<_, TimestampMicrosecondArray>(values, value_type, |v| match v {
                V::Timestamp(seconds) | V::Zoned(seconds, _) => seconds.checked_mul(SECOND),
                _ => None,
            })?;
            Arc::new(times.with_data_type(timestamp_type()))
        }
        ValueType::STRING | ValueType::JSON | ValueType::UUID | ValueType::TIME_UUID | ValueType::DECIMAL => {
            Arc::new(each::<_, StringArray>(values, value_type, |v| match v {
                V::Text(text) => Some(text),
                _ => None,
            })?)
        }
        other => return Err(Error::unsupported("values of this type have no column").with("type", other)),
    })
}

fn double(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Double(v) => Some(v),
        ValueRef::Float(v) => Some(v.into()),
        ValueRef::Int(v) => Some(v as f64),
        _ => None,
    }
}

/// Converts each value that is not null.
fn each<'a, T, A: FromIterator<Option<T>>>(
    values: &[ValueRef<'a>],
    value_type: ValueType,
    convert: impl Fn(ValueRef<'a>) -> Option<T>,
) -> Result<A> {
    let convert = |(row, value): (usize, &ValueRef<'a>)| match value {
        ValueRef::Null => Ok(None),
        value => convert(*value).map(Some).ok_or_else(|| misfit(row, value_type)),
    };
    values.iter().enumerate().map(convert).collect()
}

fn lists(values: &[ValueRef<'_>], value_type: ValueType, item: ValueType) -> Result<ArrayRef> {
    let mut items = Vec::new();
    let mut lengths = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let before = items.len();
        match value {
            ValueRef::Null => {}
            ValueRef::List(list) => {
                for item in *list {
                    items.push(item?);
                }
            }
            _ => return Err(misfit(row, value_type)),
        }
        lengths.push(items.len() - before);
    }
    let items = build(&items, item)?;
    let nulls = NullBuffer::from_iter(values.iter().map(|value| !matches!(value, ValueRef::Null)));
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), items, Some(nulls))?))
}

fn json_texts(values: &[ValueRef<'_>]) -> Result<ArrayRef> {
    let writer = Writer { non_finite: NonFinite::Null, scalar_maps: true };
    let text = |value: &ValueRef<'_>| {
        if matches!(value, ValueRef::Null) {
            return Ok(None);
        }
        let mut out = Vec::new();
        writer.value(*value, 0, &mut out)?;
        Ok(Some(String::from_utf8_lossy(&out).into_owned()))
    };
    Ok(Arc::new(values.iter().map(text).collect::<Result<StringArray>>()?))
}

#[cold]
fn misfit(row: usize, value_type: ValueType) -> Error {
    Error::new(Kind::Invalid, "a value of another type is stored")
        .with("row", row)
        .with("expected", value_type)
}
