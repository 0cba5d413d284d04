//! A column made ready to be written, value by value.

use super::super::canonical::{canonical, unpacked};
use super::super::misfit::{Misfit, refuse};
use super::super::wire::{
    LENGTH, put_bytes, put_double, put_float, put_int, put_message, put_tag, put_varint,
};
use super::super::{NonFinite, from_json, write_json};
use super::list::List;
use super::map::{Map, ScalarMap};
use super::zoned::Zoned;
use crate::ValueType;
use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    StringArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

/// A column whose values become `feast.types.Value` messages.
pub(super) struct Values {
    /// Which field of the message holds the value: the number of its type.
    pub(super) field: u32,
    pub(super) kind: Kind,
}

/// A column in the form that is written, under a field number that the caller knows.
pub(super) enum Kind {
    Int32(Int32Array),
    /// INT64 and UNIX_TIMESTAMP.
    Int64(Int64Array),
    Double(Float64Array),
    Float(Float32Array),
    Bool(BooleanArray),
    Text(StringArray),
    Bytes(BinaryArray),
    Zoned(Zoned),
    List(List),
    Map(Map),
    ScalarMap(ScalarMap),
    /// Messages that are complete, field number included: read from JSON text.
    Ready(BinaryArray),
}

impl Values {
    pub(super) fn new(array: &ArrayRef, value_type: ValueType) -> Result<Self, Misfit> {
        let kind = Kind::new(array, value_type)?;
        let field = match value_type {
            ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => ValueType::BYTES,
            other => other,
        };
        Ok(Self { field: field.0.unsigned_abs(), kind })
    }

    /// A column inside a map, struct or nested list, where only Arrow's type tells what it is.
    pub(super) fn natural(array: &ArrayRef) -> Result<Self, Misfit> {
        let value_type = match ValueType::of_arrow(array.data_type()) {
            Some(ValueType::STRUCT) => ValueType::MAP,
            Some(ValueType::STRUCT_LIST) => ValueType::MAP_LIST,
            Some(value_type) => value_type,
            None if array.data_type() == &DataType::Null => ValueType::STRING,
            None => return refuse(array.data_type(), ValueType::UNKNOWN),
        };
        Self::new(array, value_type)
    }

    /// Writes the fields of one message; none for null.
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) {
        if self.kind.nulls().is_none_or(|nulls| nulls.is_valid(row)) {
            self.kind.put(self.field, row, out);
        }
    }

    /// A guess at the bytes of a row, to set memory aside.
    pub(super) fn bytes_a_row(&self, rows: usize) -> usize {
        match &self.kind {
            Kind::Double(_) => 9,
            Kind::Float(_) => 5,
            Kind::Bool(_) => 2,
            Kind::Text(array) => array.value_data().len() / rows.max(1) + 4,
            Kind::Bytes(array) => array.value_data().len() / rows.max(1) + 4,
            _ => 8,
        }
    }
}

impl Kind {
    pub(super) fn new(array: &ArrayRef, value_type: ValueType) -> Result<Self, Misfit> {
        let array = &unpacked(array)?;
        Ok(match value_type {
            list if list.item().is_some()
                || list == ValueType::VALUE_LIST
                || list == ValueType::VALUE_SET =>
            {
                if is_text(array.data_type()) && from_json::is_shapeless(list) {
                    return from_json::messages(array, list).map(Self::Ready);
                }
                Self::List(List::new(array, value_type)?)
            }
            ValueType::MAP | ValueType::STRUCT => {
                if is_text(array.data_type()) {
                    return from_json::messages(array, value_type).map(Self::Ready);
                }
                Self::Map(Map::new(array, value_type)?)
            }
            ValueType::SCALAR_MAP if array.data_type() == &DataType::Null => {
                Self::Text(StringArray::new_null(array.len()))
            }
            ValueType::SCALAR_MAP => Self::ScalarMap(ScalarMap::new(array)?),
            ValueType::ZONED_TIMESTAMP => Self::Zoned(Zoned::new(array)?),
            ValueType::JSON if array.data_type().is_nested() => Self::Text(json_text(array)?),
            scalar => Self::scalar(&canonical(array, scalar)?, scalar),
        })
    }

