//! Join key values as feature values: what a server answers for the join keys of a request.

use super::wire::{put_bytes, put_int};
use crate::{Error, Result, ValueType};

/// Appends the value bytes of one join key, given the part of its entity key after the prefix: type number, length and bytes (see [`crate::EntityKeys`]).
///
/// # Errors
/// `Internal` if the part is not that of one join key.
pub fn put_key(part: &[u8], out: &mut Vec<u8>) -> Result<()> {
    split(part)
        .and_then(|(value_type, bytes)| put(value_type, bytes, out))
        .ok_or_else(|| Error::internal("not the value of one join key").with("bytes", part.len()))
}

fn split(part: &[u8]) -> Option<(ValueType, &[u8])> {
    let (value_type, rest) = part.split_first_chunk()?;
    let (len, bytes) = rest.split_first_chunk()?;
    (u32::from_le_bytes(*len) as usize == bytes.len())
        .then_some((ValueType(i32::from_le_bytes(*value_type)), bytes))
}

fn put(value_type: ValueType, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let field = u32::try_from(value_type.0).ok()?;
    match value_type {
        ValueType::STRING | ValueType::BYTES => put_bytes(out, field, bytes),
        ValueType::INT32 => put_int(out, field, i32::from_le_bytes(bytes.try_into().ok()?).into()),
        ValueType::INT64 | ValueType::UNIX_TIMESTAMP => {
            put_int(out, field, i64::from_le_bytes(bytes.try_into().ok()?));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::put_key;
    use crate::value::{NonFinite, write_json};
    use crate::{EntityKeyEncoder, EntityKeys, KeyValue, ValueType};

    fn json(value_type: ValueType, value: KeyValue<'_>) -> String {
        let encoder = EntityKeyEncoder::new([("k", value_type)]).unwrap();
        let mut keys = EntityKeys::default();
        assert!(encoder.push(&mut keys, |_| value).unwrap());
        let mut bytes = Vec::new();
        put_key(&keys.key(0)[encoder.prefix().len()..], &mut bytes).unwrap();
        let mut out = Vec::new();
        write_json(&bytes, NonFinite::Error, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keys_of_every_type_read_as_values() {
        assert_eq!(json(ValueType::INT64, KeyValue::Text("1001")), "1001");
        assert_eq!(json(ValueType::INT32, KeyValue::Int(-5)), "-5");
        assert_eq!(json(ValueType::UNIX_TIMESTAMP, KeyValue::Int(1)), "1");
        assert_eq!(json(ValueType::STRING, KeyValue::Text("zoë")), "\"zoë\"");
        assert_eq!(json(ValueType::BYTES, KeyValue::Bytes(b"ab")), "\"YWI=\"");
    }

    #[test]
    fn other_bytes_are_refused() {
        for part in [&b""[..], b"\x04\0\0\0\x08\0\0\0abc", b"\x05\0\0\0\x01\0\0\0a"] {
            assert!(put_key(part, &mut Vec::new()).is_err());
        }
    }
}
