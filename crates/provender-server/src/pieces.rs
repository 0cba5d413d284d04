//! Answers over HTTP/2 in pieces, each of which the client must take in before its time is over.
//!
//! A client of HTTP/1 that stops reading is noticed at its connection. One of HTTP/2 can go on talking while it takes in nothing of an answer, which
//! would stay in memory for as long as it likes.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// The pieces of one connection's answers that wait to be taken in.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    count: u64,
    since: BTreeMap<u64, Instant>,
}

/// A piece that waits until it is dropped.
#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    number: u64,
    pending: Arc<Pending>,
}

impl Pending {
    /// Since when the oldest piece waits.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.waiting().since.first_key_value().map(|(_, since)| *since)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // whole entries come and go: a panic cannot leave one half done
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Piece {
    fn new(bytes: Bytes, pending: &Arc<Pending>) -> Self {
        let mut waiting = pending.waiting();
        let number = waiting.count;
        waiting.count += 1;
        waiting.since.insert(number, Instant::now());
        drop(waiting);
        Self { bytes, number, pending: Arc::clone(pending) }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.pending.waiting().since.remove(&self.number);
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that is given out in pieces.
pub(crate) struct Pieces {
    body: Body,
    rest: Bytes,
    pending: Arc<Pending>,
    /// Stands for the whole answer until its first byte is asked for.
    first: Option<Piece>,
}

impl Pieces {
    pub(crate) fn new(body: Body, pending: Arc<Pending>) -> Self {
        let first = Some(Piece::new(Bytes::new(), &pending));
        Self { body, rest: Bytes::new(), pending, first }
    }

    fn next(&mut self) -> Bytes {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE));
        Bytes::from_owner(Piece::new(bytes, &self.pending))
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.first = None;
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.rest = bytes,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.next()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut with_rest = SizeHint::new();
        with_rest.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            with_rest.set_upper(upper + rest);
        }
        with_rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn answer_comes_whole_and_its_pieces_wait_one_by_one() {
        let text: Vec<u8> = (0..=255).cycle().take(PIECE * 2 + 5).collect();
        let pending = Arc::new(Pending::default());
        assert!(pending.oldest().is_none());
        let mut body = Pieces::new(Body::from(text.clone()), Arc::clone(&pending));
        assert_eq!(body.size_hint().exact(), Some(text.len() as u64));
        assert!(pending.oldest().is_some(), "nothing was asked for");
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE && pending.oldest().is_some());
            seen.extend_from_slice(&piece);
            drop(piece);
            assert!(pending.oldest().is_none());
            assert_eq!(body.size_hint().exact(), Some((text.len() - seen.len()) as u64));
        }
        assert!(seen == text && body.is_end_stream());
    }
}
