//! One round of a write: every open row is asked for, decided and committed once.

use super::rows::Rows;
use super::script;
use super::seen::Seen;
use super::{Fate, Fates};
use crate::connect::{Node, Topology};
use crate::error::moved_to;
use crate::lane::{Commands, LaneGuard, Lanes, Replies, Reply, garbled, refused};
use crate::state::Lease;
use futures::future::join_all;
use provender_core::{Error, RequestContext, Result};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How rows are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commit {
    /// Without looking at what is there.
    Blindly,
    /// If none of the keys of a chunk has changed since it was asked for.
    Watching,
    /// Row by row, if the row has not changed since it was asked for.
    ByScript,
}

impl Commit {
    /// Rows that are decided together. Redis looks through all keys that are watched for each that is added, so not too many.
    fn chunk(self) -> usize {
        match self {
            Self::Watching => 48,
            Self::Blindly | Self::ByScript => 128,
        }
    }
}

/// A round.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) fates: &'a Fates,
    pub(super) commit: Commit,
    pub(super) lease: Lease,
    pub(super) context: &'a RequestContext,
}

/// Where a part of a round goes.
struct Way<'a> {
    lanes: &'a Lanes,
    topology: &'a Topology,
    node: &'a Node,
    /// Whether the keys are on their way to the node, which must be told so.
    asking: bool,
    /// Rows that the node has sent elsewhere this once.
    elsewhere: Mutex<Vec<(usize, Node)>>,
}

impl Round<'_> {
    /// Takes the open rows to their nodes. Rows that somebody else has written in between, or that have moved, stay open, and all from when the lease ends.
    ///
    /// # Errors
    /// The first error of a lane; other lanes go on.
    pub(super) async fn run(&self, lanes: &Lanes, topology: &Topology, open: &[usize]) -> Result<()> {
        let mut nodes: Vec<Vec<usize>> = vec![Vec::new(); topology.masters().len()];
        if let [all] = nodes.as_mut_slice() {
            all.extend_from_slice(open);
        } else {
            for row in open {
                let (entity, project) = self.rows.key(*row);
                nodes[topology.node_of(&[entity, project].concat())?].push(*row);
            }
        }
        let nodes = topology.masters().iter().zip(&nodes).filter(|(_, rows)| !rows.is_empty());
        let done = join_all(nodes.map(|(node, rows)| async move {
            let way = Way { lanes, topology, node, asking: false, elsewhere: Mutex::default() };
            self.node(&way, rows).await?;
            let elsewhere = way.elsewhere.into_inner().unwrap_or_else(PoisonError::into_inner);
            for (node, rows) in by_node(elsewhere) {
                let way = Way { lanes, topology, node: &node, asking: true, elsewhere: Mutex::default() };
                self.node(&way, &rows).await?;
            }
            Ok(())
        }))
        .await;
        done.into_iter().collect()
    }

    async fn node(&self, way: &Way<'_>, rows: &[usize]) -> Result<()> {
        let chunks: Vec<&[usize]> = rows.chunks(self.commit.chunk()).collect();
        let next = AtomicUsize::new(0);
        let lane = || async {
            let mut lane = way.lanes.get(way.node).await?;
            let next = || chunks.get(next.fetch_add(1, Ordering::Relaxed)).copied();
            let done = self.lane(&mut lane, way, next).await;
            if done.is_err() {
                lane.give_up();
            }
            done
        };
        let done = join_all((0..way.lanes.most().min(chunks.len())).map(|_| lane())).await;
        done.into_iter().collect()
    }

    /// Chunk after chunk on one lane: the commit of one leaves together with the question about the next.
    async fn lane<'c>(
        &self,
        lane: &mut LaneGuard,
        way: &Way<'_>,
        mut next: impl FnMut() -> Option<&'c [usize]>,
    ) -> Result<()> {
        let (mut commands, mut following) = (way.commands(), way.commands());
        let mut pending = Pending::default();
        let mut first = true;
        if self.commit == Commit::ByScript {
            script::load(&mut commands);
            pending.loads = true;
        }
        loop {
            self.context.check()?;
            if self.lease.has_ended() && !first {
                // What is on its way to be committed is decided again, by the layout as it is then.
                lane.give_up();
                return Ok(());
            }
            let chunk = next().unwrap_or_default();
            self.ask(chunk, &mut commands);
            if commands.is_empty() && chunk.is_empty() {
                return Ok(());
            }
            let mut replies = match () {
                () if commands.is_empty() => Replies::none(),
                () if first => lane.first(&commands, self.context).await?,
                () => lane.exchange(&commands, self.context).await?,
            };
            first &= commands.is_empty();
            self.settle(pending, &mut replies, way)?;
            following.clear();
            pending = self.decide(chunk, &mut replies, &mut following, way)?;
            std::mem::swap(&mut commands, &mut following);
        }
    }

    fn ask(&self, chunk: &[usize], out: &mut Commands) {
        if self.commit == Commit::Blindly || chunk.is_empty() {
            return;
        }
        if self.commit == Commit::Watching {
            self.rows.watch(out, chunk);
        }
        chunk.iter().for_each(|row| self.rows.ask(out, *row));
    }

    /// Decides a chunk and appends what commits it.
    fn decide(
        &self,
        chunk: &[usize],
        replies: &mut Replies<'_>,
        out: &mut Commands,
        way: &Way<'_>,
    ) -> Result<Pending> {
        let mut pending = Pending::default();
        match self.commit {
            _ if chunk.is_empty() => {}
            Commit::Blindly => {
                pending.rows = chunk.iter().map(|row| (*row, self.rows.put(out, *row))).collect();
            }
            Commit::Watching => {
                if let Reply::Error(text) = replies.next().map_err(|_| garbled())? {
                    return Err(way.refused("watch keys", text));
                }
                let newer = self.newer(chunk, replies, way, |_, _| Ok(()))?;
                pending.watched = true;
                if newer.is_empty() {
                    out.command(&[b"UNWATCH"]);
                } else {
                    out.command(&[b"MULTI"]);
                    pending.rows = newer.into_iter().map(|row| (row, self.rows.put(out, row))).collect();
                    out.command(&[b"EXEC"]);
                }
            }
            Commit::ByScript => {
                let newer = self.newer(chunk, replies, way, |row, seen| self.rows.put_if(out, row, seen))?;
                pending.rows = newer.into_iter().map(|row| (row, 1)).collect();
            }
        }
        Ok(pending)
    }

    /// The rows of a chunk that are not older than what is there; the others are settled, or have moved.
    fn newer<'r>(
        &self,
        chunk: &[usize],
        replies: &mut Replies<'r>,
        way: &Way<'_>,
        mut write: impl FnMut(usize, &Seen<'r>) -> Result<()>,
    ) -> Result<Vec<usize>> {
        let mut newer = Vec::with_capacity(chunk.len());
        for row in chunk {
            replies.skip(way.asking).map_err(|_| garbled())?;
            match Seen::read(replies, self.rows.shape.form)? {
                Ok(seen) if self.rows.replaces(*row, &seen)? => {
                    write(*row, &seen)?;
                    newer.push(*row);
                }
                Ok(_) => self.fates.settle(*row, Fate::Stale),
                Err(text) => way.redirect(*row, "read a key", text)?,
            }
        }
        Ok(newer)
    }

    /// Reads what has become of the rows whose commit was on its way.
    fn settle(&self, pending: Pending, replies: &mut Replies<'_>, way: &Way<'_>) -> Result<()> {
        let mut next = || {
            replies.skip(way.asking).map_err(|_| garbled())?;
            replies.next().map_err(|_| garbled())
        };
        if pending.loads {
            script::loaded(next()?)?;
        }
        if pending.watched {
            return self.settle_watched(&pending, next, way);
        }
        for (row, commands) in pending.rows {
            let mut fate = Fate::Written;
            for _ in 0..commands {
                match next()? {
                    Reply::Error(text) if script::is_forgotten(text) => fate = Fate::Open,
                    Reply::Error(text) => {
                        way.redirect(row, "write a key", text)?;
                        fate = Fate::Open;
                    }
                    // Somebody else was quicker.
                    Reply::Number(0) if self.commit == Commit::ByScript => fate = Fate::Open,
                    _ => {}
                }
            }
            self.fates.settle(row, fate);
        }
        Ok(())
    }

    /// The replies to UNWATCH, or to MULTI, what was queued, and EXEC.
    fn settle_watched<'r>(
        &self,
        pending: &Pending,
        mut next: impl FnMut() -> Result<Reply<'r>>,
        way: &Way<'_>,
    ) -> Result<()> {
        if pending.rows.is_empty() {
            return next().map(drop);
        }
        let commands = pending.rows.iter().map(|(_, commands)| commands).sum();
        // The first that is refused says why; EXEC only says that something was.
        let refusal = first_refusal(1 + commands, &mut next)?;
        match next()? {
            Reply::Nil => return Ok(()),
            Reply::Array(_) => {}
            Reply::Error(text) => return Err(way.refused("write keys", refusal.unwrap_or(text))),
            _ => return Err(garbled()),
        }
        if let Some(text) = first_refusal(commands, &mut next)? {
            return Err(way.refused("write a key", text));
        }
        pending.rows.iter().for_each(|(row, _)| self.fates.settle(*row, Fate::Written));
        Ok(())
    }
}

