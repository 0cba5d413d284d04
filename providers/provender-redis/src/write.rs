//! Writing: batches of rows over several lanes at once, so that Redis is never without work.
//!
//! Newest wins without a race: the times of a row are read, what is to be written is decided here, and Redis takes it only if those times have not changed
//! since. On one server WATCH and MULTI do that for some dozens of rows at once; on a cluster, while a layout is changed, and for rows that somebody else
//! wrote in between, a script does it row by row.

mod lane;
mod rows;
pub(crate) mod script;
pub(crate) mod seen;

use crate::config::{Layout, RedisConfig, WriteMode};
use crate::connect::Topology;
use crate::lane::Lanes;
use crate::schemas::Schemas;
use crate::state::{Form, Layouts};
use lane::{Commit, Round};
use provender_core::online::{OnlineWrite, WriteColumns, WriteSummary};
use provender_core::{Error, Kind, Result};
use rows::{Rows, Shape};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How often rows are decided again that somebody else keeps writing.
const ROUNDS: usize = 64;
/// How often it is tried again, with the servers as they are then, when one of them does not answer.
const TRIES: usize = 2;

/// Writes rows.
#[derive(Debug)]
pub(crate) struct Writer {
    lanes: Arc<Lanes>,
    layouts: Arc<Layouts>,
    schemas: Arc<Schemas>,
    mode: WriteMode,
    key_ttl: Option<u64>,
}

/// What has become of each row of a batch.
#[derive(Debug)]
pub(crate) struct Fates(Vec<AtomicU8>);

/// What has become of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fate {
    Open,
    Written,
    Stale,
}

impl Fates {
    fn new(rows: usize) -> Self {
        Self((0..rows).map(|_| AtomicU8::new(Fate::Open as u8)).collect())
    }

    /// Has those of the rows written once more that are written.
    fn reopen(&self, rows: &[usize]) {
        rows.iter().filter(|row| self.is(**row, Fate::Written)).for_each(|row| self.settle(*row, Fate::Open));
    }

    fn settle(&self, row: usize, fate: Fate) {
        self.0[row].store(fate as u8, Ordering::Relaxed);
    }

    fn is(&self, row: usize, fate: Fate) -> bool {
        self.0[row].load(Ordering::Relaxed) == fate as u8
    }

    fn count(&self, fate: Fate) -> u64 {
        (0..self.0.len()).filter(|row| self.is(*row, fate)).count() as u64
    }
}

impl Writer {
    pub(crate) fn new(
        lanes: Arc<Lanes>,
        layouts: Arc<Layouts>,
        schemas: Arc<Schemas>,
        config: &RedisConfig,
    ) -> Self {
        Self { lanes, layouts, schemas, mode: config.write_mode(), key_ttl: config.key_ttl() }
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// `Invalid` if the columns are not the view's; `Unavailable` if a server does not answer; `Conflict` if others write the same rows all the time. How many
    /// rows are known to be written is said then.
    pub(crate) async fn write(&self, request: &OnlineWrite) -> Result<WriteSummary> {
        let columns = WriteColumns::of(request)?;
        let winners = columns.winners(self.mode == WriteMode::Newest);
        let fates = Fates::new(columns.len());
        let done = self.settle(request, &columns, winners, &fates).await;
        let written = fates.count(Fate::Written);
        match done {
            Ok(()) => Ok(WriteSummary { written, stale: columns.len() as u64 - written }),
            Err(error) => Err(error.with("view", &request.table.view).with("rows written", written)),
        }
    }

    async fn settle(
        &self,
        request: &OnlineWrite,
        columns: &WriteColumns<'_>,
        mut open: Vec<usize>,
        fates: &Fates,
    ) -> Result<()> {
        let (table, context) = (&request.table, &request.context);
        let mut failures = 0;
        for round in 0..ROUNDS {
            if open.is_empty() {
                return Ok(());
            }
            let lease = self.layouts.current(&table.project, context).await?;
            let fingerprint = match lease.form.target() {
                Layout::Packed => self.schemas.keep(table, context).await?,
                Layout::Feast => 0,
            };
            let rows = Rows::new(
                columns,
                table,
                Shape { form: lease.form, fingerprint, mode: self.mode },
                self.key_ttl,
            );
            let topology = self.lanes.servers().topology().await?;
            let commit = self.commit(&topology, lease.form, round);
            let round = Round { rows, fates, commit, lease, context };
            let done = round.run(&self.lanes, &topology, &open).await;
            // What came late may have been written in a layout that nobody reads any more.
            if lease.has_ended() && self.layouts.current(&table.project, context).await?.form != lease.form {
                fates.reopen(&open);
            }
            open.retain(|row| fates.is(*row, Fate::Open));
            match done {
                Err(error) if error.kind() == Kind::Unavailable && failures + 1 < TRIES => {
                    context.check()?;
                    failures += 1;
                    self.lanes.servers().refresh(&topology).await?;
                }
                done => done?,
            }
        }
        Err(Error::conflict("others write the same rows all the time"))
    }

    fn commit(&self, topology: &Topology, form: Form, round: usize) -> Commit {
        match self.mode {
            WriteMode::Overwrite => Commit::Blindly,
            // Others wrote some of the rows, or other views of their keys: the script compares what matters alone.
            WriteMode::Newest if round > 0 => Commit::ByScript,
            WriteMode::Newest if topology.is_cluster() || matches!(form, Form::Both { .. }) => {
                Commit::ByScript
            }
            WriteMode::Newest => Commit::Watching,
        }
    }
}
