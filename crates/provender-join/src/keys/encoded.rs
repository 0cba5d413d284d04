//! Keys as bytes: composite keys, text, and integers beyond 64 signed bits.

use super::KeyValues;
use super::NO_GROUP;
use arrow_array::Array;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Turns the key of a row into bytes, the same for equal keys of any Arrow type and for no two others.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    columns: &'a [KeyValues],
    buffer: Vec<u8>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(columns: &'a [KeyValues]) -> Self {
        Self { columns, buffer: Vec::new() }
    }

    /// The key of a row; `None` if a part of it is null.
    pub(crate) fn encode(&mut self, row: usize) -> Option<&[u8]> {
        // A single column of bytes is its own encoding.
        match self.columns {
            [KeyValues::Bytes(values)] => return values.is_valid(row).then(|| values.value(row)),
            [KeyValues::LargeBytes(values)] => return values.is_valid(row).then(|| values.value(row)),
            [KeyValues::ByteViews(values)] => return values.is_valid(row).then(|| values.value(row)),
            _ => self.buffer.clear(),
        }
        for column in self.columns {
            match column {
                KeyValues::Whole(values) if values.is_valid(row) => self.append_whole(values.value(row)),
                KeyValues::Unsigned(values) if values.is_valid(row) => {
                    self.append_unsigned(values.value(row))
                }
                KeyValues::Bytes(values) if values.is_valid(row) => self.append_bytes(values.value(row)),
                KeyValues::LargeBytes(values) if values.is_valid(row) => self.append_bytes(values.value(row)),
                KeyValues::ByteViews(values) if values.is_valid(row) => self.append_bytes(values.value(row)),
                _ => return None,
            }
        }
        Some(&self.buffer)
    }

    /// Eight bytes and whether the value is beyond `i64`.
    fn append_whole(&mut self, value: i64) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
        self.buffer.push(0);
    }

    fn append_unsigned(&mut self, value: u64) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
        self.buffer.push(u8::from(i64::try_from(value).is_err()));
    }

    /// Their length first, so that ("a", "bc") is not ("ab", "c").
    fn append_bytes(&mut self, value: &[u8]) {
        self.buffer.extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(value);
    }
}

/// Encoded keys, numbered in the order in which they came; the bytes lie in one buffer.
#[derive(Debug, Default)]
pub(crate) struct EncodedIndex {
    table: HashTable<u32>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    hasher: FixedState,
}

impl EncodedIndex {
    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a key; `None` if it is not held.
    pub(crate) fn get(&self, key: &[u8]) -> Option<u32> {
        let equal = |number: &u32| key_of(&self.bytes, &self.ends, *number) == key;
        self.table.find(self.hasher.hash_one(key), equal).copied()
    }

    /// The number of a key, a new one if it is not held; `None` when all numbers are taken.
    pub(crate) fn intern(&mut self, key: &[u8]) -> Option<u32> {
        if let Some(number) = self.get(key) {
            return Some(number);
        }
        let number = u32::try_from(self.ends.len()).ok().filter(|number| *number != NO_GROUP)?;
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        let Self { table, bytes, ends, hasher } = self;
        table.insert_unique(hasher.hash_one(key), number, |n| hasher.hash_one(key_of(bytes, ends, *n)));
        Some(number)
    }
}

fn key_of<'a>(bytes: &'a [u8], ends: &[usize], number: u32) -> &'a [u8] {
    let at = number as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &bytes[start..ends[at]]
}
