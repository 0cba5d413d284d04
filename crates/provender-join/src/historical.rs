//! The point-in-time join of entity rows with the views of a request.

use crate::columns::Columns;
use crate::explain::{Estimate, Need};
use crate::gather::{Gathered, gather};
use crate::groups::Groups;
use crate::instants::{self, is_instant};
use crate::keys::KeyRange;
use crate::prune::{Limits, kept};
use crate::scan::Scan;
use crate::source::Source;
use crate::spine::{SpineTimes, key_ranges};
use crate::threads;
use crate::winners::Winners;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use provender_core::offline::{Explain, JoinAudit, JoinReport, KnownAt, Spine, ViewJoin, ViewReport};
use provender_core::{Error, RequestContext, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// How to run a join.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// Threads that read and decode.
    pub threads: usize,
    /// Rows of a batch that comes out.
    pub batch_rows: usize,
    /// Bytes of memory the join may use, the entity rows included; `None` for no limit. A tight limit makes it read feature columns in several passes.
    pub max_memory: Option<u64>,
    /// Where to put what memory cannot hold; `None` for the system's folder of temporary files.
    pub spill_folder: Option<PathBuf>,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self { threads: threads::available(), batch_rows: 64 << 10, max_memory: None, spill_folder: None }
    }
}

/// A join that is ready to run: columns and types are checked, nothing but metadata has been read.
#[derive(Debug)]
pub struct HistoricalJoin {
    spine: SpineTimes,
    views: Vec<View>,
    schema: SchemaRef,
    options: JoinOptions,
    context: RequestContext,
}

#[derive(Debug)]
struct View {
    join: ViewJoin,
    source: Arc<Source>,
    /// Lifetime in microseconds, `None` for ever.
    ttl: Option<i64>,
    /// Keys, event time, created time.
    scanned: Arc<Columns>,
    features: Arc<Columns>,
    /// Units left after pruning.
    units: Vec<usize>,
}

impl HistoricalJoin {
    /// Prepares the join of `spine` with `views`, each with the source that holds its rows.
    ///
    /// # Errors
    /// `Invalid` naming the view and the missing or ill-typed column, or a negative ttl.
    pub fn new(
        spine: Arc<Spine>,
        views: Vec<(ViewJoin, Arc<Source>)>,
        options: JoinOptions,
        context: RequestContext,
    ) -> Result<Self> {
        let spine = SpineTimes::new(spine)?;
        let prepare = |(join, source): (ViewJoin, Arc<Source>)| {
            let name = join.name.clone();
            View::prepare(join, source, &spine).map_err(|error| error.with("view", name))
        };
        let views = views.into_iter().map(prepare).collect::<Result<Vec<_>>>()?;
        let fields = views.iter().flat_map(|view| {
            let types = view.features.types.iter().cloned();
            view.join.features.iter().zip(types).map(|(feature, t)| Field::new(&feature.name, t, true))
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { spine, views, schema, options, context })
    }

    /// The features of all views, in the order of the request, all nullable.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What running it would read and need.
    #[must_use]
    pub fn explain(&self) -> Explain {
        let views = self.views.iter().map(|view| view.need().explain()).collect();
        Explain { views, memory_bytes: self.estimate().peak() }
    }

    fn estimate(&self) -> Estimate {
        let needs: Vec<_> = self.views.iter().map(View::need).collect();
        Estimate::new(self.spine.rows(), self.spine.memory(), &needs, self.options.threads)
    }

    /// Finds the winners; their values are read as the batches are taken.
    ///
    /// # Errors
    /// Those of reading; `Unavailable` when cancelled; `Invalid` if the memory allowed cannot hold the join.
    pub fn run(self) -> Result<Joined> {
        let pass_rows = self.estimate().pass_rows(self.options.max_memory)?;
        let mut winners: Vec<Option<Winners>> = self.views.iter().map(|_| None).collect();
        for first in 0..self.views.len() {
            if winners[first].is_some() {
                continue;
            }
            // Views with the same key columns share one grouping of the spine; it is gone before the next is made.
            let names = self.views[first].key_names();
            let groups = self.spine.group(&names)?;
            for (view, winners) in self.views.iter().zip(&mut winners).skip(first) {
                if view.key_names() == names {
                    *winners = Some(self.find(view, &groups).map_err(|e| e.with("view", &view.join.name))?);
                }
            }
        }
        let winners: Vec<_> = winners.into_iter().flatten().collect();
        let reports = self.views.iter().zip(&winners).map(|(view, winners)| view.report(winners));
        let report = JoinReport { rows: self.spine.rows() as u64, views: reports.collect() };
        Ok(Joined { join: self, winners, report, pass_rows, pass: None, next: 0 })
    }

    fn find(&self, view: &View, groups: &Groups) -> Result<Winners> {
        let scan = Scan {
            source: &view.source,
            columns: &view.scanned,
            keys: view.join.keys.len(),
            groups,
            ttl: view.ttl,
            known_at_created: view.join.known_at == KnownAt::Created && view.join.created_column.is_some(),
        };
        let task = format!("scan {}", view.join.name).into();
        let found = scan.run(&view.units, self.options.threads, &self.context, &task)?;
        Ok(Winners::settle(groups, found, self.spine.rows(), view.ttl))
    }
}

impl View {
    fn prepare(join: ViewJoin, source: Arc<Source>, spine: &SpineTimes) -> Result<Self> {
        let ttl = match join.ttl {
            Some(ttl) if ttl < 0 => return Err(Error::invalid("the ttl is negative").with("ttl", ttl)),
            ttl => ttl.filter(|ttl| *ttl > 0),
        };
        spine.check_keys(&join.keys, &source)?;
        check_instants(&source, &join.event_column, join.created_column.as_deref())?;
        for feature in &join.features {
            source.column_type(&feature.column, "feature column")?;
        }
        let mut scanned: Vec<&str> = join.keys.iter().map(|key| key.column.as_str()).collect();
        scanned.push(&join.event_column);
        scanned.extend(join.created_column.as_deref());
        let scanned = Arc::new(Columns::find(&source, &scanned, 0)?);
        let features: Vec<&str> = join.features.iter().map(|feature| feature.column.as_str()).collect();
        let features = Arc::new(Columns::find(&source, &features, features.len())?);
        let mut view = Self { join, source, ttl, scanned, features, units: Vec::new() };
        view.units = kept(&view.source, &view.limits(spine)?)?;
        Ok(view)
    }

