//! Parts of a file that are in memory, or on their way there.

use super::ReadAt;
use bytes::{Bytes, BytesMut};
use provender_core::{Error, Result};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Parts of a file, each with its place, ascending and apart.
type Parts = Vec<(u64, Bytes)>;

/// Reading that has begun and may go on while other work is done.
pub struct Begun(Result<Receiver<Result<Parts>>>);

impl Begun {
    pub(crate) fn new(parts: Result<Receiver<Result<Parts>>>) -> Self {
        Self(parts)
    }

    /// Waits for the parts.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn wait(self) -> Result<Parts> {
        let cut_off = |error| Err(Error::internal("a request was cut off").because(error));
        self.0?.recv().unwrap_or_else(cut_off)
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun")
    }
}

/// A file of which some parts are in memory; the rest is read when asked for.
#[derive(Debug)]
pub(crate) struct Fetched {
    file: Arc<dyn ReadAt>,
    parts: Parts,
}

impl Fetched {
    pub(crate) fn new(file: Arc<dyn ReadAt>, parts: Parts) -> Self {
        Self { file, parts }
    }

    /// What is in memory from a place on, up to the end of a part.
    fn held(&self, offset: u64) -> Option<Bytes> {
        let after = self.parts.partition_point(|(start, _)| *start <= offset);
        let (start, bytes) = &self.parts[after.checked_sub(1)?];
        let skipped = usize::try_from(offset - start).ok()?;
        (skipped < bytes.len()).then(|| bytes.slice(skipped..))
    }
}

impl ReadAt for Fetched {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let Some(mut held) = self.held(offset) else { return self.file.read_at(offset, length) };
        if held.len() >= length {
            held.truncate(length);
            return Ok(held);
        }
        // Over the border of two parts, or beyond what was fetched.
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.size());
        end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let mut whole = BytesMut::with_capacity(length);
        whole.extend_from_slice(&held);
        while whole.len() < length {
            let (offset, left) = (offset + whole.len() as u64, length - whole.len());
            match self.held(offset) {
                Some(next) => whole.extend_from_slice(&next[..next.len().min(left)]),
                None => whole.extend_from_slice(&self.file.read_at(offset, left)?),
            }
        }
        Ok(whole.freeze())
    }

    fn read_some(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        match self.held(offset) {
            Some(mut held) => {
                held.truncate(length);
                Ok(held)
            }
            None => self.file.read_some(offset, length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts in bytes, and refuses what should have been in memory.
    #[derive(Debug)]
    struct Counting;

    impl ReadAt for Counting {
        fn size(&self) -> u64 {
            100
        }

        fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
            assert!(offset >= 30, "byte {offset} is in memory");
            Ok((offset as u8..).take(length).collect())
        }
    }

    #[test]
    fn reads_cross_parts_and_go_to_the_file_for_the_rest() {
        let part = |range: std::ops::Range<u8>| (u64::from(range.start), range.collect::<Bytes>());
        let file = Fetched::new(Arc::new(Counting), vec![part(0..10), part(10..20), part(20..30)]);
        for (offset, length) in [(0, 10), (3, 2), (8, 15), (25, 20), (50, 5)] {
            let expected: Bytes = (offset as u8..).take(length).collect();
            assert_eq!(file.read_at(offset, length).unwrap(), expected);
        }
        assert_eq!(file.read_some(8, 15).unwrap().as_ref(), [8, 9]);
        assert_eq!(file.read_at(25, 90).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
