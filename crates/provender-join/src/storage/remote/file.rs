//! Objects, read by range.

use super::{Place, runtime};
use crate::storage::{Begun, ReadAt, StoredFile};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange, ObjectStore};
use provender_core::{Error, Result};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Ranges closer together than this are fetched as one: it takes less than another request.
const GAP: u64 = 256 << 10;
/// Longer ranges are cut and fetched side by side.
const PART: u64 = 16 << 20;
/// Requests for one file at a time.
const TOGETHER: usize = 8;

/// An object of known size and tag. If it changes in between, reads fail rather than mix.
#[derive(Clone, Debug)]
pub(super) struct RemoteFile {
    place: Arc<Place>,
    size: u64,
    tag: Option<String>,
}

impl RemoteFile {
    pub(super) fn new(place: Place, file: &StoredFile) -> Self {
        Self { place: Arc::new(place), size: file.size, tag: file.tag.clone() }
    }

    async fn fetch(self, ranges: Vec<Range<u64>>) -> Result<Vec<(u64, Bytes)>> {
        let file = &self;
        let parts =
            stream::iter(ranges).map(|range| async move { Ok((range.start, file.part(range).await?)) });
        parts.buffered(TOGETHER).try_collect().await
    }

    async fn part(&self, range: Range<u64>) -> Result<Bytes> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.tag.clone(),
            ..GetOptions::default()
        };
        let read = async { self.place.store.get_opts(&self.place.key, options).await?.bytes().await };
        let bytes = read.await.map_err(|error| self.failed(&error))?;
        if bytes.len() as u64 != range.end - range.start {
            return Err(
                Error::unavailable("the store sent less than was asked for").with("path", self.place.url())
            );
        }
        Ok(bytes)
    }

    fn failed(&self, error: &object_store::Error) -> Error {
        let is_gone = matches!(error, object_store::Error::NotFound { .. });
        let error = self.place.failed(error, "read");
        if is_gone {
            error.with("expected", "the object that was there when the folder was listed")
        } else {
            error
        }
    }
}

impl ReadAt for RemoteFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        // A damaged file can ask for anything.
        let Some(end) = offset.checked_add(length as u64).filter(|end| *end <= self.size) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if length == 0 {
            return Ok(Bytes::new());
        }
        let file = self.clone();
        let read = runtime::wait(async move { file.part(offset..end).await });
        read.and_then(|read| read).map_err(io::Error::other)
    }

    fn is_far(&self) -> bool {
        true
    }

    fn begin(&self, ranges: &[Range<u64>]) -> Option<Begun> {
        let parts = parts(ranges, self.size);
        let file = self.clone();
        Some(Begun::new(runtime::start(async move { file.fetch(parts).await })))
    }
}

/// How many requests fetch some ranges.
pub(in crate::storage) fn requests(ranges: &[Range<u64>], size: u64) -> u64 {
    parts(ranges, size).len() as u64
}

/// The requests that fetch some ranges: near ones joined, long ones cut, nothing beyond the end.
fn parts(ranges: &[Range<u64>], size: u64) -> Vec<Range<u64>> {
    let mut ranges = ranges.to_vec();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        let range = range.start..range.end.min(size);
        match joined.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    let cut = |range: Range<u64>| {
        let starts = (range.start..range.end).step_by(PART as usize);
        starts.map(move |start| start..range.end.min(start + PART))
    };
    joined.into_iter().flat_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ranges_are_one_request_and_long_ones_several() {
        let far = 10 << 20;
        assert_eq!(parts(&[100..200, 0..50, far..far + 7], u64::MAX), [0..200, far..far + 7]);
        assert_eq!(
            parts(std::slice::from_ref(&(0..2 * PART + 1)), u64::MAX),
            [0..PART, PART..2 * PART, 2 * PART..2 * PART + 1]
        );
        assert_eq!(parts(&[5..100, 200..300], 50), std::slice::from_ref(&(5..50)));
        assert!(parts(&[], 50).is_empty());
    }
}
