//! Entity keys as bytes, in Feast's serialization (version 3).

/// Encoded entity keys of a request or a batch, one after the other in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityKeys {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl EntityKeys {
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
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    /// All keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|i| self.key(i))
    }
}
