//! A message's bytes, field by field, without a schema.
//!
//! The encoding is described at <https://protobuf.dev/programming-guides/encoding/>.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use std::fmt;

/// Groups inside groups deeper than this are refused, as prost does for messages.
const MAX_DEPTH: usize = 100;

/// One field as it stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    /// Field number.
    pub(crate) number: u32,
    /// How its value is written.
    pub(crate) wire_type: WireType,
    /// The value: without its length if it is length-delimited.
    pub(crate) value: &'a [u8],
    /// Key and value, as they stand.
    pub(crate) raw: &'a [u8],
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Malformed {
    /// Where in the bytes the field begins that cannot be read.
    pub(crate) offset: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no protobuf field at byte {}", self.offset)
    }
}

impl std::error::Error for Malformed {}

/// The fields of a message in order; stops after the first malformed one.
pub(crate) fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Malformed>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let offset = bytes.len() - rest.len();
        (!rest.is_empty()).then(|| {
            read(&mut rest, 0).ok_or_else(|| {
                rest = &[];
                Malformed { offset }
            })
        })
    })
}

fn read<'a>(rest: &mut &'a [u8], depth: usize) -> Option<Field<'a>> {
    let start = *rest;
    let (number, wire_type) = decode_key(rest).ok()?;
    let body = *rest;
    let value = match wire_type {
        WireType::Varint => {
            decode_varint(rest).ok()?;
            &body[..body.len() - rest.len()]
        }
        WireType::ThirtyTwoBit => rest.split_off(..4)?,
        WireType::SixtyFourBit => rest.split_off(..8)?,
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(rest).ok()?).ok()?;
            rest.split_off(..length)?
        }
        WireType::StartGroup => skip_group(rest, number, depth)?,
        WireType::EndGroup => return None,
    };
    Some(Field { number, wire_type, value, raw: &start[..start.len() - rest.len()] })
}

/// Steps over a group's fields and its end; its fields are the value.
fn skip_group<'a>(rest: &mut &'a [u8], number: u32, depth: usize) -> Option<&'a [u8]> {
    if depth == MAX_DEPTH {
        return None;
    }
    let body = *rest;
    loop {
        let mut after = *rest;
        if let (end, WireType::EndGroup) = decode_key(&mut after).ok()? {
            let value = &body[..body.len() - rest.len()];
            *rest = after;
            return (end == number).then_some(value);
        }
        read(rest, depth + 1)?;
    }
}

/// Appends a length-delimited field.
pub(crate) fn put(number: u32, value: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(bytes: &[u8]) -> Result<Vec<u32>, Malformed> {
        fields(bytes).map(|field| field.map(|f| f.number)).collect()
    }

    #[test]
    fn reads_every_wire_type_and_gives_back_the_same_bytes() {
        let bytes = [
            &[0x08, 0x96, 0x01][..],                     // 1: varint
            &[0x15, 1, 2, 3, 4],                         // 2: 32 bit
            &[0x19, 1, 2, 3, 4, 5, 6, 7, 8],             // 3: 64 bit
            &[0x22, 2, b'h', b'i'],                      // 4: bytes
            &[0x2b, 0x08, 1, 0x33, 0x08, 1, 0x34, 0x2c], // 5: group with 1 and a group 6
        ]
        .concat();
        assert_eq!(numbers(&bytes).unwrap(), [1, 2, 3, 4, 5]);
        let raw: Vec<u8> = fields(&bytes).flat_map(|field| field.unwrap().raw.to_vec()).collect();
        assert_eq!(raw, bytes);
        assert_eq!(fields(&bytes).nth(3).unwrap().unwrap().value, b"hi");
    }

    #[test]
    fn malformed_bytes_say_where() {
        assert_eq!(numbers(&[0x08, 1, 0x12, 5, 1]), Err(Malformed { offset: 2 }), "length beyond the end");
        assert_eq!(numbers(&[0x08]), Err(Malformed { offset: 0 }), "no value");
        assert_eq!(numbers(&[0x0c]), Err(Malformed { offset: 0 }), "an end without a start");
        assert_eq!(numbers(&[0x0b, 0x14]), Err(Malformed { offset: 0 }), "another group's end");
        assert_eq!(numbers(&[0x0b; 4000]), Err(Malformed { offset: 0 }), "groups without end");
        assert_eq!(numbers(&[0x00, 0]), Err(Malformed { offset: 0 }), "number 0");
        assert_eq!(
            numbers(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Err(Malformed { offset: 0 })
        );
    }
}