    fn limits(&self, spine: &SpineTimes) -> Result<Limits<'_>> {
        let (first, last) = match (spine.range(), self.ttl) {
            (Some((first, last)), Some(ttl)) => (first.saturating_sub(ttl), last),
            (Some((_, last)), None) => (i64::MIN, last),
            (None, _) => (1, 0),
        };
        let ranges: Vec<Option<KeyRange>> = key_ranges(&spine.keys(&self.key_names())?);
        let keys = self.join.keys.iter().zip(ranges);
        let keys = keys.filter_map(|(key, range)| Some((key.column.as_str(), range?))).collect();
        Ok(Limits { event: (&self.join.event_column, first, last), keys })
    }

    fn key_names(&self) -> Vec<&str> {
        self.join.keys.iter().map(|key| key.name.as_str()).collect()
    }

    fn report(&self, winners: &Winners) -> ViewReport {
        winners.report(&self.join.name, self.join.created_column.is_some())
    }

    fn need(&self) -> Need<'_> {
        Need {
            name: &self.join.name,
            source: &self.source,
            units: &self.units,
            scanned: &self.scanned,
            features: &self.features,
        }
    }
}

/// Checks that the time columns are there and hold instants.
pub(crate) fn check_instants(source: &Source, event: &str, created: Option<&str>) -> Result<()> {
    let columns = [Some((event, "timestamp column")), created.map(|c| (c, "created timestamp column"))];
    for (column, role) in columns.into_iter().flatten() {
        let data_type = source.column_type(column, role)?;
        if !is_instant(data_type) {
            return Err(Error::invalid(format!("the {role} holds no instants"))
                .with("source", source.name())
                .with("column", column)
                .with("type", data_type)
                .with("expected", instants::EXPECTED));
        }
    }
    Ok(())
}

/// A join whose winners are known: batches of feature columns in the entity rows' order.
#[derive(Debug)]
pub struct Joined {
    join: HistoricalJoin,
    winners: Vec<Winners>,
    report: JoinReport,
    /// Entity rows whose values are held at once.
    pass_rows: usize,
    /// First row of the pass and its values by view.
    pass: Option<(usize, Vec<Gathered>)>,
    next: usize,
}

impl Joined {
    /// What was found.
    #[must_use]
    pub fn report(&self) -> &JoinReport {
        &self.report
    }

    /// A closer look, complete when the batches have been taken.
    #[must_use]
    pub fn audit(&self) -> Arc<JoinAudit> {
        Arc::default()
    }

    /// Columns of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.join.schema
    }

    /// Reads the values of the pass that begins at a row.
    fn begin_pass(&mut self, first: usize) -> Result<()> {
        self.pass = None;
        let end = self.join.spine.rows().min(first.saturating_add(self.pass_rows));
        let HistoricalJoin { options, context, .. } = &self.join;
        let mut values = Vec::with_capacity(self.winners.len());
        for (view, winners) in self.join.views.iter().zip(&self.winners) {
            let task = format!("read {}", view.join.name).into();
            let positions = &winners.positions[first..end];
            let gathered = gather(&view.source, &view.features, positions, options.threads, context, &task);
            values.push(gathered.map_err(|error| error.with("view", &view.join.name))?);
        }
        self.pass = Some((first, values));
        Ok(())
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        self.join.context.check()?;
        let begin = self.next;
        if self.pass.as_ref().is_none_or(|(first, _)| begin - first >= self.pass_rows) {
            self.begin_pass(begin)?;
        }
        let Some((first, views)) = &self.pass else { return Err(Error::internal("the pass has not begun")) };
        let pass_end = self.join.spine.rows().min(first.saturating_add(self.pass_rows));
        let end = pass_end.min(begin + self.join.options.batch_rows.max(1));
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.join.schema.fields().len());
        for values in views {
            columns.extend(values.columns(begin - first..end - first)?);
        }
        self.next = end;
        let options = RecordBatchOptions::new().with_row_count(Some(end - begin));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.join.schema), columns, &options)?)
    }
}

impl Iterator for Joined {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.join.spine.rows();
        if self.next >= rows {
            self.pass = None;
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.next = rows;
        }
        Some(batch)
    }
}
