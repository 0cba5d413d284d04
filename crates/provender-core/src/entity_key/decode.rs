//! Entity keys back to join keys and values.

use super::KeyValue;
use crate::{Error, Result, ValueType};

/// Reads an entity key back: its join keys, sorted by name, with their types and values.
///
/// # Errors
/// `Invalid` for bytes that are not a key of serialization version 3, among them keys of the older versions, which cannot be told apart from their values.
pub fn decode_entity_key(key: &[u8]) -> Result<Vec<(&str, ValueType, KeyValue<'_>)>> {
    decode(key).ok_or_else(|| {
        Error::invalid("not an entity key of serialization version 3").with("bytes", key.len()).with(
            "expected",
            "a key written with entity_key_serialization_version: 3; older keys cannot be read back",
        )
    })
}

fn decode(key: &[u8]) -> Option<Vec<(&str, ValueType, KeyValue<'_>)>> {
    let mut rest = key;
    let count = number(&mut rest)?;
    let mut names = Vec::new();
    for _ in 0..count {
        let (value_type, bytes) = part(&mut rest)?;
        if value_type != ValueType::STRING {
            return None;
        }
        names.push(std::str::from_utf8(bytes).ok()?);
    }
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let (value_type, bytes) = part(&mut rest)?;
        let value = match value_type {
            ValueType::STRING => KeyValue::Text(std::str::from_utf8(bytes).ok()?),
            ValueType::BYTES => KeyValue::Bytes(bytes),
            ValueType::INT32 => KeyValue::Int(i32::from_le_bytes(bytes.try_into().ok()?).into()),
            ValueType::INT64 | ValueType::UNIX_TIMESTAMP => {
                KeyValue::Int(i64::from_le_bytes(bytes.try_into().ok()?))
            }
            _ => return None,
        };
        parts.push((name, value_type, value));
    }
    rest.is_empty().then_some(parts)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(u32::from_le_bytes(*head))
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<(ValueType, &'a [u8])> {
    let value_type = ValueType(i32::try_from(number(rest)?).ok()?);
    let len = usize::try_from(number(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some((value_type, head))
}
