//! The links of a store: for each node as many as there are threads that read, up to the pool's size.

use super::{Answer, Cause, End, Failure, Link, Refusal, Section};
use crate::connect::{Node, Servers};
use provender_core::Error;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// After a connection could not be made, requests fail for so long without another attempt.
const PAUSE: Duration = Duration::from_millis(200);

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// A number for each thread that reads, so that each finds its own link.
    static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// All links of a store.
#[derive(Debug)]
pub(crate) struct Links {
    servers: Arc<Servers>,
    /// By number of the thread, then by node. A lock that other threads rarely want.
    pool: Box<[Mutex<HashMap<Node, Link>>]>,
}

impl Links {
    /// No links yet, and at most `size` to each node.
    pub(crate) fn new(servers: Arc<Servers>, size: usize) -> Self {
        Self { servers, pool: (0..size.max(1)).map(|_| Mutex::default()).collect() }
    }

    /// Queues a request to a node on this thread's link; opens the link first if there is none, or it has ended.
    ///
    /// # Errors
    /// If too many wait already, or the node could not be reached a moment ago.
    pub(crate) fn send(
        &self,
        node: &Node,
        sections: &[Section],
        encode: impl Fn(&mut Vec<u8>),
    ) -> Result<oneshot::Receiver<Answer>, Failure> {
        let mine = &self.pool[NUMBER.with(|n| *n) % self.pool.len()];
        let mut links = mine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(node) {
            match link.send(sections, &encode) {
                Ok(answer) => return Ok(answer),
                Err(Refusal::Full) => return Err(full(node)),
                Err(Refusal::Ended(end)) if is_fresh_failure(&end) => return Err(Failure::Ended(end)),
                Err(Refusal::Ended(_)) => {}
            }
        }
        // Links to nodes that are gone have ended, too.
        links.retain(|_, link| link.0.lock().end.is_none());
        let link = Link::open(&self.servers, node).map_err(Failure::Refused)?;
        let link = match links.entry(node.clone()) {
            Entry::Occupied(mut entry) => {
                entry.insert(link);
                entry.into_mut()
            }
            Entry::Vacant(entry) => entry.insert(link),
        };
        link.send(sections, &encode).map_err(|refusal| match refusal {
            Refusal::Full => full(node),
            Refusal::Ended(end) => Failure::Ended(end),
        })
    }
}

fn is_fresh_failure(end: &End) -> bool {
    end.cause == Cause::Unconnected && end.at.elapsed() < PAUSE
}

fn full(node: &Node) -> Failure {
    Failure::Refused(Error::unavailable("too many reads are waiting for Redis").with("node", node))
}
