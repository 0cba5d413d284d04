//! One round of a write: every open row is asked for, decided and committed once.

use super::rows::Rows;
use super::script;
use super::seen::Seen;
use super::{Fate, Fates};
use crate::connect::{Node, Topology};
use crate::lane::{Commands, LaneGuard, Lanes, Replies, Reply, garbled, refused};
use crate::state::Lease;
use futures::future::join_all;
use provender_core::{RequestContext, Result};
use std::sync::atomic::{AtomicUsize, Ordering};

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

impl Round<'_> {
    /// Takes the open rows to their nodes. Rows that somebody else has written in between stay open, and all from when the lease ends.
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
        let done = join_all(nodes.map(|(node, rows)| self.node(lanes, node, rows))).await;
        done.into_iter().collect()
    }

    async fn node(&self, lanes: &Lanes, node: &Node, rows: &[usize]) -> Result<()> {
        let chunks: Vec<&[usize]> = rows.chunks(self.commit.chunk()).collect();
        let next = AtomicUsize::new(0);
        let lane = || async {
            let mut lane = lanes.get(node).await?;
            let done = self.lane(&mut lane, || chunks.get(next.fetch_add(1, Ordering::Relaxed)).copied());
            let done = done.await;
            if done.is_err() {
                lane.give_up();
            }
            done
        };
        let done = join_all((0..lanes.most().min(chunks.len())).map(|_| lane())).await;
        done.into_iter().collect()
    }

    /// Chunk after chunk on one lane: the commit of one leaves together with the question about the next.
    async fn lane<'c>(
        &self,
        lane: &mut LaneGuard,
        mut next: impl FnMut() -> Option<&'c [usize]>,
    ) -> Result<()> {
        let (mut commands, mut following) = (Commands::default(), Commands::default());
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
            pending.settle(&mut replies, self.fates, self.commit)?;
            following.clear();
            pending = self.decide(chunk, &mut replies, &mut following)?;
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
    fn decide(&self, chunk: &[usize], replies: &mut Replies<'_>, out: &mut Commands) -> Result<Pending> {
        let mut pending = Pending::default();
        match self.commit {
            _ if chunk.is_empty() => {}
            Commit::Blindly => {
                for row in chunk {
                    pending.commands += self.rows.put(out, *row);
                }
                pending.rows = chunk.to_vec();
            }
            Commit::Watching => {
                if let Reply::Error(text) = replies.next().map_err(|_| garbled())? {
                    return Err(refused("watch keys", text));
                }
                pending.rows = self.newer(chunk, replies, |_, _| Ok(()))?;
                pending.watched = true;
                if pending.rows.is_empty() {
                    out.command(&[b"UNWATCH"]);
                } else {
                    out.command(&[b"MULTI"]);
                    for row in &pending.rows {
                        pending.commands += self.rows.put(out, *row);
                    }
                    out.command(&[b"EXEC"]);
                }
            }
            Commit::ByScript => {
                pending.rows = self.newer(chunk, replies, |row, seen| self.rows.put_if(out, row, seen))?;
            }
        }
        Ok(pending)
    }

    /// The rows of a chunk that are not older than what is there; the others are settled.
    fn newer<'r>(
        &self,
        chunk: &[usize],
        replies: &mut Replies<'r>,
        mut write: impl FnMut(usize, &Seen<'r>) -> Result<()>,
    ) -> Result<Vec<usize>> {
        let mut newer = Vec::with_capacity(chunk.len());
        for row in chunk {
            let seen = Seen::read(replies, self.rows.shape.form)?;
            if self.rows.replaces(*row, &seen)? {
                write(*row, &seen)?;
                newer.push(*row);
            } else {
                self.fates.settle(*row, Fate::Stale);
            }
        }
        Ok(newer)
    }
}

/// Rows whose commit is on its way.
#[derive(Debug, Default)]
struct Pending {
    rows: Vec<usize>,
    /// Commands that write them, without MULTI and EXEC.
    commands: usize,
    watched: bool,
    loads: bool,
}

impl Pending {
    /// Reads what has become of the rows.
    fn settle(self, replies: &mut Replies<'_>, fates: &Fates, commit: Commit) -> Result<()> {
        let mut next = || replies.next().map_err(|_| garbled());
        if self.loads {
            script::loaded(next()?)?;
        }
        match commit {
            Commit::ByScript => {
                for row in self.rows {
                    if script::done(next()?)? {
                        fates.settle(row, Fate::Written);
                    }
                }
                return Ok(());
            }
            // The answer to UNWATCH.
            Commit::Watching if self.watched && self.rows.is_empty() => return next().map(drop),
            Commit::Watching if self.watched => {
                // Those to MULTI and to what was queued; the first that is refused says why, EXEC only that.
                let queued = 1 + self.commands;
                let refusal = first_refusal(queued, &mut next)?;
                match next()? {
                    Reply::Nil => return Ok(()),
                    Reply::Array(_) => {}
                    Reply::Error(text) => return Err(refused("write keys", refusal.unwrap_or(text))),
                    _ => return Err(garbled()),
                }
            }
            Commit::Watching | Commit::Blindly => {}
        }
        if let Some(text) = first_refusal(self.commands, &mut next)? {
            return Err(refused("write a key", text));
        }
        self.rows.iter().for_each(|row| fates.settle(*row, Fate::Written));
        Ok(())
    }
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
