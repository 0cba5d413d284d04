//! Entity keys as bytes, in Feast's serialization (version 3): what every online layout of Feast stores.
//!
//! Pairs of join key and value are sorted by join key. All numbers are little-endian:
//!
//! | part | bytes |
//! |--|--|
//! | count | u32, number of join keys |
//! | each join key | u32 `2` (STRING), u32 length, UTF-8 |
//! | each value, in the same order | u32 type number, u32 length, bytes |
//!
//! Text and bytes are stored as they are, INT32 in 4 bytes, INT64 and UNIX_TIMESTAMP (whole seconds) in 8.
//! The part before the values, the *prefix*, is equal for all keys of the same join keys.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::decode_entity_key;
pub use encode::{EncodedKeys, EntityKeyEncoder};

use crate::{Error, Result};
use arrow_array::BinaryArray;
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};

/// Encoded entity keys of a request or a batch, one after the other in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl EntityKeys {
    /// No keys yet, with room for `keys` of them of `key_bytes` each.
    #[must_use]
    pub fn with_capacity(keys: usize, key_bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(keys * key_bytes), ends: Vec::with_capacity(keys) }
    }

    /// Adds an encoded key.
    pub fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of one key.
    #[must_use]
    pub fn key(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// All keys, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.key(i))
    }

    /// The keys as an Arrow column, without copying them.
    ///
    /// # Errors
    /// `Invalid` if all keys together pass 2 GiB.
    pub fn into_array(self) -> Result<BinaryArray> {
        let ends = self.ends.iter().map(|end| i32::try_from(*end));
        let offsets = std::iter::once(Ok(0))
            .chain(ends)
            .collect::<Result<Vec<i32>, _>>()
            .map_err(|e| Error::invalid("too many bytes in one batch, send fewer rows").because(e))?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(BinaryArray::try_new(offsets, Buffer::from_vec(self.bytes), None)?)
    }
}

impl<K: AsRef<[u8]>> FromIterator<K> for EntityKeys {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut all = Self::default();
        for key in keys {
            all.push(key.as_ref());
        }
        all
    }
}

/// The value of one join key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyValue<'a> {
    /// No value: the row has no entity.
    Null,
    /// Never a key; here so that the error can name it.
    Bool(bool),
    /// A whole number; of a UNIX_TIMESTAMP the seconds since 1970.
    Int(i64),
    /// A number: a key only where it is whole.
    Float(f64),
    /// Text; of an integer key its digits, of a UNIX_TIMESTAMP an ISO 8601 time, of a BYTES key base64, as bytes are in JSON.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}
