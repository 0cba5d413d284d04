//! Asking the nodes. What has moved is asked again where it is now; a connection that broke is made once more.

use super::command::Group;
use crate::connect::{Node, Servers, Topology};
use crate::error::{moved_to, refused, wrong_type};
use crate::link::{Answer, Cause, Failure, Links, Reply, Section};
use crate::resp::command;
use bytes::{Bytes, BytesMut};
use provender_core::online::{Cell, NO_CELL, ViewRead};
use provender_core::{Error, Kind, RequestContext, Result};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Rounds of asking before a cluster that keeps moving things is given up.
const ROUNDS: usize = 6;

/// The replies to all groups.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) data: Bytes,
    /// Values of all groups, one after the other: group by group, key by key.
    pub(super) cells: Vec<Cell>,
}

/// One question to all nodes that have keys of it.
pub(super) struct Exchange<'a> {
    pub(super) servers: &'a Arc<Servers>,
    pub(super) links: &'a Links,
    pub(super) groups: &'a [Group],
}

/// A key of the question.
#[derive(Clone, Copy)]
struct Place {
    group: usize,
    row: usize,
}

/// What one node is asked for.
struct Share {
    node: Node,
    places: Vec<Place>,
    asking: bool,
}

impl Exchange<'_> {
    /// Asks until everything is answered.
    ///
    /// # Errors
    /// `Unavailable`, `Denied` or `Internal` if anything could not be read.
    pub(super) async fn run(&self, views: &[ViewRead], context: &RequestContext) -> Result<Replies> {
        let total: usize = self.groups.iter().map(|g| g.rows() * g.fields.width).sum();
        if total == 0 {
            return Ok(Replies::default());
        }
        let mut topology = self.servers.topology().await?;
        let mut left: Vec<Share> = match self.only_node(&topology)? {
            Some(node) => match self.ask_whole(node).await {
                Ok(reply) if reply.errors.is_empty() => {
                    return Ok(Replies { data: reply.data, cells: reply.cells });
                }
                Ok(reply) if !topology.is_cluster() => return Err(self.first_error(&reply, views)),
                Ok(_) => self.shares(&topology)?,
                Err(failure) => {
                    topology = self.after(failure, &topology).await?;
                    self.shares(&topology)?
                }
            },
            None => self.shares(&topology)?,
        };
        let mut merged = Merged::new(self.groups, total);
        for _ in 0..ROUNDS {
            left = self.round(left, &mut topology, &mut merged, views).await?;
            if left.is_empty() {
                return merged.finish();
            }
            context.check()?;
        }
        Err(Error::unavailable("the Redis cluster keeps moving its keys"))
    }

    /// The one node that has every key, if it is one.
    fn only_node<'t>(&self, topology: &'t Topology) -> Result<Option<&'t Node>> {
        if !topology.is_cluster() {
            return Ok(topology.masters().first());
        }
        let (mut key, mut only) = (Vec::new(), None);
        for group in self.groups {
            for row in 0..group.rows() {
                let node = topology.node_of(group.put_key(row, &mut key))?;
                if *only.get_or_insert(node) != node {
                    return Ok(None);
                }
            }
        }
        Ok(only.and_then(|index| topology.masters().get(index)))
    }

    async fn ask_whole(&self, node: &Node) -> Result<Reply, Failure> {
        let sections: Vec<_> = self.groups.iter().map(|g| Section::new(g.rows(), g.fields.width)).collect();
        let encode = |out: &mut Vec<u8>| {
            for group in self.groups {
                group.reserve(out, group.rows());
                (0..group.rows()).for_each(|row| group.encode(out, row));
            }
        };
        received(self.links.send(node, &sections, encode)?.await)
    }

    /// Every key, with the node that has it.
    fn shares(&self, topology: &Topology) -> Result<Vec<Share>> {
        let places = self.groups.iter().enumerate();
        self.deal(topology, places.flat_map(|(group, g)| (0..g.rows()).map(move |row| Place { group, row })))
    }

    fn deal(&self, topology: &Topology, places: impl Iterator<Item = Place>) -> Result<Vec<Share>> {
        let share = |node: &Node| Share { node: node.clone(), places: Vec::new(), asking: false };
        let mut shares: Vec<_> = topology.masters().iter().map(share).collect();
        let mut key = Vec::new();
        for place in places {
            let node = topology.node_of(self.groups[place.group].put_key(place.row, &mut key))?;
            shares[node].places.push(place);
        }
        shares.retain(|share| !share.places.is_empty());
        Ok(shares)
    }

    /// Asks each node for its share; returns what has to be asked again.
    async fn round(
        &self,
        shares: Vec<Share>,
        topology: &mut Arc<Topology>,
        merged: &mut Merged<'_>,
        views: &[ViewRead],
    ) -> Result<Vec<Share>> {
        let asked: Vec<_> = shares.iter().map(|share| self.ask(share)).collect();
        let (mut again, mut elsewhere, mut failure) = (Vec::new(), Vec::new(), None);
        for (share, answer) in shares.into_iter().zip(asked) {
            let answer = match answer {
                Ok(answer) => received(answer.await),
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(reply) => {
                    merged.add(&share, &reply)?;
                    for (row, text) in &reply.errors {
                        let place = share.places[*row];
                        let text = String::from_utf8_lossy(&reply.data[text.clone()]);
                        match self.redirect(place, &text, &share.node, views)? {
                            Some(ask) => elsewhere.push(ask),
                            None => again.push(place),
                        }
                    }
                }
                Err(f) => {
                    failure = Some(f);
                    again.extend(share.places);
                }
            }
        }
        *topology = match failure {
            Some(failure) if merged.failures < 2 => {
                merged.failures += 1;
                self.after(failure, topology).await?
            }
            Some(failure) => return Err(failure.error()),
            None => self.servers.topology().await?,
        };
        elsewhere.extend(self.deal(topology, again.into_iter())?);
        Ok(elsewhere)
    }

    /// Queues a share with its node.
    fn ask(&self, share: &Share) -> Result<oneshot::Receiver<Answer>, Failure> {
        let mut sections: Vec<Section> = Vec::new();
        let mut last = None;
        for place in &share.places {
            match sections.last_mut() {
                Some(section) if last == Some(place.group) => section.rows += 1,
                _ => {
                    let width = self.groups[place.group].fields.width;
                    sections.push(Section { asking: share.asking, ..Section::new(1, width) });
                }
            }
            last = Some(place.group);
        }
        self.links.send(&share.node, &sections, |out| {
            for place in &share.places {
                if share.asking {
                    command(out, &["ASKING"]);
                }
                self.groups[place.group].encode(out, place.row);
            }
        })
    }

    /// What to do about an error in place of a reply: ask elsewhere this once, or (`None`) where the key is known to be now.
    fn redirect(&self, place: Place, text: &str, node: &Node, views: &[ViewRead]) -> Result<Option<Share>> {
        match moved_to(text, node) {
            Some((true, _, target)) => Ok(Some(Share { node: target, places: vec![place], asking: true })),
            Some((false, slot, target)) => {
                self.servers.moved(slot, &target);
                Ok(None)
            }
            None => Err(self.error(place, text, views)),
        }
    }

    /// The servers as they are after a failure, if asking again can help.
    async fn after(&self, failure: Failure, topology: &Arc<Topology>) -> Result<Arc<Topology>> {
        let Failure::Ended(end) = &failure else { return Err(failure.error()) };
        match end.cause() {
            Cause::Cut => self.servers.refresh(topology).await,
            // The node may have been replaced.
            Cause::Unconnected if end.error().kind() == Kind::Unavailable => {
                let fresh = self.servers.refresh(topology).await?;
                if *fresh == **topology { Err(failure.error()) } else { Ok(fresh) }
            }
            _ => Err(failure.error()),
        }
    }

    fn first_error(&self, reply: &Reply, views: &[ViewRead]) -> Error {
        let Some((mut row, text)) = reply.errors.first().cloned() else { return Error::internal("no error") };
        let mut group = 0;
        while row >= self.groups[group].rows() {
            row -= self.groups[group].rows();
            group += 1;
        }
        self.error(Place { group, row }, &String::from_utf8_lossy(&reply.data[text]), views)
    }

    /// An error in place of a reply, with what was read.
    fn error(&self, place: Place, text: &str, views: &[ViewRead]) -> Error {
        let group = &self.groups[place.group];
        let error = match text.split_whitespace().next() {
            Some("WRONGTYPE") => wrong_type(group.put_key(place.row, &mut Vec::new())),
            Some("MOVED" | "ASK") => Error::invalid("this Redis is a node of a cluster")
                .with("at", "online_store.redis_type")
                .with("expected", "redis_cluster"),
            _ => refused("read", text),
        };
        error.with("view", &views[group.views[0]].table.view)
    }
}

