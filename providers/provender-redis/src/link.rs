//! A connection for reading, of our own: requests leave together, replies are scanned where they arrive.
//!
//! A [`Link`] is a queue and a driver, a task on the runtime of whoever opened it. Requests are encoded straight into the queue's buffer; the driver sends what
//! has gathered, and gives each request the bytes of its replies, which share the buffer that they were received in. A request that nobody waits for any more
//! keeps its place, so that every reply meets the request it answers. When the driver ends, for whatever reason, everything that waits fails.

mod driver;
mod links;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use links::Links;
pub(crate) use scan::Section;

use crate::connect::{Node, Servers};
use bytes::Bytes;
use driver::drive;
use futures::task::AtomicWaker;
use provender_core::online::Cell;
use provender_core::{Error, Kind, Result};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// Requests that may wait on one link.
const MOST_WAITING: usize = 1024;
/// Bytes of requests that may gather before more are refused.
const MOST_GATHERED: usize = 8 << 20;

/// The replies to one request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// As they came.
    pub(crate) data: Bytes,
    /// The values in them, section by section, reply by reply.
    pub(crate) cells: Vec<Cell>,
    /// Replies that are errors: number of the reply over all sections, and where its text is.
    pub(crate) errors: Vec<(usize, Range<usize>)>,
}

/// Why a link ended.
#[derive(Debug)]
pub(crate) struct End {
    cause: Cause,
    kind: Kind,
    message: String,
    at: Instant,
}

/// What kind of end it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There never was a connection.
    Unconnected,
    /// The connection was cut.
    Cut,
    /// The server owed answers and was silent, or sent something else.
    Failed,
}

impl End {
    fn new(cause: Cause, kind: Kind, message: String) -> Arc<Self> {
        Arc::new(Self { cause, kind, message, at: Instant::now() })
    }

    pub(crate) fn cause(&self) -> Cause {
        self.cause
    }

    /// What a request is told that was under way.
    pub(crate) fn error(&self) -> Error {
        Error::new(self.kind, self.message.clone())
    }
}

/// What a request gets: its replies, or why there are none.
pub(crate) type Answer = Result<Reply, Arc<End>>;

/// Why a request has no replies.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not queued.
    Refused(Error),
    /// Its link has ended.
    Ended(Arc<End>),
}

impl Failure {
    pub(crate) fn error(self) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Ended(end) => end.error(),
        }
    }
}

/// Why a link did not queue a request.
#[derive(Debug)]
enum Refusal {
    Full,
    Ended(Arc<End>),
}

/// A connection for reading. Dropping it ends it.
#[derive(Debug)]
struct Link(Arc<Queue>);

impl Link {
    /// Starts a link; it connects by itself, and requests may queue meanwhile.
    ///
    /// # Errors
    /// `Internal` outside of a tokio runtime.
    fn open(servers: &Arc<Servers>, node: &Node) -> Result<Self> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|e| Error::internal("Redis is reached from a tokio runtime only").because(e))?;
        let queue = Arc::new(Queue::default());
        runtime.spawn(drive(Arc::clone(servers), node.clone(), Arc::clone(&queue)));
        Ok(Self(queue))
    }

    /// Queues a request: `encode` appends its commands, `sections` say what the replies must look like.
    fn send(
        &self,
        sections: &[Section],
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<oneshot::Receiver<Answer>, Refusal> {
        let mut state = self.0.lock();
        if let Some(end) = &state.end {
            return Err(Refusal::Ended(Arc::clone(end)));
        }
        if state.waiting.len() >= MOST_WAITING || state.out.len() > MOST_GATHERED {
            return Err(Refusal::Full);
        }
        let (done, answer) = oneshot::channel();
        encode(&mut state.out);
        state.waiting.push_back(Waiting { sections: sections.into(), done });
        drop(state);
        self.0.driver.wake();
        Ok(answer)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.end(&End::new(Cause::Cut, Kind::Unavailable, "the store was closed".to_owned()));
        self.0.driver.wake();
    }
}

/// What a link and its driver share.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    /// Wakes the driver when a request was queued.
    driver: AtomicWaker,
}

#[derive(Debug, Default)]
struct State {
    /// Commands that have not been handed to the network.
    out: Vec<u8>,
    /// Requests whose replies have not begun, in the order of their commands.
    waiting: VecDeque<Waiting>,
    end: Option<Arc<End>>,
}

#[derive(Debug)]
struct Waiting {
    sections: Box<[Section]>,
    done: oneshot::Sender<Answer>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the link, unless it has ended, and fails everything that waits.
    fn end(&self, end: &Arc<End>) {
        let waiting = {
            let mut state = self.lock();
            state.end.get_or_insert_with(|| Arc::clone(end));
            state.out = Vec::new();
            std::mem::take(&mut state.waiting)
        };
        for request in waiting {
            // Whoever does not wait any more does not need to know.
            drop(request.done.send(Err(Arc::clone(end))));
        }
    }
}
