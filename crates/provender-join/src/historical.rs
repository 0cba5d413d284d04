//! The point-in-time join of entity rows with the views of a request.

mod find;
mod joined;
mod view;

pub use joined::Joined;

use crate::explain::Estimate;
use crate::source::{Source, SourceSpec};
use crate::spill::SpillFile;
use crate::spine::Entities;
use crate::threads;
use crate::winners::{Counts, Winners};
use arrow_schema::{Field, Schema, SchemaRef};
use joined::Kept;
use provender_core::offline::{Explain, JoinAudit, JoinReport, Spine, ViewAudit, ViewJoin};
use provender_core::{RequestContext, Result};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use view::View;

pub(crate) use view::check_instants;

/// How to run a join.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// Threads that read and decode.
    pub threads: usize,
    /// Rows of a batch that comes out, at most.
    pub batch_rows: usize,
    /// Bytes of memory that the process may hold, the entity rows and the batches on their way out included; `None` for no limit. Entity rows are then looked up
    /// some at a time, each time with a scan of the keys and times of the views, and values are read in passes.
    pub max_memory: Option<u64>,
    /// Entity rows that are looked up with one scan, at most; `None` for as many as memory holds.
    pub window_rows: Option<usize>,
    /// Where to put what memory cannot hold; `None` for the system's folder of temporary files.
    pub spill_folder: Option<PathBuf>,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self {
            threads: threads::available(),
            batch_rows: 64 << 10,
            max_memory: None,
            window_rows: None,
            spill_folder: None,
        }
    }
}

/// A join that is ready to run: columns and types are checked, nothing but metadata has been read.
#[derive(Debug)]
pub struct HistoricalJoin {
    entities: Entities,
    views: Vec<View>,
    schema: SchemaRef,
    options: JoinOptions,
    context: RequestContext,
}

impl HistoricalJoin {
    /// Prepares the join of `spine` with `views`, each with the source that holds its rows.
    ///
    /// # Errors
    /// `Invalid` naming the view and the missing or ill-typed column, or a negative ttl; those of reading stored entity rows.
    pub fn new(
        spine: Arc<Spine>,
        views: Vec<(ViewJoin, Arc<Source>)>,
        options: JoinOptions,
        context: RequestContext,
    ) -> Result<Self> {
        let entities = entities(spine, views.iter().map(|(view, _)| view))?;
        Self::prepare(entities, views, options, context)
    }

    /// Prepares the join of `spine` with `views`, opening the source of each for the times and keys of the entity rows: of a table only the files that may hold some
    /// of them. More threads are used than the options say where sources are far away.
    ///
    /// # Errors
    /// Those of [`HistoricalJoin::new`] and [`Source::open`].
    pub fn open(
        spine: Arc<Spine>,
        views: Vec<(ViewJoin, SourceSpec)>,
        options: JoinOptions,
        context: RequestContext,
    ) -> Result<Self> {
        let entities = entities(spine, views.iter().map(|(view, _)| view))?;
        let open = |(join, spec): (ViewJoin, SourceSpec)| {
            let source = view::open(&join, &spec, entities.facts(), &context);
            Ok((source.map_err(|error| error.with("view", &join.name))?, join))
        };
        let opened = views.into_iter().map(open).collect::<Result<Vec<_>>>()?;
        let threads = opened.iter().map(|(source, _)| source.threads()).max().unwrap_or(0);
        let options = JoinOptions { threads: options.threads.max(threads), ..options };
        let views = opened.into_iter().map(|(source, join)| (join, source)).collect();
        Self::prepare(entities, views, options, context)
    }

    fn prepare(
        entities: Entities,
        views: Vec<(ViewJoin, Arc<Source>)>,
        options: JoinOptions,
        context: RequestContext,
    ) -> Result<Self> {
        let prepare = |(join, source): (ViewJoin, Arc<Source>)| {
            let name = join.name.clone();
            View::prepare(join, source, &entities, &context).map_err(|error| error.with("view", name))
        };
        let views = views.into_iter().map(prepare).collect::<Result<Vec<_>>>()?;
        let fields = views.iter().flat_map(|view| {
            let types = view.features.types.iter().cloned();
            view.join.features.iter().zip(types).map(|(feature, t)| Field::new(&feature.name, t, true))
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { entities, views, schema, options, context })
    }

    /// The features of all views, in the order of the request, all nullable.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What running it would read and need.
    #[must_use]
    pub fn explain(&self) -> Explain {
        let views = self.views.iter().map(|view| view.need().explain(&view.pruning.pruned)).collect();
        Explain { views, memory_bytes: self.estimate().peak() }
    }

    fn estimate(&self) -> Estimate {
        let needs: Vec<_> = self.views.iter().map(View::need).collect();
        Estimate::new(&self.entities, &needs, self.options.threads)
    }

    /// Finds the winners; their values are read as the batches are taken.
    ///
    /// # Errors
    /// Those of reading; `Unavailable` when cancelled or when the disk has no room for what exceeds the memory allowed; `Invalid` if that is not enough to
    /// decode the columns with.
    pub fn run(self) -> Result<Joined> {
        let plan = self.estimate().plan(&self.options)?;
        let rows = self.entities.rows();
        let is_cut = plan.window_rows < rows;
        let mut spill = match is_cut {
            true => Some(SpillFile::create(self.options.spill_folder.as_deref())?),
            false => None,
        };
        let audit = Arc::new(JoinAudit { views: self.views.iter().map(View::audit).collect() });
        let mut counts = vec![Counts::default(); self.views.len()];
        let mut windows = Vec::new();
        let mut first = 0;
        while first < rows {
            let window = first..rows.min(first.saturating_add(plan.window_rows));
            first = window.end;
            let winners = self.find(window.clone(), is_cut, &plan)?;
            count(&winners, &mut counts, &audit.views);
            windows.push(Kept::new(window, winners, spill.as_mut())?);
        }
        let reports = self.views.iter().zip(&counts).map(|(view, counts)| view.report(counts));
        let report = JoinReport { rows: rows as u64, views: reports.collect() };
        Ok(Joined::new(self, plan, windows, spill, report, audit))
    }
}

/// Looks through entity rows for their times and for the keys of some views.
fn entities<'a>(spine: Arc<Spine>, views: impl Iterator<Item = &'a ViewJoin>) -> Result<Entities> {
    let keys: BTreeSet<&str> = views.flat_map(|view| &view.keys).map(|key| key.name.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().filter(|key| spine.schema.index_of(key).is_ok()).collect();
    Entities::new(spine, &keys)
}

fn count(winners: &[Winners], counts: &mut [Counts], audits: &[ViewAudit]) {
    for ((winners, counts), audit) in winners.iter().zip(counts).zip(audits) {
        counts.add(&winners.counts);
        audit.add_ages(&winners.counts.ages);
    }
}