fn received(answer: Result<Answer, oneshot::error::RecvError>) -> Result<Reply, Failure> {
    match answer {
        Ok(answer) => answer.map_err(Failure::Ended),
        Err(error) => Err(Failure::Refused(Error::internal("a read was forgotten").because(error))),
    }
}

/// Replies of several nodes, put together in the order of the question.
struct Merged<'a> {
    groups: &'a [Group],
    /// Index of each group's first cell.
    starts: Vec<usize>,
    data: BytesMut,
    cells: Vec<Cell>,
    /// Rounds in which a connection failed.
    failures: usize,
}

impl<'a> Merged<'a> {
    fn new(groups: &'a [Group], total: usize) -> Self {
        let mut start = 0;
        let place = |group: &Group| {
            let first = start;
            start += group.rows() * group.fields.width;
            first
        };
        let starts = groups.iter().map(place).collect();
        Self { groups, starts, data: BytesMut::new(), cells: vec![NO_CELL; total], failures: 0 }
    }

    fn add(&mut self, share: &Share, reply: &Reply) -> Result<()> {
        let base = u32::try_from(self.data.len() + reply.data.len());
        let base =
            base.map_err(|e| Error::internal("online rows pass 4 GiB").because(e))? - reply.data.len() as u32;
        self.data.extend_from_slice(&reply.data);
        let mut from = 0;
        for place in &share.places {
            let width = self.groups[place.group].fields.width;
            let to = self.starts[place.group] + place.row * width;
            for (to, cell) in self.cells[to..to + width].iter_mut().zip(&reply.cells[from..from + width]) {
                *to = if *cell == NO_CELL { NO_CELL } else { (cell.0 + base, cell.1) };
            }
            from += width;
        }
        Ok(())
    }

    fn finish(self) -> Result<Replies> {
        Ok(Replies { data: self.data.freeze(), cells: self.cells })
    }
}
