//! Connections of their own for writing and for administration: one user at a time, so that WATCH and MULTI hold.

mod reply;

pub(crate) use reply::{Garbled, Replies, Reply};

use crate::connect::{Node, Servers};
use crate::error::timed_out;
use crate::resp;
use provender_core::{Error, RequestContext, Result};
use reply::Progress;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Commands that leave together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commands {
    bytes: Vec<u8>,
    replies: usize,
    /// For words whose length is known only when they are written.
    word: Vec<u8>,
    /// Whether `ASKING` goes before each command: its slot is on its way to the node.
    asking: bool,
}

impl Commands {
    /// Commands for keys that are on their way to the node. Each gets a second reply, before its own.
    pub(crate) fn asking() -> Self {
        Self { asking: true, ..Self::default() }
    }

    /// Begins a command of so many words.
    pub(crate) fn begin(&mut self, words: usize) {
        if self.asking {
            resp::command(&mut self.bytes, &["ASKING"]);
            self.replies += 1;
        }
        resp::words(&mut self.bytes, words);
        self.replies += 1;
    }

    /// The next word of the command.
    pub(crate) fn word(&mut self, word: &[u8]) {
        resp::word(&mut self.bytes, word);
    }

    /// The next word, in two pieces.
    pub(crate) fn word_of(&mut self, first: &[u8], second: &[u8]) {
        resp::word_length(&mut self.bytes, first.len() + second.len());
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// The next word, as it is written.
    pub(crate) fn word_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.word.clear();
        write(&mut self.word);
        resp::word(&mut self.bytes, &self.word);
    }

    /// The next word, a number.
    pub(crate) fn number(&mut self, number: u64) {
        self.word(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Words that were encoded before.
    pub(crate) fn encoded(&mut self, words: &[u8]) {
        self.bytes.extend_from_slice(words);
    }

    /// A whole command.
    pub(crate) fn command(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        words.iter().for_each(|word| self.word(word));
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.replies = 0;
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies == 0
    }
}

/// A connection of its own to one node.
#[derive(Debug)]
pub(crate) struct Lane {
    stream: crate::connect::Stream,
    node: Node,
    limit: Duration,
    inbox: Vec<u8>,
    /// Length of the replies to the last exchange.
    answered: usize,
    /// Whether an exchange was begun and not ended: whose replies come next is not known then.
    broken: bool,
    used: bool,
}

impl Lane {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `Unavailable` if the node cannot be reached in time, `Denied` if it refuses us.
    async fn open(servers: &Servers, node: &Node) -> Result<Self> {
        let stream = servers.greeted(node).await?;
        let limit = servers.address().socket_timeout;
        Ok(Self {
            stream,
            node: node.clone(),
            limit,
            inbox: Vec::new(),
            answered: 0,
            broken: false,
            used: false,
        })
    }

    /// Sends commands and waits for all their replies.
    ///
    /// # Errors
    /// `Unavailable` if the connection breaks or the deadline passes; the lane is of no more use then.
    async fn exchange(&mut self, commands: &Commands, context: &RequestContext) -> Result<()> {
        context.check()?;
        let left = context.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let limit = left.map_or(self.limit, |left| left.min(self.limit));
        (self.broken, self.used) = (true, true);
        let node = self.node.clone();
        let done = timeout(limit, self.send(commands)).await;
        self.answered = done.map_err(|_| timed_out("use Redis", &node))??;
        self.broken = false;
        Ok(())
    }

    fn replies(&self) -> Replies<'_> {
        Replies(&self.inbox[..self.answered])
    }

    async fn send(&mut self, commands: &Commands) -> Result<usize> {
        let broken = |e: std::io::Error, node: &Node| {
            Error::unavailable("the connection to Redis broke").with("node", node).because(e)
        };
        self.stream.write_all(&commands.bytes).await.map_err(|e| broken(e, &self.node))?;
        self.stream.flush().await.map_err(|e| broken(e, &self.node))?;
        self.inbox.clear();
        let mut progress = Progress::new(commands.replies);
        while !progress.feed(&self.inbox).map_err(|Garbled| garbled().with("node", &self.node))? {
            let read = self.stream.read_buf(&mut self.inbox).await.map_err(|e| broken(e, &self.node))?;
            if read == 0 {
                return Err(Error::unavailable("Redis closed the connection").with("node", &self.node));
            }
        }
        Ok(progress.len)
    }
}

/// Bytes that no Redis sends.
pub(crate) fn garbled() -> Error {
    Error::internal("Redis sent something that is no answer to what was asked")
}

/// An error reply as an error: its first word says what kind.
pub(crate) fn refused(action: &'static str, text: &[u8]) -> Error {
    crate::error::refused(action, &String::from_utf8_lossy(text))
}

/// The lanes of a store: so many to each node at once, kept for the next user.
#[derive(Debug)]
pub(crate) struct Lanes {
    servers: Arc<Servers>,
    most: usize,
    nodes: Mutex<HashMap<Node, Arc<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    lanes: Mutex<Vec<Lane>>,
    room: Arc<Semaphore>,
}

impl Lanes {
    pub(crate) fn new(servers: Arc<Servers>, most: usize) -> Arc<Self> {
        Arc::new(Self { servers, most, nodes: Mutex::default() })
    }