    fn scalar(array: &ArrayRef, value_type: ValueType) -> Self {
        match value_type {
            ValueType::BYTES | ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => {
                Self::Bytes(array.as_binary().clone())
            }
            ValueType::INT32 => Self::Int32(array.as_primitive::<Int32Type>().clone()),
            ValueType::INT64 | ValueType::UNIX_TIMESTAMP => {
                Self::Int64(array.as_primitive::<Int64Type>().clone())
            }
            ValueType::DOUBLE => Self::Double(array.as_primitive::<Float64Type>().clone()),
            ValueType::FLOAT => Self::Float(array.as_primitive::<Float32Type>().clone()),
            ValueType::BOOL => Self::Bool(array.as_boolean().clone()),
            _ => Self::Text(array.as_string().clone()),
        }
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Int32(a) => a.nulls(),
            Self::Int64(a) => a.nulls(),
            Self::Double(a) => a.nulls(),
            Self::Float(a) => a.nulls(),
            Self::Bool(a) => a.nulls(),
            Self::Text(a) => a.nulls(),
            Self::Bytes(a) | Self::Ready(a) => a.nulls(),
            Self::Zoned(a) => a.nulls(),
            Self::List(a) => a.nulls(),
            Self::Map(a) => a.nulls(),
            Self::ScalarMap(a) => a.nulls(),
        }
    }

    /// Writes one value, which must not be null, as a field.
    #[inline]
    pub(super) fn put(&self, field: u32, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Int32(a) => put_int(out, field, a.value(row).into()),
            Self::Int64(a) => put_int(out, field, a.value(row)),
            Self::Double(a) => put_double(out, field, a.value(row)),
            Self::Float(a) => put_float(out, field, a.value(row)),
            Self::Bool(a) => put_int(out, field, a.value(row).into()),
            Self::Text(a) => put_bytes(out, field, a.value(row).as_bytes()),
            Self::Bytes(a) => put_bytes(out, field, a.value(row)),
            Self::Ready(a) => out.extend_from_slice(a.value(row)),
            Self::Zoned(a) => put_message(out, field, |out| a.put(row, out)),
            Self::List(a) => a.put(field, row, out),
            Self::Map(a) => put_message(out, field, |out| a.put(row, out)),
            Self::ScalarMap(a) => put_message(out, field, |out| a.put(row, out)),
        }
    }

    /// Writes items as one packed field of numbers; `None` if such items are not packed.
    pub(super) fn put_packed(&self, items: std::ops::Range<usize>, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Double(a) => {
                put_tag(out, 1, LENGTH);
                put_varint(out, 8 * items.len() as u64);
                a.values()[items].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
            }
            Self::Float(a) => {
                put_tag(out, 1, LENGTH);
                put_varint(out, 4 * items.len() as u64);
                a.values()[items].iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
            }
            Self::Int64(a) => put_message(out, 1, |out| {
                a.values()[items].iter().for_each(|v| put_varint(out, *v as u64));
            }),
            Self::Int32(a) => put_message(out, 1, |out| {
                a.values()[items].iter().for_each(|v| put_varint(out, i64::from(*v) as u64));
            }),
            Self::Bool(a) => put_message(out, 1, |out| items.for_each(|i| out.push(a.value(i).into()))),
            _ => return None,
        }
        Some(())
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Maps, structs and lists as JSON text.
fn json_text(array: &ArrayRef) -> Result<StringArray, Misfit> {
    let values = Values::natural(array)?;
    let mut texts = StringBuilder::new();
    let (mut message, mut json) = (Vec::new(), Vec::new());
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
            continue;
        }
        message.clear();
        json.clear();
        values.put(row, &mut message);
        // Bytes that were written right here can be read.
        let _ = write_json(&message, NonFinite::Null, &mut json);
        texts.append_value(String::from_utf8_lossy(&json));
    }
    Ok(texts.finish())
}
