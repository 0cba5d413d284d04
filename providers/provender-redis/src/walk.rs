//! A walk over all keys of some views, at a bounded rate: what is not known by key has to be looked for.

use crate::connect::Node;
use crate::lane::{Commands, LaneGuard, Lanes, Replies, Reply, garbled, refused};
use crate::layout::key::{is_of, pattern, prefix};
use crate::write::seen::Fields;
use provender_core::online::OnlineTable;
use provender_core::{Error, RequestContext, Result};
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Keys that are looked at in a second if nobody says otherwise: about a tenth of what a server does.
const RATE: u32 = 50_000;
/// Keys that are looked at in one go.
const STEP: u32 = 500;

/// A view whose keys are looked for.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) table: Arc<OnlineTable>,
    pub(crate) fields: Fields,
    prefix: Vec<u8>,
}

impl Target {
    pub(crate) fn of(table: &Arc<OnlineTable>) -> Self {
        Self { table: Arc::clone(table), fields: Fields::of(table), prefix: prefix(&table.join_keys) }
    }

    fn has(&self, key: &[u8]) -> bool {
        is_of(key, &self.prefix, &self.table.project)
    }
}

/// What is done with the keys that are found.
pub(crate) trait Visit: Send {
    /// Works on some keys, each with the number of a target that may have fields in it. Answers whether to go on. The same key may come again.
    fn visit(
        &mut self,
        lane: &mut LaneGuard,
        found: &[(&[u8], usize)],
    ) -> impl Future<Output = Result<bool>> + Send;
}

/// A walk.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    lanes: &'a Lanes,
    targets: &'a [Target],
    rate: u32,
    context: &'a RequestContext,
    /// What the progress is told as; nothing if nobody wants to know.
    task: Option<Arc<str>>,
    began: Instant,
    looked_at: u64,
    total: u64,
}

impl<'a> Walk<'a> {
    /// All targets must be of one project.
    pub(crate) fn new(lanes: &'a Lanes, targets: &'a [Target], context: &'a RequestContext) -> Self {
        Self {
            lanes,
            targets,
            rate: RATE,
            context,
            task: None,
            began: Instant::now(),
            looked_at: 0,
            total: 0,
        }
    }

    /// Looks at so many keys a second at most.
    pub(crate) fn at(mut self, rate: Option<NonZeroU32>) -> Self {
        self.rate = rate.map_or(RATE, NonZeroU32::get);
        self
    }

    /// Tells the progress.
    pub(crate) fn telling(mut self, task: &str) -> Self {
        self.task = Some(task.into());
        self
    }

    /// Takes every key of the targets to the visitor, and some twice. Returns how many keys of the store were looked at.
    ///
    /// # Errors
    /// `Unavailable` if a node does not answer, or the walk is cancelled.
    pub(crate) async fn run(mut self, visitor: &mut impl Visit) -> Result<u64> {
        let Some(pattern) = self.pattern() else { return Ok(0) };
        let topology = self.lanes.servers().topology().await?;
        for node in topology.masters() {
            self.total += self.size(node).await?;
        }
        for node in topology.masters() {
            let done = self.node(node, &pattern, visitor).await;
            if done.as_ref().is_err_and(|e| e.kind() == provender_core::Kind::Unavailable) {
                drop(self.lanes.servers().refresh(&topology).await);
            }
            if !done? {
                break;
            }
        }
        Ok(self.looked_at)
    }

    /// One walk finds the keys of all targets: of all that begin alike, or else of the project.
    fn pattern(&self) -> Option<Vec<u8>> {
        let first = self.targets.first()?;
        let alike = self.targets.iter().all(|target| target.prefix == first.prefix);
        Some(pattern(if alike { &first.prefix } else { b"" }, &first.table.project))
    }

    async fn size(&self, node: &Node) -> Result<u64> {
        let mut commands = Commands::default();
        commands.command(&[b"DBSIZE"]);
        match self.lanes.get(node).await?.first(&commands, self.context).await?.next() {
            Ok(Reply::Number(keys)) => Ok(u64::try_from(keys).unwrap_or_default()),
            Ok(Reply::Error(text)) => Err(refused("count keys", text)),
            _ => Err(garbled()),
        }
    }

    async fn node(&mut self, node: &Node, pattern: &[u8], visitor: &mut impl Visit) -> Result<bool> {
        let mut lane = self.lanes.get(node).await?;
        let step = STEP.min(self.rate);
        let mut cursor = b"0".to_vec();
        loop {
            let mut commands = Commands::default();
            let count = step.to_string();
            commands.command(&[b"SCAN", &cursor, b"MATCH", pattern, b"COUNT", count.as_bytes()]);
            let keys = {
                let mut replies = lane.first(&commands, self.context).await?;
                scanned(&mut replies, &mut cursor)?
            };
            let found: Vec<(&[u8], usize)> = keys.iter().flat_map(|key| self.owners(key)).collect();
            if !found.is_empty() && !visitor.visit(&mut lane, &found).await? {
                return Ok(false);
            }
            self.looked_at += u64::from(step);
            if cursor == b"0" {
                // The last step is rarely a whole one.
                self.looked_at = self.looked_at.min(self.total);
                return Ok(true);
            }
            self.pause().await?;
        }
    }

    fn owners<'k>(&self, key: &'k [u8]) -> impl Iterator<Item = (&'k [u8], usize)> {
        self.targets.iter().enumerate().filter(move |(_, target)| target.has(key)).map(move |(i, _)| (key, i))
    }

    /// Waits until as much time has passed as the keys looked at take.
    async fn pause(&self) -> Result<()> {
        if let Some(task) = &self.task {
            self.context.progress.report(task, self.looked_at.min(self.total), Some(self.total));
        }
        let due = self.began + Duration::from_secs_f64(self.looked_at as f64 / f64::from(self.rate));
        loop {
            self.context.check()?;
            match due.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => sleep(left.min(Duration::from_millis(100))).await,
                _ => return Ok(()),
            }
        }
    }
}

/// Reads a reply to SCAN: the keys, and where to go on.
fn scanned(replies: &mut Replies<'_>, cursor: &mut Vec<u8>) -> Result<Vec<Vec<u8>>> {
    let mut next = || replies.next().map_err(|_| garbled());
    match next()? {
        Reply::Array(2) => {}
        Reply::Error(text) => return Err(refused("look for keys", text)),
        _ => return Err(garbled()),
    }
    let (Reply::Value(next_cursor), Reply::Array(keys)) = (next()?, next()?) else { return Err(garbled()) };
    *cursor = next_cursor.to_vec();
    (0..keys)
        .map(|_| match next()? {
            Reply::Value(key) => Ok(key.to_vec()),
            _ => Err(Error::internal("Redis named a key that is none")),
        })
        .collect()
}
