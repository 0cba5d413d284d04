//! Files of byte strings, each behind its length in four little-endian bytes: what the Python side writes.

use anyhow::{Context, Result};
use std::path::Path;

/// All strings of a file.
pub(crate) fn strings(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let mut reader = Reader(&bytes);
    let mut strings = Vec::new();
    while !reader.0.is_empty() {
        strings.push(reader.string()?.to_vec());
    }
    Ok(strings)
}

/// Reads numbers and strings from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn number(&mut self) -> Result<usize> {
        let (head, tail) = self.0.split_first_chunk().context("the file is cut off")?;
        self.0 = tail;
        Ok(u32::from_le_bytes(*head) as usize)
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8]> {
        let length = self.number()?;
        let (head, tail) = self.0.split_at_checked(length).context("the file is cut off")?;
        self.0 = tail;
        Ok(head)
    }
}
