//! JSON text to value bytes, for maps, structs and nested collections. Types are those that Feast gives to Python's own values: INT64, DOUBLE, STRING, BOOL,
//! MAP, and lists of one of them.

use super::super::misfit::Misfit;
use super::super::wire::{LENGTH, put_bytes, put_double, put_int, put_message, put_tag, put_varint};
use crate::ValueType;
use arrow_array::builder::BinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, BinaryArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use serde_json::{Map, Value};

/// Reads a column of JSON text as messages of a type without shape; JSON's null is null.
pub(in super::super) fn messages(array: &ArrayRef, value_type: ValueType) -> Result<BinaryArray, Misfit> {
    let texts = cast(array, &DataType::Utf8)?;
    let mut out = BinaryBuilder::new();
    let mut message = Vec::new();
    for (row, text) in texts.as_string::<i32>().iter().enumerate() {
        message.clear();
        let value = match text {
            Some(text) => serde_json::from_str(text).map_err(|_| Misfit::at(row, array, "is not JSON"))?,
            None => Value::Null,
        };
        put(value_type, &value, &mut message).map_err(|problem| Misfit::at(row, array, problem))?;
        if value.is_null() { out.append_null() } else { out.append_value(&message) }
    }
    Ok(out.finish())
}

type Fit = Result<(), &'static str>;

/// How deep objects and arrays may stand in each other. One level takes up to three nested messages, and protobuf's parsers stop at 100.
const MAX_DEPTH: usize = 32;

fn put(value_type: ValueType, value: &Value, out: &mut Vec<u8>) -> Fit {
    let field = value_type.0.unsigned_abs();
    if depth(value) > MAX_DEPTH {
        return Err("is nested too deeply");
    }
    match (value_type, value) {
        (_, Value::Null) => Ok(()),
        (ValueType::MAP | ValueType::STRUCT, Value::Object(map)) => put_map(field, map, out),
        (ValueType::MAP_LIST | ValueType::STRUCT_LIST, Value::Array(items)) => put_maps(field, items, out),
        (ValueType::VALUE_LIST, Value::Array(items)) => put_values(field, items.iter(), out),
        (ValueType::VALUE_SET, Value::Array(items)) => {
            let first = |i: usize| !items[..i].contains(&items[i]);
            put_values(field, items.iter().enumerate().filter(|(i, _)| first(*i)).map(|(_, v)| v), out)
        }
        _ => Err("is JSON of another kind"),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Writes one value by what it is.
fn put_natural(value: &Value, out: &mut Vec<u8>) -> Fit {
    match value {
        Value::Null => {}
        Value::Bool(value) => put_int(out, field(ValueType::BOOL), i64::from(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => put_int(out, field(ValueType::INT64), integer),
            None if number.is_f64() => put_double(out, field(ValueType::DOUBLE), double(value)),
            None => return Err("has a number beyond 64 bits"),
        },
        Value::String(text) => put_bytes(out, field(ValueType::STRING), text.as_bytes()),
        Value::Array(items) => return put_list(items, out),
        Value::Object(map) => return put_map(field(ValueType::MAP), map, out),
    }
    Ok(())
}

fn put_list(items: &[Value], out: &mut Vec<u8>) -> Fit {
    let all = |test: fn(&Value) -> bool| !items.is_empty() && items.iter().all(test);
    if all(Value::is_i64) {
        put_message(out, field(ValueType::INT64_LIST), |out| {
            put_message(out, 1, |out| {
                items.iter().for_each(|v| put_varint(out, v.as_i64().unwrap_or_default() as u64));
            });
        });
    } else if all(Value::is_number) {
        put_message(out, field(ValueType::DOUBLE_LIST), |out| {
            put_tag(out, 1, LENGTH);
            put_varint(out, 8 * items.len() as u64);
            items.iter().for_each(|v| out.extend_from_slice(&double(v).to_le_bytes()));
        });
    } else if all(Value::is_string) {
        put_message(out, field(ValueType::STRING_LIST), |out| {
            items.iter().for_each(|v| put_bytes(out, 1, v.as_str().unwrap_or_default().as_bytes()));
        });
    } else if all(Value::is_boolean) {
        put_message(out, field(ValueType::BOOL_LIST), |out| {
            put_message(out, 1, |out| out.extend(items.iter().map(|v| u8::from(v == &Value::Bool(true)))));
        });
    } else if all(Value::is_object) {
        return put_maps(field(ValueType::MAP_LIST), items, out);
    } else {
        return put_values(field(ValueType::VALUE_LIST), items.iter(), out);
    }
    Ok(())
}

fn put_values<'a>(field: u32, items: impl Iterator<Item = &'a Value>, out: &mut Vec<u8>) -> Fit {
    nested(field, out, |out| {
        for item in items {
            nested(1, out, |out| put_natural(item, out))?;
        }
        Ok(())
    })
}

fn put_maps(field: u32, items: &[Value], out: &mut Vec<u8>) -> Fit {
    nested(field, out, |out| {
        items.iter().try_for_each(|item| match item {
            Value::Object(map) => put_map(1, map, out),
            _ => Err("has an item that is not an object"),
        })
    })
}

fn put_map(field: u32, map: &Map<String, Value>, out: &mut Vec<u8>) -> Fit {
    nested(field, out, |out| {
        for (key, value) in map {
            nested(1, out, |out| {
                put_bytes(out, 1, key.as_bytes());
                nested(2, out, |out| put_natural(value, out))
            })?;
        }
        Ok(())
    })
}

/// A message whose body may fail.
fn nested(field: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>) -> Fit) -> Fit {
    let mut fit = Ok(());
    put_message(out, field, |out| fit = body(out));
    fit
}

fn field(value_type: ValueType) -> u32 {
    value_type.0.unsigned_abs()
}

fn double(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}
