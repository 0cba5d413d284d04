//! Feature values of every type as wire bytes of `feast.types.Value`, made by hand from the field numbers of Feast's `Value.proto`: a yardstick that shares no code with
//! the encoder under test.

use provender_core::ValueType;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// Value bytes of a type, a different one for each seed; `None` for a type that no value has (`UNKNOWN`, and `NULL`, which is the empty string).
#[must_use]
pub fn value(value_type: ValueType, seed: u64) -> Option<Vec<u8>> {
    use ValueType as V;
    let field = u32::try_from(value_type.0).ok()?;
    Some(match value_type {
        V::UNKNOWN | V::NULL => return None,
        V::BYTES => bytes(1, &[0, 255, 128, seed as u8]),
        // Python writes these two as plain bytes.
        V::PDF_BYTES | V::IMAGE_BYTES => bytes(1, &[0x89, seed as u8]),
        V::STRING | V::JSON | V::UUID | V::TIME_UUID | V::DECIMAL => {
            bytes(field, text(value_type, seed).as_bytes())
        }
        V::INT32 => varint_field(field, i64::from(seed as i32 - 1) as u64),
        V::INT64 | V::UNIX_TIMESTAMP => varint_field(field, seed.wrapping_sub(1)),
        V::BOOL => varint_field(field, seed % 2),
        V::DOUBLE => [tag(field, FIXED64), double(seed).to_le_bytes().to_vec()].concat(),
        V::FLOAT => [tag(field, FIXED32), (double(seed) as f32).to_le_bytes().to_vec()].concat(),
        V::MAP | V::STRUCT => bytes(field, &map(seed)),
        V::MAP_LIST | V::STRUCT_LIST => bytes(field, &[bytes(1, &map(seed)), bytes(1, &[])].concat()),
        V::VALUE_LIST | V::VALUE_SET => bytes(field, &[inner_list(seed), bytes(1, &[])].concat()),
        V::SCALAR_MAP => bytes(field, &bytes(1, &scalar_entry(seed))),
        V::ZONED_TIMESTAMP => {
            bytes(field, &[varint_field(1, 1_767_225_600 + seed), bytes(2, b"Europe/Berlin")].concat())
        }
        _ => bytes(field, &items(value_type.item()?, seed)),
    })
}

/// A string value.
#[must_use]
pub fn text_value(text: &str) -> Vec<u8> {
    bytes(ValueType::STRING.0 as u32, text.as_bytes())
}

fn text(value_type: ValueType, seed: u64) -> String {
    match value_type {
        ValueType::JSON => format!("{{\"a\": [1, {seed}]}}"),
        ValueType::UUID | ValueType::TIME_UUID => format!("00000000-0000-4000-8000-{seed:012x}"),
        ValueType::DECIMAL => format!("-{seed}.500"),
        _ => format!("grün \u{0}'\"\\ {seed}"),
    }
}

fn double(seed: u64) -> f64 {
    [0.1, -0.0, f64::INFINITY, f64::NAN][seed as usize % 4] + (seed / 4) as f64
}

/// The list messages: numbers are packed, everything else is repeated.
fn items(item: ValueType, seed: u64) -> Vec<u8> {
    use ValueType as V;
    let three = [seed, 0, seed + 1];
    match item {
        V::INT32 | V::INT64 | V::UNIX_TIMESTAMP => {
            bytes(1, &three.iter().flat_map(|n| varint(*n)).collect::<Vec<_>>())
        }
        V::BOOL => bytes(1, &[1, 0, (seed % 2) as u8]),
        V::DOUBLE => bytes(1, &three.iter().flat_map(|n| double(*n).to_le_bytes()).collect::<Vec<_>>()),
        V::FLOAT => {
            bytes(1, &three.iter().flat_map(|n| (double(*n) as f32).to_le_bytes()).collect::<Vec<_>>())
        }
        V::BYTES => [bytes(1, &[seed as u8]), bytes(1, &[])].concat(),
        _ => three.iter().flat_map(|n| bytes(1, text(item, *n).as_bytes())).collect(),
    }
}

fn map(seed: u64) -> Vec<u8> {
    let entry = |key: &str, value: Vec<u8>| bytes(1, &[bytes(1, key.as_bytes()), bytes(2, &value)].concat());
    [entry("number", varint_field(4, seed)), entry("nothing", Vec::new())].concat()
}

fn inner_list(seed: u64) -> Vec<u8> {
    bytes(1, &bytes(14, &items(ValueType::INT64, seed)))
}

fn scalar_entry(seed: u64) -> Vec<u8> {
    [bytes(1, &varint_field(2, seed)), bytes(2, &text_value("value"))].concat()
}

fn tag(field: u32, wire: u8) -> Vec<u8> {
    varint(u64::from(field) << 3 | u64::from(wire))
}

fn bytes(field: u32, content: &[u8]) -> Vec<u8> {
    [tag(field, BYTES), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint_field(field: u32, value: u64) -> Vec<u8> {
    [tag(field, VARINT), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::value::read;

    #[test]
    fn every_type_has_values_that_core_reads_as_that_type() {
        for value_type in ValueType::all() {
            let Some(bytes) = value(value_type, 5) else { continue };
            let expected = match value_type {
                ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => ValueType::BYTES,
                other => other,
            };
            assert_eq!(read(&bytes).unwrap().0, expected, "{value_type}");
            assert_ne!(value(value_type, 6), Some(bytes), "{value_type}");
        }
    }
}
