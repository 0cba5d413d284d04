//! Value bytes to JSON and to text.

use super::number::{write_float, write_int};
use super::read::{ItemsRef, MapRef, ScalarMapRef, ValueRef, read};
use super::wire::damaged;
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
            ValueRef::Text(text) => string(text, out),
            ValueRef::Int(value) | ValueRef::Timestamp(value) => write_int(value, out),
            ValueRef::Double(value) => self.float(value, out)?,
            ValueRef::Float(value) => self.float(value.into(), out)?,
            ValueRef::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            ValueRef::Zoned(seconds, zone) => string(&zoned(seconds, zone)?, out),
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

    fn list(&self, items: ItemsRef<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'[');
        for (i, item) in items.enumerate() {
            separator(i, out);
            self.value(item?, depth, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn map(&self, entries: MapRef<'_>, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'{');
        for (i, entry) in entries.enumerate() {
            separator(i, out);
            let (key, value) = entry?;
            string(key, out);
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

/// Appends a JSON string: quotes, backslashes and control characters escaped, everything else as it is.
fn string(text: &str, out: &mut Vec<u8>) {
    // Writing into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
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
