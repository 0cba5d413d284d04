//! The task behind a link: sends what has gathered, receives, gives each request its replies.

use super::scan::{Scan, Surprise};
use super::{Cause, End, Queue, Reply, Waiting};
use crate::connect::{Node, Servers};
use crate::error::timed_out;
use bytes::BytesMut;
use provender_core::{Error, Kind, Result};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};

/// Room for receiving: between these, and a few replies of the usual size.
const ROOM: std::ops::RangeInclusive<usize> = 16 << 10..=256 << 10;
/// A buffer that has grown beyond this is given back when it is empty.
const KEPT: usize = 512 << 10;

/// Connects and serves the queue until the connection breaks, the link is dropped, or the runtime ends.
pub(super) async fn drive(servers: Arc<Servers>, node: Node, queue: Arc<Queue>) {
    let guard = EndsWithTask { queue: &queue, node: &node };
    let end = match servers.greeted(&node).await {
        Ok(stream) => Driver::new(stream, &queue, &node, servers.address().socket_timeout).await,
        Err(error) => End::new(Cause::Unconnected, error.kind(), error.to_string()),
    };
    queue.end(&end);
    drop(guard);
}

/// A runtime that ends drops its tasks: what waits must not wait for ever.
struct EndsWithTask<'a> {
    queue: &'a Queue,
    node: &'a Node,
}

impl Drop for EndsWithTask<'_> {
    fn drop(&mut self) {
        self.queue.end(&cut(self.node, "the runtime of the connection to Redis has ended"));
    }
}

fn cut(node: &Node, message: &'static str) -> Arc<End> {
    End::new(Cause::Cut, Kind::Unavailable, Error::unavailable(message).with("node", node).to_string())
}

/// A connected link. The future ends with the link.
struct Driver<'a, S> {
    stream: S,
    queue: &'a Queue,
    node: &'a Node,
    /// What is being sent, and how much of it has been.
    out: Vec<u8>,
    sent: usize,
    unflushed: bool,
    received: BytesMut,
    /// Length of the usual replies to a request, leaning to the large.
    usual: usize,
    /// The request whose replies are being scanned.
    current: Option<Waiting>,
    scan: Scan,
    /// Whether the server owes an answer, and since when it has been silent.
    owed: bool,
    heard: Instant,
    patience: Duration,
    alarm: Pin<Box<Sleep>>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Driver<'a, S> {
    fn new(stream: S, queue: &'a Queue, node: &'a Node, patience: Duration) -> Self {
        Self {
            stream,
            queue,
            node,
            out: Vec::new(),
            sent: 0,
            unflushed: false,
            received: BytesMut::new(),
            usual: 0,
            current: None,
            scan: Scan::default(),
            owed: false,
            heard: Instant::now(),
            patience,
            alarm: Box::pin(sleep(patience)),
        }
    }

    /// Sends what has gathered. Ready when nothing is left to send.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Arc<End>>> {
        loop {
            if self.sent == self.out.len() {
                if self.unflushed {
                    let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                    flushed.map_err(|e| self.broken(&e))?;
                    self.unflushed = false;
                }
                if !self.gather()? {
                    return Poll::Ready(Ok(()));
                }
            }
            let rest = &self.out[self.sent..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(0) => return Poll::Ready(Err(cut(self.node, "Redis closed the connection"))),
                Ok(count) => self.sent += count,
                Err(error) => return Poll::Ready(Err(self.broken(&error))),
            }
            self.unflushed = true;
        }
    }

    /// Takes what has gathered in the queue; false if nothing has.
    fn gather(&mut self) -> Result<bool, Arc<End>> {
        self.out.clear();
        self.sent = 0;
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        let mut state = self.queue.lock();
        if let Some(end) = &state.end {
            return Err(Arc::clone(end));
        }
        std::mem::swap(&mut self.out, &mut state.out);
        drop(state);
        if !self.out.is_empty() && !self.owed {
            (self.owed, self.heard) = (true, Instant::now());
        }
        Ok(!self.out.is_empty())
    }

    /// Receives once and answers what is complete.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Arc<End>>> {
        let room = (self.usual * 4).clamp(*ROOM.start(), *ROOM.end());
        if self.received.capacity() - self.received.len() < room / 4 {
            self.received.reserve(room);
        }
        let count = {
            let receiving = pin!(self.stream.read_buf(&mut self.received));
            ready!(receiving.poll(cx))
        };
        match count {
            Ok(0) => return Poll::Ready(Err(cut(self.node, "Redis closed the connection"))),
            Ok(_) => self.heard = Instant::now(),
            Err(error) => return Poll::Ready(Err(self.broken(&error))),
        }
        Poll::Ready(self.answer().map_err(|surprise| self.surprised(surprise)))
    }

    /// Gives every request its replies that are all there.
    fn answer(&mut self) -> Result<(), Surprise> {
        loop {
            if self.current.is_none() {
                self.current = self.queue.lock().waiting.pop_front();
            }
            let Some(request) = &self.current else { break };
            if !self.scan.feed(&self.received, &request.sections)? {
                return Ok(());
            }
            let scan = std::mem::take(&mut self.scan);
            self.usual = scan.position.max(self.usual - self.usual / 16);
            let data = self.received.split_to(scan.position).freeze();
            if let Some(request) = self.current.take() {
                // Whoever does not wait any more does not need it.
                drop(request.done.send(Ok(Reply { data, cells: scan.cells, errors: scan.errors })));
            }
        }
        if !self.received.is_empty() {
            return Err(Surprise("a reply that nobody asked for"));
        }
        self.owed = false;
        if self.received.capacity() > KEPT {
            self.received = BytesMut::new();
        }
        Ok(())
    }

    /// Ready when the server has been silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Arc<End>> {
        while self.owed {
            ready!(self.alarm.as_mut().poll(cx));
            let due = self.heard + self.patience;
            if Instant::now() >= due {
                let message = timed_out("read", self.node).to_string();
                return Poll::Ready(End::new(Cause::Failed, Kind::Unavailable, message));
            }
            self.alarm.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn broken(&self, error: &std::io::Error) -> Arc<End> {
        let lost = Error::unavailable(format!("the connection to Redis broke: {error}"));
        End::new(Cause::Cut, Kind::Unavailable, lost.with("node", self.node).to_string())
    }

    fn surprised(&self, Surprise(what): Surprise) -> Arc<End> {
        let error =
            Error::internal("Redis answered what was not asked").with("what", what).with("node", self.node);
        End::new(Cause::Failed, Kind::Internal, error.to_string())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<'_, S> {
    type Output = Arc<End>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Arc<End>> {
        let driver = self.get_mut();
        driver.queue.driver.register(cx.waker());
        loop {
            if let Poll::Ready(Err(end)) = driver.poll_send(cx) {
                return Poll::Ready(end);
            }
            match driver.poll_receive(cx) {
                Poll::Ready(Err(end)) => return Poll::Ready(end),
                Poll::Ready(Ok(())) => {}
                Poll::Pending => return driver.poll_silence(cx),
            }
        }
    }
}

impl<S> Drop for Driver<'_, S> {
    /// The request whose replies had begun is not in the queue any more; it is put back, to fail with the others.
    fn drop(&mut self) {
        if let Some(request) = self.current.take() {
            self.queue.lock().waiting.push_front(request);
        }
    }
}
