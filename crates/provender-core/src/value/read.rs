//! Value bytes, seen without copying them.

use super::wire::{Payload, Reader, damaged};
use crate::{Result, ValueType};

/// One value, borrowed from its bytes.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// Nothing is set, or Feast's `null_val`.
    Null,
    /// BYTES.
    Bytes(&'a [u8]),
    /// STRING, JSON, UUID, TIME_UUID or DECIMAL.
    Text(&'a str),
    /// INT32 or INT64.
    Int(i64),
    /// DOUBLE.
    Double(f64),
    /// FLOAT.
    Float(f32),
    /// BOOL.
    Bool(bool),
    /// UNIX_TIMESTAMP, in seconds since 1970.
    Timestamp(i64),
    /// ZONED_TIMESTAMP: seconds since 1970, and the zone as it was written.
    Zoned(i64, &'a str),
    /// Any list or set.
    List(ItemsRef<'a>),
    /// MAP or STRUCT.
    Map(MapRef<'a>),
    /// SCALAR_MAP.
    ScalarMap(ScalarMapRef<'a>),
}

/// Reads the bytes of one value: the type that was written, which is the number of the field that is set, and the value. Empty bytes are null.
///
/// # Errors
/// `Internal` if the bytes are not a `feast.types.Value`. What is inside lists and maps is checked when they are walked.
#[inline]
pub fn read(bytes: &[u8]) -> Result<(ValueType, ValueRef<'_>)> {
    match common(bytes) {
        Some(value) => Ok(value),
        None => read_any(bytes),
    }
}

/// The values of most features, told by their first byte: one field, and nothing behind it.
#[inline]
fn common(bytes: &[u8]) -> Option<(ValueType, ValueRef<'_>)> {
    let (tag, payload) = bytes.split_first()?;
    Some(match tag {
        0x29 => (ValueType::DOUBLE, ValueRef::Double(f64::from_le_bytes(payload.try_into().ok()?))),
        0x35 => (ValueType::FLOAT, ValueRef::Float(f32::from_le_bytes(payload.try_into().ok()?))),
        0x20 => (ValueType::INT64, ValueRef::Int(whole_varint(payload)? as i64)),
        0x18 => (ValueType::INT32, ValueRef::Int(i64::from(whole_varint(payload)? as i32))),
        0x40 => (ValueType::UNIX_TIMESTAMP, ValueRef::Timestamp(whole_varint(payload)? as i64)),
        0x38 => (ValueType::BOOL, ValueRef::Bool(whole_varint(payload)? != 0)),
        0x12 => {
            let (len, text) = payload.split_first()?;
            // A length of one byte; longer texts take the longer way.
            let whole = *len < 0x80 && text.len() == usize::from(*len);
            (ValueType::STRING, ValueRef::Text(std::str::from_utf8(text).ok().filter(|_| whole)?))
        }
        _ => return None,
    })
}

/// A varint that is all there is.
#[inline]
fn whole_varint(bytes: &[u8]) -> Option<u64> {
    let (last, head) = bytes.split_last()?;
    if *last >= 0x80 || head.len() > 9 {
        return None;
    }
    let mut value = 0;
    for (i, byte) in head.iter().enumerate() {
        if *byte < 0x80 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
    }
    Some(value | u64::from(*last) << (7 * head.len()))
}

fn read_any(bytes: &[u8]) -> Result<(ValueType, ValueRef<'_>)> {
    let mut reader = Reader::new(bytes);
    let mut value = (ValueType::NULL, ValueRef::Null);
    while let Some((field, payload)) = reader.field()? {
        // Of several fields of a oneof the last counts; a field of a later version of Feast reads as null.
        let value_type = ValueType(field.try_into().unwrap_or_default());
        value = (value_type, of_type(value_type, payload)?);
    }
    Ok(value)
}

fn of_type(value_type: ValueType, payload: Payload<'_>) -> Result<ValueRef<'_>> {
    if let Some(item) = value_type.item() {
        return Ok(ValueRef::List(ItemsRef::new(Some(item), message(payload)?)));
    }
    Ok(match value_type {
        ValueType::MAP | ValueType::STRUCT => ValueRef::Map(MapRef(message(payload)?)),
        ValueType::VALUE_LIST | ValueType::VALUE_SET => {
            ValueRef::List(ItemsRef::new(None, message(payload)?))
        }
        ValueType::SCALAR_MAP => ValueRef::ScalarMap(ScalarMapRef(message(payload)?)),
        ValueType::ZONED_TIMESTAMP => zoned(message(payload)?)?,
        scalar => self::scalar(scalar, payload)?,
    })
}

fn scalar(value_type: ValueType, payload: Payload<'_>) -> Result<ValueRef<'_>> {
    Ok(match (value_type, payload) {
        (ValueType::BYTES, Payload::Bytes(bytes)) => ValueRef::Bytes(bytes),
        (ValueType::INT32, Payload::Varint(v)) => ValueRef::Int(i64::from(v as i32)),
        (ValueType::INT64, Payload::Varint(v)) => ValueRef::Int(v as i64),
        (ValueType::UNIX_TIMESTAMP, Payload::Varint(v)) => ValueRef::Timestamp(v as i64),
        (ValueType::BOOL, Payload::Varint(v)) => ValueRef::Bool(v != 0),
        (ValueType::DOUBLE, Payload::Fixed64(v)) => ValueRef::Double(f64::from_le_bytes(v)),
        (ValueType::FLOAT, Payload::Fixed32(v)) => ValueRef::Float(f32::from_le_bytes(v)),
        (t, Payload::Bytes(bytes)) if is_text(t) => ValueRef::Text(text(bytes)?),
        (t, _) if is_text(t) || t.0 < 9 => return Err(damaged("a field has the wrong wire type")),
        _ => ValueRef::Null,
    })
}

fn is_text(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::STRING | ValueType::JSON | ValueType::UUID | ValueType::TIME_UUID | ValueType::DECIMAL
    )
}

pub(super) fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| damaged("a text is not UTF-8").because(error))
}

fn message(payload: Payload<'_>) -> Result<Reader<'_>> {
    match payload {
        Payload::Bytes(bytes) => Ok(Reader::new(bytes)),
        _ => Err(damaged("a field has the wrong wire type")),
    }
}

fn zoned(mut reader: Reader<'_>) -> Result<ValueRef<'_>> {
    let (mut seconds, mut zone) = (0, "");
    while let Some((field, payload)) = reader.field()? {
        match (field, payload) {
            (1, Payload::Varint(v)) => seconds = v as i64,
            (2, Payload::Bytes(bytes)) => zone = text(bytes)?,
            _ => {}
        }
    }
    Ok(ValueRef::Zoned(seconds, zone))
}

/// The items of a list or set, one after the other. Ends after an error.
#[derive(Clone, Copy, Debug)]
pub struct ItemsRef<'a> {
    /// Type of the items; `None` if each is a whole Value.
    item: Option<ValueType>,
    reader: Reader<'a>,
    /// What is left of a packed field of numbers.
    packed: Reader<'a>,
}

impl<'a> ItemsRef<'a> {
    fn new(item: Option<ValueType>, reader: Reader<'a>) -> Self {
        Self { item, reader, packed: Reader::default() }
    }

    /// If the next items are numbers that lie packed, all of them at once: their type, and the bytes of one after the other.
    pub(super) fn packed(&mut self) -> Result<Option<(ValueType, &'a [u8])>> {
        let Some(item) = self.item.filter(|item| self.packed.is_empty() && is_number(*item)) else {
            return Ok(None);
        };
        let mut ahead = self.reader;
        let Some((1, Payload::Bytes(bytes))) = ahead.field()? else { return Ok(None) };
        self.reader = ahead;
        Ok(Some((item, bytes)))
    }

    /// If the next item is a STRING, its bytes, which need not be UTF-8.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Option<&'a [u8]>> {
        if self.item != Some(ValueType::STRING) {
            return Ok(None);
        }
        let mut ahead = self.reader;
        let Some((1, Payload::Bytes(bytes))) = ahead.field()? else { return Ok(None) };
        self.reader = ahead;
        Ok(Some(bytes))
    }

    #[inline]
    fn advance(&mut self) -> Result<Option<ValueRef<'a>>> {
        loop {
            if !self.packed.is_empty() {
                return self.packed_item().map(Some);
            }
            let payload = match self.reader.field()? {
                Some((1, payload)) => payload,
                Some(_) => continue,
                None => return Ok(None),
            };
            match (self.item, payload) {
                (None, Payload::Bytes(bytes)) => return Ok(Some(read(bytes)?.1)),
                (None, _) => return Err(damaged("a field has the wrong wire type")),
                (Some(item), Payload::Bytes(bytes)) if is_number(item) => self.packed = Reader::new(bytes),
                (Some(item), payload) => return of_type(item, payload).map(Some),
            }
        }
    }

    #[inline]
    fn packed_item(&mut self) -> Result<ValueRef<'a>> {
        Ok(match self.item {
            Some(ValueType::DOUBLE) => ValueRef::Double(f64::from_le_bytes(self.packed.array()?)),
            Some(ValueType::FLOAT) => ValueRef::Float(f32::from_le_bytes(self.packed.array()?)),
            Some(ValueType::INT64) => ValueRef::Int(self.packed.varint()? as i64),
            Some(ValueType::INT32) => ValueRef::Int(i64::from(self.packed.varint()? as i32)),
            Some(ValueType::BOOL) => ValueRef::Bool(self.packed.varint()? != 0),
            _ => ValueRef::Timestamp(self.packed.varint()? as i64),
        })
    }
}

fn is_number(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::INT32
            | ValueType::INT64
            | ValueType::DOUBLE
            | ValueType::FLOAT
            | ValueType::BOOL
            | ValueType::UNIX_TIMESTAMP
    )
}

impl<'a> Iterator for ItemsRef<'a> {
    type Item = Result<ValueRef<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if let Some(Err(_)) = item {
            (self.reader, self.packed) = (Reader::default(), Reader::default());
        }
        item
    }
}

