//! A connection that gives up on a client which sends nothing at its beginning, or takes in nothing.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes by which hyper tells HTTP/2 from HTTP/1; until they are there it has no limit of its own.
const PREFACE: usize = 24;

/// A stream whose first reads and all writes fail with `TimedOut` when the other side does nothing for so long.
pub(crate) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Bytes of the preface that have not come yet.
    missing: usize,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, missing: PREFACE, reading: None, writing: None }
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
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let answer = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.missing == 0 {
            return answer;
        }
        let Self { missing, reading, patience, .. } = &mut *self;
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
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(context, answer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.count(context, answer)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(context);
        self.count(context, answer)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_shutdown(context);
        self.count(context, answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        stream.write_all(b"fits").await.unwrap();
        let error = stream.write_all(b"does not").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        theirs.read_exact(&mut [0; 4]).await.unwrap();
    }
}
