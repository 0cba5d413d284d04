//! The packed layout: all values of a row of one view in one field.
//!
//! | part | bytes |
//! |--|--|
//! | form | 1: low bits the version, `1`; high bit set if there is a created time |
//! | schema | 4: the fingerprint of the features' names and types, little-endian |
//! | event time | 8: microseconds since 1970, little-endian |
//! | created time | varint: zigzag of created minus event; only if the form says so |
//! | each feature, in the schema's order | varint: 0 if it was never written, else the length plus 1; then the value's bytes (none for a stored null) |
//!
//! The names and types of a fingerprint are kept once a project, see `schema`.

use super::varint::{put_varint, take_varint, unzigzag, zigzag};
use provender_core::Timestamp;
use std::ops::Range;

const VERSION: u8 = 1;
const HAS_CREATED: u8 = 0x80;

/// What a packed row begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Fingerprint of the schema that the row was written with.
    pub schema: u32,
    /// Event time.
    pub event: Timestamp,
    /// Created time, if it had one.
    pub created: Option<Timestamp>,
    /// Where the values begin.
    pub len: usize,
}

impl Header {
    /// Reads the beginning of a row. `None` if it is cut or of a version that this build does not know.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        let (form, rest) = row.split_first()?;
        if form & !HAS_CREATED != VERSION {
            return None;
        }
        let (schema, rest) = rest.split_first_chunk()?;
        let (event, mut rest) = rest.split_first_chunk()?;
        let event = i64::from_le_bytes(*event);
        let created = match form & HAS_CREATED {
            0 => None,
            _ => Some(Timestamp(event.wrapping_add(unzigzag(take_varint(&mut rest)?)))),
        };
        let len = row.len() - rest.len();
        Some(Self { schema: u32::from_le_bytes(*schema), event: Timestamp(event), created, len })
    }
}

/// Appends the beginning of a row; its values follow, with [`put_cell`].
pub fn put_header(out: &mut Vec<u8>, schema: u32, event: Timestamp, created: Option<Timestamp>) {
    out.push(if created.is_some() { VERSION | HAS_CREATED } else { VERSION });
    out.extend(schema.to_le_bytes());
    out.extend(event.0.to_le_bytes());
    if let Some(created) = created {
        put_varint(out, zigzag(created.0.wrapping_sub(event.0)));
    }
}

/// Appends the next value of a row: its bytes, empty for a null, or `None` if it was never written.
#[inline]
pub fn put_cell(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            put_varint(out, value.len() as u64 + 1);
            out.extend_from_slice(value);
        }
        None => out.push(0),
    }
}

/// The values of a row, one after the other: where each is in the row, `None` for one that was never written. A row that is cut ends with an error.
///
/// Takes any bytes: nothing is read past their end, and nothing is set aside for what they claim.
#[derive(Clone, Debug)]
pub struct Cells<'a> {
    row: &'a [u8],
    next: usize,
}

/// The values of a row whose header has been read.
#[must_use]
pub fn cells<'a>(row: &'a [u8], header: &Header) -> Cells<'a> {
    Cells { row, next: header.len.min(row.len()) }
}

/// A packed row whose bytes end too early, or claim what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl Iterator for Cells<'_> {
    type Item = Result<Option<Range<usize>>, Damaged>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.row.len() {
            return None;
        }
        let Some(place) = Place::at(self.row, self.next) else {
            self.next = self.row.len();
            return Some(Err(Damaged));
        };
        self.next = place.start + place.len;
        Some(Ok(place.is_written.then_some(place.start..self.next)))
    }
}

/// Where a value of a row is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) len: usize,
    /// Whether it was ever written.
    pub(crate) is_written: bool,
}

impl Place {
    /// The value whose varint begins at `at`, within the row; the next one begins where it ends. `None` if it does not fit into the row.
    #[inline]
    pub(crate) fn at(row: &[u8], at: usize) -> Option<Self> {
        let (claim, start) = match row[at] {
            short @ 0..0x80 => (usize::from(short), at + 1),
            _ => Self::long(row, at)?,
        };
        let len = claim.saturating_sub(1);
        (len <= row.len() - start).then_some(Self { start, len, is_written: claim > 0 })
    }

    /// What the varint of a value of more than 126 bytes says, and where the value begins.
    #[cold]
    fn long(row: &[u8], at: usize) -> Option<(usize, usize)> {
        let mut rest = &row[at..];
        let claim = take_varint(&mut rest)?;
        Some((usize::try_from(claim).ok()?, row.len() - rest.len()))
    }
}

#[cfg(test)]
mod tests;
