//! Value bytes to JSON and to text.

use super::number::{write_float, write_int, write_short_item};
use super::read::{ItemsRef, MapRef, ScalarMapRef, ValueRef, read, text as utf8};
use super::wire::{Reader, damaged};
use crate::{Error, Result, ValueType};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, FixedOffset, SecondsFormat, TimeZone, Utc};
use std::borrow::Cow;
use std::fmt::Display;

/// What becomes of NaN and the infinities, which JSON does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// They are written as null.
    #[default]
    Null,
    /// They are an error, as in Feast.
    Error,
}

/// How deep lists and maps may stand in each other; protobuf's own parsers stop at 100.
const MAX_DEPTH: usize = 100;

/// Appends a value as JSON, as Feast's server writes it: compact, text unescaped, floats in Python's shortest digits (FLOAT widened to double first), bytes in
/// base64, timestamps as seconds since 1970, zoned timestamps as ISO 8601 text in their zone, lists and sets as arrays, maps and structs as objects
/// in the order they were written. A scalar map is null, as in Feast.
///
/// # Errors
/// `Internal` if the bytes are not a value; `Invalid` for a number that JSON does not have, if the policy says so. What was appended until then stays.
#[inline]
pub fn write_json(value: &[u8], non_finite: NonFinite, out: &mut Vec<u8>) -> Result<()> {
    write_json_item(value, non_finite, out)?;
    out.pop();
    Ok(())
}

/// Appends a value as [`write_json`] does, and a comma.
///
/// # Errors
/// As [`write_json`].
#[inline(always)]
pub fn write_json_item(value: &[u8], non_finite: NonFinite, out: &mut Vec<u8>) -> Result<()> {
    if let Some(number) = small_int(value) {
        write_short_item(number, out);
        return Ok(());
    }
    write_any(value, non_finite, out)?;
    out.push(b',');
    Ok(())
}

/// Of most features the values are whole numbers of a few bytes: an INT64 without sign, told by its tag. They have 21 bits, and so seven digits at most.
#[inline(always)]
fn small_int(value: &[u8]) -> Option<u64> {
    const INT64: u8 = 0x20;
    match *value {
        [INT64, a] if a < 0x80 => Some(a.into()),
        [INT64, a, b] if a >= 0x80 && b < 0x80 => Some(u64::from(a & 0x7f) | u64::from(b) << 7),
        [INT64, a, b, c] if a >= 0x80 && b >= 0x80 && c < 0x80 => {
            Some(u64::from(a & 0x7f) | u64::from(b & 0x7f) << 7 | u64::from(c) << 14)
        }
        _ => None,
    }
}

#[inline(never)]
fn write_any(value: &[u8], non_finite: NonFinite, out: &mut Vec<u8>) -> Result<()> {
    const STRING: u8 = 0x12;
    if let [STRING, length, text @ ..] = value
        && *length < 0x80
        && text.len() == usize::from(*length)
    {
        return write_text(text, out);
    }
    Writer { non_finite, scalar_maps: false }.value(read(value)?.1, 0, out)
}

pub(super) struct Writer {
    pub(super) non_finite: NonFinite,
    /// Whether scalar maps are objects, with their keys as text.
    pub(super) scalar_maps: bool,
}

impl Writer {
    #[inline]
    pub(super) fn value(&self, value: ValueRef<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        match value {
            ValueRef::Null => out.extend_from_slice(b"null"),
            ValueRef::Bytes(bytes) => base64(bytes, out),
            ValueRef::Text(text) => write_json_string(text, out),
            ValueRef::Int(value) | ValueRef::Timestamp(value) => write_int(value, out),
            ValueRef::Double(value) => self.float(value, out)?,
            ValueRef::Float(value) => self.float(value.into(), out)?,
            ValueRef::Bool(value) => boolean(value, out),
            ValueRef::Zoned(seconds, zone) => write_json_string(&zoned(seconds, zone)?, out),
            _ if depth == MAX_DEPTH => return Err(damaged("it is nested too deeply")),
            ValueRef::List(items) => self.list(items, depth + 1, out)?,
            ValueRef::Map(entries) => self.map(entries, depth + 1, out)?,
            ValueRef::ScalarMap(entries) if self.scalar_maps => self.scalar_map(entries, depth + 1, out)?,
            ValueRef::ScalarMap(_) => out.extend_from_slice(b"null"),
        }
        Ok(())
    }