    pub(crate) fn servers(&self) -> &Arc<Servers> {
        &self.servers
    }

    /// How many there may be to one node.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// A lane to a node, for one user; waits while all are in use.
    ///
    /// # Errors
    /// `Unavailable` if the node cannot be reached in time, `Denied` if it refuses us.
    pub(crate) async fn get(&self, node: &Node) -> Result<LaneGuard> {
        let idle = self.idle(node);
        let closed = |_| Error::internal("the lanes were closed");
        let room = Arc::clone(&idle.room).acquire_owned().await.map_err(closed)?;
        let kept = idle.lanes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let lane = match kept {
            Some(lane) => lane,
            None => Lane::open(&self.servers, node).await?,
        };
        Ok(LaneGuard { lane: Some(lane), idle, servers: Arc::clone(&self.servers), _room: room })
    }

    /// Sends commands to the node of a key and hands the replies on.
    ///
    /// # Errors
    /// As [`LaneGuard::first`].
    pub(crate) async fn ask<T>(
        &self,
        key: &[u8],
        commands: &Commands,
        context: &RequestContext,
        read: impl FnOnce(Replies<'_>) -> Result<T>,
    ) -> Result<T> {
        let topology = self.servers.topology().await?;
        let node = &topology.masters()[topology.node_of(key)?];
        let answer = match self.get(node).await {
            Ok(mut lane) => lane.first(commands, context).await.and_then(read),
            Err(error) => Err(error),
        };
        if answer.as_ref().is_err_and(|e| e.kind() == provender_core::Kind::Unavailable) {
            // Whoever tries again finds the servers as they are then.
            drop(self.servers.refresh(&topology).await);
        }
        answer
    }

    fn idle(&self, node: &Node) -> Arc<Idle> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = nodes.entry(node.clone()).or_insert_with(|| {
            Arc::new(Idle { lanes: Mutex::default(), room: Arc::new(Semaphore::new(self.most)) })
        });
        Arc::clone(idle)
    }
}

/// A lane in use; it goes back when this is dropped, unless it broke.
#[derive(Debug)]
pub(crate) struct LaneGuard {
    lane: Option<Lane>,
    idle: Arc<Idle>,
    servers: Arc<Servers>,
    _room: OwnedSemaphorePermit,
}

impl LaneGuard {
    /// The first exchange of a user, of commands that may be repeated: a lane that was kept may have been closed by the server since.
    ///
    /// # Errors
    /// As [`LaneGuard::exchange`].
    pub(crate) async fn first(
        &mut self,
        commands: &Commands,
        context: &RequestContext,
    ) -> Result<Replies<'_>> {
        let lane = self.lane()?;
        if lane.used && lane.exchange(commands, context).await.is_err() {
            context.check()?;
            let node = lane.node.clone();
            self.lane = Some(Lane::open(&self.servers, &node).await?);
        } else if lane.used {
            return Ok(self.lane()?.replies());
        }
        self.exchange(commands, context).await
    }

    /// Sends commands and waits for all their replies.
    ///
    /// # Errors
    /// `Unavailable` if the connection breaks or the deadline passes.
    pub(crate) async fn exchange(
        &mut self,
        commands: &Commands,
        context: &RequestContext,
    ) -> Result<Replies<'_>> {
        let lane = self.lane()?;
        lane.exchange(commands, context).await?;
        Ok(lane.replies())
    }

    /// Ends the lane instead of keeping it: something is still being watched on it.
    pub(crate) fn give_up(&mut self) {
        self.lane = None;
    }

    fn lane(&mut self) -> Result<&mut Lane> {
        self.lane.as_mut().ok_or_else(|| Error::internal("a lane that was given up was used again"))
    }
}

impl Drop for LaneGuard {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take().filter(|lane| !lane.broken) {
            self.idle.lanes.lock().unwrap_or_else(PoisonError::into_inner).push(lane);
        }
    }
}