/// The entries of a map, one after the other, in the order they were written. Ends after an error.
#[derive(Clone, Copy, Debug)]
pub struct MapRef<'a>(Reader<'a>);

impl<'a> MapRef<'a> {
    fn advance(&mut self) -> Result<Option<(&'a str, ValueRef<'a>)>> {
        let Some(mut entry) = entry(&mut self.0)? else { return Ok(None) };
        let (mut key, mut value) = ("", ValueRef::Null);
        while let Some((field, payload)) = entry.field()? {
            match (field, payload) {
                (1, Payload::Bytes(bytes)) => key = text(bytes)?,
                (2, Payload::Bytes(bytes)) => value = read(bytes)?.1,
                _ => {}
            }
        }
        Ok(Some((key, value)))
    }
}

/// The next message in field 1.
fn entry<'a>(reader: &mut Reader<'a>) -> Result<Option<Reader<'a>>> {
    loop {
        match reader.field()? {
            Some((1, payload)) => return message(payload).map(Some),
            Some(_) => {}
            None => return Ok(None),
        }
    }
}

impl<'a> Iterator for MapRef<'a> {
    type Item = Result<(&'a str, ValueRef<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.advance().transpose();
        if let Some(Err(_)) = entry {
            self.0 = Reader::default();
        }
        entry
    }
}

