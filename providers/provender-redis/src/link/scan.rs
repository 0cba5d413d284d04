//! Replies to pipelined HMGETs, scanned in place: positions are kept and nothing is copied.

use provender_core::online::{Cell, NO_CELL};
use std::ops::Range;

/// Digits of the longest length, with its sign: more than any that Redis allows, and none that does not fit.
const LONGEST_LENGTH: usize = 17;
/// The longest error line that is believed.
const LONGEST_ERROR: usize = 64 << 10;

/// Replies of equal shape, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// How many replies.
    pub(crate) rows: usize,
    /// Values in each.
    pub(crate) width: usize,
    /// Whether an answer to `ASKING` stands before each.
    pub(crate) asking: bool,
}

impl Section {
    /// Replies of `width` values.
    pub(crate) fn new(rows: usize, width: usize) -> Self {
        Self { rows, width, asking: false }
    }
}

/// Bytes that no server sends in answer to what was asked. The connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surprise(pub(crate) &'static str);

/// How far the replies to one request have been scanned.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// One a value, of all sections in order: where it starts and how long it is, or [`NO_CELL`] for nil. A reply that is an error leaves [`NO_CELL`]s.
    pub(crate) cells: Vec<Cell>,
    /// Replies that are errors: number of the reply and where its text is.
    pub(crate) errors: Vec<(usize, Range<usize>)>,
    /// Next byte to look at. In the end, the length of all replies.
    pub(crate) position: usize,
    section: usize,
    row: usize,
    /// Replies before this section.
    before: usize,
    left: usize,
    asked: bool,
}

impl Scan {
    /// Scans what has come; `bytes` start with the first reply, and grow from call to call. True when all replies are there.
    ///
    /// # Errors
    /// If the bytes are not such replies.
    pub(crate) fn feed(&mut self, bytes: &[u8], sections: &[Section]) -> Result<bool, Surprise> {
        if bytes.len() > u32::MAX as usize {
            return Err(Surprise("replies of more than 4 GiB to one request"));
        }
        if self.position == 0 && self.cells.capacity() == 0 {
            self.cells.reserve_exact(sections.iter().map(|s| s.rows * s.width).sum());
        }
        while let Some(section) = sections.get(self.section) {
            if self.left > 0 {
                if !self.values(bytes)? {
                    return Ok(false);
                }
                self.row += 1;
            } else if self.row == section.rows {
                (self.section, self.row, self.before) = (self.section + 1, 0, self.before + section.rows);
            } else if !self.head(bytes, section)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The values of a reply, as far as they are there.
    fn values(&mut self, bytes: &[u8]) -> Result<bool, Surprise> {
        let (mut position, mut left) = (self.position, self.left);
        while left > 0 {
            let (cell, next) = match short_value(bytes, position) {
                Some(found) => found,
                None => match value(bytes, position)? {
                    Some(found) => found,
                    None => break,
                },
            };
            self.cells.push(cell);
            position = next;
            left -= 1;
        }
        (self.position, self.left) = (position, left);
        Ok(left == 0)
    }

    /// The beginning of a reply, or an error in its place.
    fn head(&mut self, bytes: &[u8], section: &Section) -> Result<bool, Surprise> {
        let Some(first) = bytes.get(self.position) else { return Ok(false) };
        match first {
            b'+' | b'-' if section.asking && !self.asked => {
                let Some(text) = line(bytes, self.position + 1)? else { return Ok(false) };
                (self.position, self.asked) = (text.end + 2, true);
            }
            b'*' => {
                let Some((count, next)) = length(bytes, self.position)? else { return Ok(false) };
                if usize::try_from(count) != Ok(section.width) || section.asking != self.asked {
                    return Err(Surprise("a reply with another number of values"));
                }
                (self.position, self.left, self.asked) = (next, section.width, false);
                self.row += usize::from(section.width == 0);
            }
            b'-' => {
                let Some(text) = line(bytes, self.position + 1)? else { return Ok(false) };
                self.position = text.end + 2;
                self.cells.extend(std::iter::repeat_n(NO_CELL, section.width));
                self.errors.push((self.before + self.row, text));
                (self.row, self.asked) = (self.row + 1, false);
            }
            _ => return Err(Surprise("a reply of another type")),
        }
        Ok(true)
    }
}

/// A bulk string of less than ten bytes, by far the commonest, that is all there; and where the next reply starts.
#[inline]
fn short_value(bytes: &[u8], position: usize) -> Option<(Cell, usize)> {
    let (head, rest) = bytes.get(position..)?.split_first_chunk::<4>()?;
    let [b'$', digit @ b'0'..=b'9', b'\r', b'\n'] = head else { return None };
    let len = digit - b'0';
    let end = rest.get(usize::from(len)..)?.first_chunk()?;
    let start = position + 4;
    (end == b"\r\n").then_some(((start as u32, u32::from(len)), start + usize::from(len) + 2))
}

/// A bulk string or nil at a position and where the next reply starts; `None` if it is not all there.
fn value(bytes: &[u8], position: usize) -> Result<Option<(Cell, usize)>, Surprise> {
    match bytes.get(position) {
        None => return Ok(None),
        Some(b'$') => {}
        Some(_) => return Err(Surprise("a value of another type")),
    }
    let Some((len, start)) = length(bytes, position)? else { return Ok(None) };
    if len == -1 {
        return Ok(Some((NO_CELL, start)));
    }
    let Ok(len) = u32::try_from(len) else { return Err(Surprise("a value of impossible length")) };
    let end = start + len as usize;
    match bytes.get(end..end + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some(((start as u32, len), end + 2))),
        Some(_) => Err(Surprise("a value of another length than announced")),
    }
}

/// The number after the type byte at a position, and what follows its line.
fn length(bytes: &[u8], position: usize) -> Result<Option<(i64, usize)>, Surprise> {
    let digits = position + 1;
    let negative = bytes.get(digits) == Some(&b'-');
    let (mut number, mut at) = (0i64, digits + usize::from(negative));
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'0'..=b'9' if at - digits < LONGEST_LENGTH => number = number * 10 + i64::from(byte - b'0'),
            b'\r' if at > digits + usize::from(negative) => match bytes.get(at + 1) {
                None => return Ok(None),
                Some(b'\n') => return Ok(Some((if negative { -number } else { number }, at + 2))),
                Some(_) => break,
            },
            _ => break,
        }
        at += 1;
    }
    if at == bytes.len() { Ok(None) } else { Err(Surprise("a length that is not a number")) }
}

/// The rest of a line, without its end.
fn line(bytes: &[u8], start: usize) -> Result<Option<Range<usize>>, Surprise> {
    let window = &bytes[start..bytes.len().min(start + LONGEST_ERROR)];
    match window.windows(2).position(|pair| pair == b"\r\n") {
        Some(len) => Ok(Some(start..start + len)),
        None if window.len() == LONGEST_ERROR => Err(Surprise("a line without an end")),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
