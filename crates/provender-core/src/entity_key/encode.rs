//! Join key values to entity keys.

use super::{EntityKeys, KeyValue};
use crate::model::DUMMY_JOIN_KEY;
use crate::value::canonical;
use crate::{Error, Result, Timestamp, ValueType};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, Int32Array, Int64Array, StringArray};
use arrow_buffer::NullBuffer;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Encodes entity keys of one list of join keys. Made once for a view, used for every batch and request.
#[derive(Clone, Debug)]
pub struct EntityKeyEncoder {
    /// Sorted by name.
    slots: Vec<Slot>,
    prefix: Vec<u8>,
    /// Added to every key: the value of the dummy join key.
    suffix: &'static [u8],
}

#[derive(Clone, Debug)]
struct Slot {
    name: String,
    value_type: ValueType,
    /// Position in the caller's list.
    column: usize,
}

/// Keys of a batch, one a row.
#[derive(Clone, Debug, Default)]
pub struct EncodedKeys {
    /// One key a row; empty bytes where a join key is null.
    pub keys: EntityKeys,
    /// Which rows have no null among their join keys; `None` if all.
    pub valid: Option<NullBuffer>,
}

/// The empty string, as a value.
const EMPTY_STRING: &[u8] = &[2, 0, 0, 0, 0, 0, 0, 0];

impl EntityKeyEncoder {
    /// An encoder for join keys with their declared types; columns and values are later given in this order.
    /// Without any it makes the key of entity-less views: the empty string under [`DUMMY_JOIN_KEY`].
    ///
    /// # Errors
    /// `Invalid` naming the join key and the accepted types, or a join key that is there twice.
    pub fn new<S: Into<String>>(join_keys: impl IntoIterator<Item = (S, ValueType)>) -> Result<Self> {
        let mut slots: Vec<Slot> = join_keys
            .into_iter()
            .enumerate()
            .map(|(column, (name, value_type))| Slot { name: name.into(), value_type, column })
            .collect();
        if let Some(slot) = slots.iter().find(|slot| !slot.value_type.is_entity_key()) {
            return Err(Error::invalid("a join key cannot have this type")
                .with("join key", &slot.name)
                .with("type", slot.value_type)
                .with("expected", "Int32, Int64, String, Bytes or UnixTimestamp"));
        }
        slots.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = slots.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(Error::invalid("a join key is there twice").with("join key", &pair[0].name));
        }
        if slots.is_empty() {
            return Ok(Self { slots, prefix: prefix([DUMMY_JOIN_KEY]), suffix: EMPTY_STRING });
        }
        Ok(Self { prefix: prefix(slots.iter().map(|s| s.name.as_str())), slots, suffix: &[] })
    }

    /// What all keys of these join keys begin with: used to scan or delete them.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Encodes one key a row from columns in the order of the join keys. `rows` counts where there are no columns.
    ///
    /// # Errors
    /// `Invalid` naming the join key, and the type or the row and value that does not fit.
    pub fn encode(&self, columns: &[ArrayRef], rows: usize) -> Result<EncodedKeys> {
        if self.slots.len() != columns.len() || columns.iter().any(|column| column.len() != rows) {
            return Err(Error::internal("join key columns do not fit their encoder"));
        }
        let columns = self.slots.iter().map(|s| s.column(&columns[s.column])).collect::<Result<Vec<_>>>()?;
        let valid = columns.iter().fold(None, |valid, c| NullBuffer::union(valid.as_ref(), c.nulls()));
        let mut keys = EntityKeys::with_capacity(rows, self.prefix.len() + 24 * self.slots.len().max(1));
        for row in 0..rows {
            if valid.as_ref().is_none_or(|valid| valid.is_valid(row)) {
                keys.bytes.extend_from_slice(&self.prefix);
                for column in &columns {
                    column.put(row, &mut keys.bytes);
                }
                keys.bytes.extend_from_slice(self.suffix);
            }
            keys.ends.push(keys.bytes.len());
        }
        Ok(EncodedKeys { keys, valid: valid.filter(|v| v.null_count() > 0) })
    }

    /// Encodes one key from values in the order of the join keys, and adds it. With a null value nothing is added and the answer is false.
    ///
    /// # Errors
    /// `Invalid` naming the join key and the value that does not fit its type; nothing is added then.
    pub fn push<'v>(&self, keys: &mut EntityKeys, value: impl Fn(usize) -> KeyValue<'v>) -> Result<bool> {
        let start = keys.bytes.len();
        keys.bytes.extend_from_slice(&self.prefix);
        for slot in &self.slots {
            let added = slot.put(value(slot.column), &mut keys.bytes);
            if !matches!(added, Ok(true)) {
                keys.bytes.truncate(start);
                return added;
            }
        }
        keys.bytes.extend_from_slice(self.suffix);
        keys.ends.push(keys.bytes.len());
        Ok(true)
    }
}

impl EncodedKeys {
    /// Number of rows with a null among their join keys.
    #[must_use]
    pub fn null_count(&self) -> usize {
        self.valid.as_ref().map_or(0, NullBuffer::null_count)
    }
}