/// The entries of a map with keys other than text, one after the other. Ends after an error.
#[derive(Clone, Copy, Debug)]
pub struct ScalarMapRef<'a>(Reader<'a>);

impl<'a> ScalarMapRef<'a> {
    fn advance(&mut self) -> Result<Option<(ValueRef<'a>, ValueRef<'a>)>> {
        let Some(mut entry) = entry(&mut self.0)? else { return Ok(None) };
        let (mut key, mut value) = (ValueRef::Null, ValueRef::Null);
        while let Some((field, payload)) = entry.field()? {
            match (field, payload) {
                (1, Payload::Bytes(bytes)) => key = map_key(Reader::new(bytes))?,
                (2, Payload::Bytes(bytes)) => value = read(bytes)?.1,
                _ => {}
            }
        }
        Ok(Some((key, value)))
    }
}

/// `feast.types.MapKey`.
fn map_key(mut reader: Reader<'_>) -> Result<ValueRef<'_>> {
    let mut key = ValueRef::Null;
    while let Some((field, payload)) = reader.field()? {
        let value_type = match field {
            1 => ValueType::INT32,
            2 => ValueType::INT64,
            3 => ValueType::FLOAT,
            4 => ValueType::DOUBLE,
            5 => ValueType::BOOL,
            6 => ValueType::UNIX_TIMESTAMP,
            7 => ValueType::BYTES,
            8 => ValueType::UUID,
            9 => ValueType::TIME_UUID,
            10 => ValueType::DECIMAL,
            _ => continue,
        };
        key = scalar(value_type, payload)?;
    }
    Ok(key)
}

impl<'a> Iterator for ScalarMapRef<'a> {
    type Item = Result<(ValueRef<'a>, ValueRef<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.advance().transpose();
        if let Some(Err(_)) = entry {
            self.0 = Reader::default();
        }
        entry
    }
}