impl Way<'_> {
    fn commands(&self) -> Commands {
        if self.asking { Commands::asking() } else { Commands::default() }
    }

    /// A row whose key is elsewhere stays open, and goes there; anything else that is refused fails the write.
    fn redirect(&self, row: usize, action: &'static str, text: &[u8]) -> Result<()> {
        let moved =
            moved_to(&String::from_utf8_lossy(text), self.node).filter(|_| self.topology.is_cluster());
        match moved {
            Some((true, _, node)) => {
                self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push((row, node));
            }
            Some((false, slot, node)) => self.lanes.servers().moved(slot, &node),
            None => return Err(self.refused(action, text)),
        }
        Ok(())
    }

    fn refused(&self, action: &'static str, text: &[u8]) -> Error {
        match text.starts_with(b"MOVED ") || text.starts_with(b"ASK ") {
            true if !self.topology.is_cluster() => Error::invalid("this Redis is a node of a cluster")
                .with("at", "online_store.redis_type")
                .with("expected", "redis_cluster"),
            _ => refused(action, text),
        }
    }
}

/// Rows whose commit is on its way, and by how many commands.
#[derive(Debug, Default)]
struct Pending {
    rows: Vec<(usize, usize)>,
    watched: bool,
    loads: bool,
}

fn by_node(rows: Vec<(usize, Node)>) -> HashMap<Node, Vec<usize>> {
    let mut nodes: HashMap<Node, Vec<usize>> = HashMap::new();
    for (row, node) in rows {
        nodes.entry(node).or_default().push(row);
    }
    nodes
}

/// Reads so many replies; returns the first that is an error.
fn first_refusal<'a>(
    replies: usize,
    mut next: impl FnMut() -> Result<Reply<'a>>,
) -> Result<Option<&'a [u8]>> {
    let mut refusal = None;
    for _ in 0..replies {
        if let Reply::Error(text) = next()? {
            refusal = refusal.or(Some(text));
        }
    }
    Ok(refusal)
}
