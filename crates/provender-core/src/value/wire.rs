//! Protobuf's wire format, as much of it as values and the messages around them need: varints, tags and length-delimited fields.
//!
//! Format: <https://protobuf.dev/programming-guides/encoding/>.

use crate::{Error, Result};

/// Wire type of a varint.
pub const VARINT: u32 = 0;
/// Wire type of eight little-endian bytes.
pub const FIXED64: u32 = 1;
/// Wire type of a length and that many bytes.
pub const LENGTH: u32 = 2;
/// Wire type of four little-endian bytes.
pub const FIXED32: u32 = 5;

/// Appends a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    // Ten bytes hold 64 bits. Adding all ten and cutting is quicker than growing byte by byte.
    let mut bytes = [0; 10];
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    let end = out.len() + len + 1;
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

/// Appends a field's tag.
#[inline]
pub fn put_tag(out: &mut Vec<u8>, field: u32, wire: u32) {
    put_varint(out, u64::from(field << 3 | wire));
}

/// Appends an integer or bool as a field. A negative number takes ten bytes, also of 32 bits: protobuf extends the sign.
#[inline]
pub fn put_int(out: &mut Vec<u8>, field: u32, value: i64) {
    put_tag(out, field, VARINT);
    put_varint(out, value as u64);
}

/// Appends a double as a field.
#[inline]
pub fn put_double(out: &mut Vec<u8>, field: u32, value: f64) {
    put_tag(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a float as a field.
#[inline]
pub fn put_float(out: &mut Vec<u8>, field: u32, value: f32) {
    put_tag(out, field, FIXED32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a length-delimited field.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    if field < 0x10 && bytes.len() < 0x80 {
        // tag and length take a byte each
        out.extend_from_slice(&[(field << 3 | LENGTH) as u8, bytes.len() as u8]);
        return out.extend_from_slice(bytes);
    }
    put_tag(out, field, LENGTH);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a length-delimited field whose bytes `body` writes.
pub fn put_message(out: &mut Vec<u8>, field: u32, body: impl FnOnce(&mut Vec<u8>)) {
    put_tag(out, field, LENGTH);
    let start = out.len();
    // Most messages here are shorter than 128 bytes, so one byte is set aside for the length and the body moved only if it needs more.
    out.push(0);
    body(out);
    let len = (out.len() - start - 1) as u64;
    if len < 0x80 {
        out[start] = len as u8;
    } else {
        let mut prefix = Vec::with_capacity(10);
        put_varint(&mut prefix, len);
        out.splice(start..=start, prefix);
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Payload<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

/// Reads fields one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over the bytes of a message.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether the message has been read to its end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A varint without a tag, as in packed fields.
    ///
    /// # Errors
    /// `Internal` if it is cut short.
    pub fn varint(&mut self) -> Result<u64> {
        if let [first, rest @ ..] = self.rest
            && *first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*first));
        }
        let mut value = 0;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(damaged("a varint has no end"))
    }

    /// A number of fixed width without a tag, as in packed fields.
    ///
    /// # Errors
    /// `Internal` if it is cut short.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| damaged("a number is cut short"))?;
        self.rest = rest;
        Ok(*head)
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.varint()?;
        let len = usize::try_from(len).ok().filter(|len| *len <= self.rest.len());
        let (head, rest) = self.rest.split_at(len.ok_or_else(|| damaged("a field is cut short"))?);
        self.rest = rest;
        Ok(head)
    }

    /// The next field's number and payload; `None` at the end.
    ///
    /// # Errors
    /// `Internal` if what follows is no field.
    pub fn field(&mut self) -> Result<Option<(u32, Payload<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| damaged("a tag is too large"))?;
        let payload = match tag & 7 {
            VARINT => Payload::Varint(self.varint()?),
            FIXED64 => Payload::Fixed64(self.array()?),
            LENGTH => Payload::Bytes(self.bytes()?),
            FIXED32 => Payload::Fixed32(self.array()?),
            _ => return Err(damaged("a field has an unknown wire type")),
        };
        match tag >> 3 {
            0 => Err(damaged("a field has number 0")),
            number => Ok(Some((number, payload))),
        }
    }
}

/// The error for bytes that are not a value.
#[cold]
pub(crate) fn damaged(reason: &'static str) -> Error {
    Error::internal("stored bytes are not a value").with("reason", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_read_back() {
        for value in [0, 1, 127, 128, 300, 1 << 21, (1 << 28) - 1, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(Reader::new(&out).varint().unwrap(), value);
        }
        assert!(Reader::new(&[0x80; 11]).varint().is_err());
    }

    #[test]
    fn long_message_gets_a_long_length() {
        for len in [0, 127, 128, 20_000] {
            let mut out = vec![9];
            put_message(&mut out, 1, |out| out.extend(std::iter::repeat_n(7, len)));
            let field = Reader::new(&out[1..]).field().unwrap();
            assert_eq!(field, Some((1, Payload::Bytes(&vec![7; len]))));
        }
    }
}