fn prefix<'a>(names: impl IntoIterator<Item = &'a str, IntoIter: ExactSizeIterator>) -> Vec<u8> {
    let names = names.into_iter();
    let mut out = Vec::new();
    out.extend_from_slice(&(names.len() as u32).to_le_bytes());
    for name in names {
        put(&mut out, ValueType::STRING, name.as_bytes());
    }
    out
}

#[inline]
fn put(out: &mut Vec<u8>, value_type: ValueType, bytes: &[u8]) {
    let head = u64::from(value_type.0 as u32) | (bytes.len() as u64) << 32;
    out.extend_from_slice(&head.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The same for eight bytes, in one go: most keys are such.
#[inline]
fn put_eight(out: &mut Vec<u8>, value_type: ValueType, number: i64) {
    let head = u64::from(value_type.0 as u32) | 8 << 32;
    let both = u128::from(head) | u128::from(number as u64) << 64;
    out.extend_from_slice(&both.to_le_bytes());
}

/// A join key's column in the form that is written.
enum Column {
    Int32(Int32Array),
    Int64(ValueType, Int64Array),
    Text(StringArray),
    Bytes(BinaryArray),
}

impl Column {
    fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Self::Int32(a) => a.nulls(),
            Self::Int64(_, a) => a.nulls(),
            Self::Text(a) => a.nulls(),
            Self::Bytes(a) => a.nulls(),
        }
    }

    #[inline]
    fn put(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Int32(a) => put(out, ValueType::INT32, &a.value(row).to_le_bytes()),
            Self::Int64(value_type, a) => put_eight(out, *value_type, a.value(row)),
            Self::Text(a) => put(out, ValueType::STRING, a.value(row).as_bytes()),
            Self::Bytes(a) => put(out, ValueType::BYTES, a.value(row)),
        }
    }
}

impl Slot {
    fn column(&self, array: &ArrayRef) -> Result<Column> {
        let array = canonical(array, self.value_type)
            .map_err(|misfit| misfit.into_error(self.value_type).with("join key", &self.name))?;
        Ok(match self.value_type {
            ValueType::INT32 => Column::Int32(array.as_primitive::<Int32Type>().clone()),
            ValueType::STRING => Column::Text(array.as_string().clone()),
            ValueType::BYTES => Column::Bytes(array.as_binary().clone()),
            other => Column::Int64(other, array.as_primitive::<Int64Type>().clone()),
        })
    }

    #[inline]
    fn put(&self, value: KeyValue<'_>, out: &mut Vec<u8>) -> Result<bool> {
        if matches!(value, KeyValue::Null) {
            return Ok(false);
        }
        match self.value_type {
            ValueType::STRING => match value {
                KeyValue::Text(text) => put(out, ValueType::STRING, text.as_bytes()),
                KeyValue::Int(number) => {
                    put(out, ValueType::STRING, itoa::Buffer::new().format(number).as_bytes());
                }
                _ => return Err(self.misfit(value)),
            },
            ValueType::BYTES => match value {
                KeyValue::Bytes(bytes) => put(out, ValueType::BYTES, bytes),
                KeyValue::Text(text) => {
                    let bytes = BASE64_STANDARD.decode(text).map_err(|e| self.misfit(value).because(e))?;
                    put(out, ValueType::BYTES, &bytes);
                }
                _ => return Err(self.misfit(value)),
            },
            ValueType::INT32 => {
                let number = self.integer(value)?;
                let number = i32::try_from(number).map_err(|e| self.misfit(value).because(e))?;
                put(out, ValueType::INT32, &number.to_le_bytes());
            }
            other => put_eight(out, other, self.integer(value)?),
        }
        Ok(true)
    }

    #[inline]
    fn integer(&self, value: KeyValue<'_>) -> Result<i64> {
        match value {
            KeyValue::Int(number) => Ok(number),
            // Every whole double below 2^63 in magnitude is an i64.
            KeyValue::Float(number) if number.fract() == 0.0 && number.abs() < 9.2e18 => Ok(number as i64),
            KeyValue::Text(text) if self.value_type == ValueType::UNIX_TIMESTAMP => Timestamp::parse(text)
                .map(Timestamp::seconds)
                .map_err(|error| self.misfit(value).because(error)),
            KeyValue::Text(text) => text.trim().parse().map_err(|_| self.misfit(value)),
            _ => Err(self.misfit(value)),
        }
    }

    #[cold]
    fn misfit(&self, value: KeyValue<'_>) -> Error {
        let error =
            Error::invalid("a value does not fit the type of its join key").with("join key", &self.name);
        let error = match value {
            KeyValue::Null => error.with("value", "null"),
            KeyValue::Bool(value) => error.with("value", value),
            KeyValue::Int(value) => error.with("value", value),
            KeyValue::Float(value) => error.with("value", value),
            KeyValue::Text(value) => {
                error.with("value", format!("{:?}", value.chars().take(80).collect::<String>()))
            }
            KeyValue::Bytes(value) => error.with("value", format!("{} bytes", value.len())),
        };
        error.with("expected", self.value_type)
    }
}
