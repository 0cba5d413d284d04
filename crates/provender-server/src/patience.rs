//! A connection that gives up on a client which sends nothing at its beginning, or takes in nothing.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes by which hyper tells HTTP/2 from HTTP/1; until they are there it has no limit of its own.
const PREFACE: usize = 24;
/// Bytes that are gathered before they are sent; what is larger is not copied.
const GATHERED: usize = 16 << 10;
/// Room for gathered bytes that a connection keeps while it has nothing to send.
const KEPT: usize = 4 << 10;

/// A stream whose first reads and all writes fail with `TimedOut` when the other side does nothing for so long.
///
/// Small writes are gathered until [`Patient::poll_send`]: HTTP/2 flushes between an answer and its trailers, and each of several answers on its own, where
/// one call of the system does for all of them.
pub(crate) struct Patient<S>(Arc<Mutex<Wire<S>>>);

struct Wire<S> {
    stream: S,
    patience: Duration,
    /// Bytes of the preface that have not come yet.
    missing: usize,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
    gathered: Vec<u8>,
    /// How many of the gathered bytes are sent.
    sent: usize,
}

impl<S> Clone for Patient<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        let (gathered, sent) = (Vec::new(), 0);
        Self(Arc::new(Mutex::new(Wire {
            stream,
            patience,
            missing: PREFACE,
            reading: None,
            writing: None,
            gathered,
            sent,
        })))
    }

    fn wire(&self) -> MutexGuard<'_, Wire<S>> {
        // nobody else has a handle while a connection is polled; after a panic it is dropped
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> Patient<S> {
    /// Sends what was gathered.
    pub(crate) fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_send(context)
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let answer = Pin::new(&mut self.stream).poll_write(context, &self.gathered[self.sent..]);
            match ready!(self.count(context, answer))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.sent += sent,
            }
        }
        self.sent = 0;
        self.gathered.clear();
        self.gathered.shrink_to(KEPT);
        Poll::Ready(Ok(()))
    }

    /// Takes in small pieces; larger ones are sent at once, after what came before them.
    fn poll_write(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if self.gathered.len() + length <= GATHERED {
            pieces.iter().for_each(|piece| self.gathered.extend_from_slice(piece));
            return Poll::Ready(Ok(length));
        }
        ready!(self.poll_send(context))?;
        let answer = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.count(context, answer)
    }

    /// Passes on what a write answered, and while it waits counts the time.
    fn count<T>(&mut self, context: &mut Context<'_>, answer: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if answer.is_ready() {
            self.writing = None;
            return answer;
        }
        wait(&mut self.writing, self.patience, context)
    }
}

/// Waits until patience is at its end, counted from the first call for a timer.
fn wait<T>(
    timer: &mut Option<Pin<Box<Sleep>>>,
    patience: Duration,
    context: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    ready!(timer.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
    *timer = None;
    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.wire();
        let before = buffer.filled().len();
        let answer = Pin::new(&mut wire.stream).poll_read(context, buffer);
        if wire.missing == 0 {
            return answer;
        }
        let Wire { missing, reading, patience, .. } = &mut *wire;
        if answer.is_ready() {
            *missing = missing.saturating_sub(buffer.filled().len() - before);
            if *missing == 0 {
                *reading = None;
            }
            return answer;
        }
        wait(reading, *patience, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.wire().poll_write(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wire().poll_write(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire().stream.is_write_vectored()
    }

    /// What was gathered goes with [`Patient::poll_send`].
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.wire();
        ready!(wire.poll_send(context))?;
        let answer = Pin::new(&mut wire.stream).poll_shutdown(context);
        wire.count(context, answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn client_that_does_not_say_what_it_speaks_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut stream = Patient::new(ours, Duration::from_millis(1));
        theirs.write_all(b"PRI * HTTP/2.0").await.unwrap();
        stream.read_exact(&mut [0; 14]).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn client_that_takes_in_nothing_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut stream = Patient::new(ours, Duration::from_millis(1));
        stream.write_all(b"does not fit").await.unwrap();
        let error = poll_fn(|context| stream.poll_send(context)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        theirs.read_exact(&mut [0; 4]).await.unwrap();
        let error = stream.write_all(&[0; GATHERED]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn small_writes_go_together_and_large_ones_after_what_came_before() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut stream = Patient::new(ours, Duration::from_secs(60));
        for text in [&b"one "[..], b"two "] {
            stream.write_all(text).await.unwrap();
            stream.flush().await.unwrap();
        }
        let mut seen = vec![0; 100];
        assert!(futures::poll!(std::pin::pin!(theirs.read(&mut seen))).is_pending(), "nothing is sent yet");
        stream.write_all(&[b'x'; GATHERED]).await.unwrap();
        stream.write_all(b" end").await.unwrap();
        poll_fn(|context| stream.poll_send(context)).await.unwrap();
        stream.write_all(b", and last").await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);
        seen.clear();
        theirs.read_to_end(&mut seen).await.unwrap();
        let expected = [&b"one two "[..], &[b'x'; GATHERED], b" end, and last"].concat();
        assert!(seen == expected, "{} bytes", seen.len());
    }
}
