//! Request bodies in memory, within bounds.

use crate::config::Limits;
use crate::failure::Failure;
use axum::body::HttpBody;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::BodyExt;
use std::pin::pin;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// What one permit of the room for bodies stands for.
const UNIT: usize = 1024;

/// The room that all bodies share, in units of a kilobyte.
pub(crate) fn room(limits: &Limits) -> Semaphore {
    Semaphore::new(units(limits.bodies.max(limits.body)).min(Semaphore::MAX_PERMITS))
}

/// A body, and its share of the room until it is dropped.
pub(crate) struct Held<'r> {
    bytes: Bytes,
    _share: Option<SemaphorePermit<'r>>,
}

impl std::ops::Deref for Held<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body whole.
///
/// # Errors
/// 413 past the limit of one body, 503 when there is no room left, 408 for a client that does not send, 400 for one that breaks off.
pub(crate) async fn read<'r, B>(body: B, limits: &Limits, room: &'r Semaphore) -> Result<Held<'r>, Failure>
where
    B: HttpBody<Data = Bytes>,
{
    let mut pieces = Pieces { limit: limits.body, room, share: None, bytes: Bytes::new(), rest: Vec::new() };
    // of a chunked body the length is not known before its end
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    pieces.make_room(declared)?;
    let deadline = Instant::now() + limits.client;
    let mut body = pin!(body);
    loop {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                // trailers are nobody's concern
                if let Ok(chunk) = frame.into_data() {
                    pieces.add(chunk, declared)?;
                }
            }
            Ok(Some(Err(_))) => {
                return Err(Failure::Http(StatusCode::BAD_REQUEST, "the body breaks off".into()));
            }
            Ok(None) => return Ok(pieces.finish()),
            Err(_) => {
                return Err(Failure::Http(StatusCode::REQUEST_TIMEOUT, "the body takes too long".into()));
            }
        }
    }
}

struct Pieces<'r> {
    limit: usize,
    room: &'r Semaphore,
    share: Option<SemaphorePermit<'r>>,
    bytes: Bytes,
    rest: Vec<u8>,
}

impl<'r> Pieces<'r> {
    /// A body of one piece, as most are, is not copied.
    fn add(&mut self, chunk: Bytes, declared: usize) -> Result<(), Failure> {
        self.make_room(self.bytes.len() + self.rest.len() + chunk.len())?;
        if self.bytes.is_empty() && self.rest.is_empty() {
            self.bytes = chunk;
            return Ok(());
        }
        if self.rest.is_empty() {
            self.rest.reserve(declared);
            self.rest.extend_from_slice(&std::mem::take(&mut self.bytes));
        }
        self.rest.extend_from_slice(&chunk);
        Ok(())
    }

    fn make_room(&mut self, length: usize) -> Result<(), Failure> {
        if length > self.limit {
            return Err(Failure::too_large(format!("the body is larger than {} bytes", self.limit)));
        }
        // what was declared has its room already when the first pieces come
        let held = self.share.as_ref().map_or(0, SemaphorePermit::num_permits);
        let more = units(length).saturating_sub(held);
        if more == 0 {
            return Ok(());
        }
        let count = u32::try_from(more).unwrap_or(u32::MAX);
        let Ok(permit) = self.room.try_acquire_many(count) else {
            return Err(Failure::busy("too many large requests at once"));
        };
        match &mut self.share {
            Some(share) => share.merge(permit),
            None => self.share = Some(permit),
        }
        Ok(())
    }

    fn finish(self) -> Held<'r> {
        let bytes = if self.rest.is_empty() { self.bytes } else { self.rest.into() };
        Held { bytes, _share: self.share }
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}