    #[inline]
    fn float(&self, value: f64, out: &mut Vec<u8>) -> Result<()> {
        if value.is_finite() {
            write_float(value, out);
        } else if self.non_finite == NonFinite::Null {
            out.extend_from_slice(b"null");
        } else {
            return Err(Error::invalid("JSON has no such number").with("value", value));
        }
        Ok(())
    }

    fn list(&self, mut items: ItemsRef<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'[');
        let start = out.len();
        loop {
            if let Some((item, bytes)) = items.packed()? {
                self.numbers(item, bytes, out)?;
            } else if let Some(text) = items.text()? {
                write_text(text, out)?;
                out.push(b',');
            } else if let Some(item) = items.next() {
                self.value(item?, depth, out)?;
                out.push(b',');
            } else {
                break;
            }
        }
        if out.len() > start {
            out.pop();
        }
        out.push(b']');
        Ok(())
    }

    /// The numbers of a packed field, a comma after each.
    fn numbers(&self, item: ValueType, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut numbers = Reader::new(bytes);
        match item {
            ValueType::DOUBLE => {
                while !numbers.is_empty() {
                    self.float(f64::from_le_bytes(numbers.array()?), out)?;
                    out.push(b',');
                }
            }
            ValueType::FLOAT => {
                while !numbers.is_empty() {
                    self.float(f32::from_le_bytes(numbers.array()?).into(), out)?;
                    out.push(b',');
                }
            }
            _ => {
                while !numbers.is_empty() {
                    let number = numbers.varint()?;
                    match item {
                        ValueType::BOOL => boolean(number != 0, out),
                        ValueType::INT32 => write_int((number as i32).into(), out),
                        _ => write_int(number as i64, out),
                    }
                    out.push(b',');
                }
            }
        }
        Ok(())
    }

    fn map(&self, entries: MapRef<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        for (i, entry) in entries.enumerate() {
            separator(i, out);
            let (key, value) = entry?;
            write_json_string(key, out);
            out.push(b':');
            self.value(value, depth, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn scalar_map(&self, entries: ScalarMapRef<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        for (i, entry) in entries.enumerate() {
            separator(i, out);
            let (key, value) = entry?;
            let start = out.len();
            self.value(key, depth, out)?;
            if out.get(start) != Some(&b'"') {
                out.insert(start, b'"');
                out.push(b'"');
            }
            out.push(b':');
            self.value(value, depth, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

fn separator(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

#[inline]
fn boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends text that is not known to be UTF-8. ASCII always is, and soon told.
#[inline]
fn write_text(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if !text.is_ascii() {
        utf8(text)?;
    }
    quote(text, out);
    Ok(())
}

/// Appends a JSON string: quotes, backslashes and control characters escaped, everything else as it is.
#[inline]
pub fn write_json_string(text: &str, out: &mut Vec<u8>) {
    quote(text.as_bytes(), out);
}

#[inline]
fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = escaped(rest) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The place of the first byte that JSON must escape, looked for eight bytes at a time.
#[inline]
fn escaped(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let found = escaped_in(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(i * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let place = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    place.map(|place| words.len() * 8 + place)
}

/// The high bit of the first byte that is to be escaped is set; those above it may be set without reason.
#[inline]
fn escaped_in(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & HIGHS
}

#[cold]
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            let hex = |digit: u8| HEX[usize::from(digit & 15)];
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte)]);
        }
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
    out.push(b'"');
}

/// ISO 8601 in the zone, which is an IANA name, `UTC`, or Python's `UTC+02:00`; in UTC if it is none of these.
fn zoned(seconds: i64, zone: &str) -> Result<String> {
    let time = DateTime::from_timestamp(seconds, 0).ok_or_else(|| damaged("a timestamp is out of range"))?;
    let offset = zone.strip_prefix("UTC").unwrap_or(zone);
    if let Ok(offset) = offset.parse::<FixedOffset>() {
        return iso(time, &offset);
    }
    match zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => iso(time, &zone),
        Err(_) => iso(time, &Utc),
    }
}

fn iso<Z: TimeZone<Offset: Display>>(time: DateTime<Utc>, zone: &Z) -> Result<String> {
    // Years beyond Python's are refused, and with them those that a zone's offset would carry out of chrono's range.
    if !(-62_135_596_800..=253_402_300_799).contains(&time.timestamp()) {
        return Err(damaged("a timestamp is out of range"));
    }
    Ok(time.with_timezone(zone).to_rfc3339_opts(SecondsFormat::Secs, false))
}

/// A value in the text that Feast keeps beside it in SQLite and Postgres (`value_text`): strings as they are, numbers and bools as Python's `str`;
/// `None` for null and every other type.
///
/// # Errors
/// `Internal` if the bytes are not a value.
pub fn to_text(value: &[u8]) -> Result<Option<Cow<'_, str>>> {
    let mut out = Vec::new();
    match read(value)? {
        (ValueType::STRING, ValueRef::Text(text)) => return Ok(Some(text.into())),
        (_, ValueRef::Bool(value)) => return Ok(Some(if value { "True" } else { "False" }.into())),
        (_, ValueRef::Int(value)) => write_int(value, &mut out),
        (_, ValueRef::Double(value)) => write_float(value, &mut out),
        (_, ValueRef::Float(value)) => write_float(value.into(), &mut out),
        _ => return Ok(None),
    }
    Ok(Some(String::from_utf8_lossy(&out).into_owned().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_few_bytes_read_as_others_do() {
        for number in [0_i64, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, -1] {
            let mut value = Vec::new();
            super::super::wire::put_int(&mut value, 4, number);
            let mut out = Vec::new();
            write_json(&value, NonFinite::Null, &mut out).unwrap();
            out.push(b' ');
            write_json_item(&value, NonFinite::Null, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number} {number},"));
        }
        // a varint with a needless byte is a number all the same, and one without an end is none
        let mut out = Vec::new();
        write_json(&[0x20, 0x81, 0x00], NonFinite::Null, &mut out).unwrap();
        assert_eq!(out, b"1");
        for cut in [&[0x20][..], &[0x20, 0x81], &[0x20, 0x81, 0x80], &[0x20, 1, 1]] {
            assert!(write_json(cut, NonFinite::Null, &mut out).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn texts_must_be_utf8_wherever_they_stand() {
        use super::super::wire::put_bytes;
        for (text, expected) in
            [(&b"k\xc3\xb6ln \"1\""[..], Some("\"k\u{f6}ln \\\"1\\\"\"")), (b"k\xc3", None)]
        {
            let (mut value, mut items, mut list) = (Vec::new(), Vec::new(), Vec::new());
            put_bytes(&mut value, 2, text);
            (0..2).for_each(|_| put_bytes(&mut items, 1, text));
            put_bytes(&mut list, 12, &items);
            let json = |bytes: &[u8]| {
                let mut out = Vec::new();
                write_json(bytes, NonFinite::Null, &mut out).ok().map(|()| String::from_utf8(out).unwrap())
            };
            assert_eq!(json(&value).as_deref(), expected);
            assert_eq!(json(&list), expected.map(|text| format!("[{text},{text}]")));
        }
    }

    proptest! {
        #[test]
        fn strings_are_written_as_serde_json_writes_them(text in any::<String>(), ascii in "[\\x00-\\x7f]{0,40}") {
            for text in [text, ascii] {
                let mut out = Vec::new();
                write_json_string(&text, &mut out);
                prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
