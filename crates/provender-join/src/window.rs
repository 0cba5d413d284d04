//! Rows of a source in a window of time: all of them, or the newest of each key.

mod latest;
mod range;

pub use latest::Latest;
pub use range::Range;

use crate::columns::Columns;
use crate::historical::check_instants;
use crate::instants::instants;
use crate::prune::{Limits, Part, prune};
use crate::reader::Chunk;
use crate::source::{Source, SourceSpec};
use crate::spine::key_class;
use arrow_array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use provender_core::offline::{RangeRequest, ScanCounters};
use provender_core::{Result, timestamp_type};
use std::sync::Arc;

/// Rows that a batch has at least, the last one aside.
const BATCH_ROWS: usize = 8 << 10;

/// A window of a source, ready to be read: columns and types are checked, nothing but metadata has been read.
///
/// Batches have the key columns, the features, `event_timestamp` and, if the request names a created column, `created_timestamp`, both in UTC.
#[derive(Debug)]
pub struct Window {
    request: RangeRequest,
    source: Arc<Source>,
    /// Keys, features, event time, created time.
    columns: Arc<Columns>,
    schema: SchemaRef,
    /// What is left after pruning.
    parts: Vec<Part>,
    counters: Arc<ScanCounters>,
}

impl Window {
    /// Opens a source for a window: of a table, only the files that may hold rows of it.
    ///
    /// # Errors
    /// Those of [`Window::new`] and [`Source::open`].
    pub fn open(request: RangeRequest, spec: &SourceSpec) -> Result<Self> {
        let source = Source::open_within(spec, Some(&limits(&request)), &request.context)?;
        Self::new(request, Arc::new(source))
    }

    /// Prepares to read a window of a source that is open.
    ///
    /// # Errors
    /// `Invalid` naming the source and the missing or ill-typed column.
    pub fn new(request: RangeRequest, source: Arc<Source>) -> Result<Self> {
        check_instants(&source, &request.event_column, request.created_column.as_deref())?;
        let mut named: Vec<(&str, &str)> = Vec::new();
        for key in &request.keys {
            let data_type = source.column_type(&key.column, "join key")?;
            key_class(data_type).map_err(|e| e.with("source", source.name()).with("column", &key.column))?;
            named.push((&key.name, &key.column));
        }
        for feature in &request.features {
            source.column_type(&feature.column, "feature column")?;
            named.push((&feature.name, &feature.column));
        }
        let typed = named.len();
        named.push(("event_timestamp", &request.event_column));
        named.extend(request.created_column.iter().map(|column| ("created_timestamp", column.as_str())));
        let stored: Vec<&str> = named.iter().map(|(_, column)| *column).collect();
        let columns = Arc::new(Columns::find(&source, &stored, typed)?);
        let fields = named.iter().zip(&columns.types).enumerate().map(|(i, ((name, _), data_type))| {
            Field::new(*name, if i < typed { data_type.clone() } else { timestamp_type() }, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let parts = prune(&source, &limits(&request), &request.context)?.parts;
        Ok(Self { request, source, columns, schema, parts, counters: Arc::default() })
    }

    /// Columns of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Filled while rows are read.
    #[must_use]
    pub fn counters(&self) -> Arc<ScanCounters> {
        Arc::clone(&self.counters)
    }

    /// Threads that reading it keeps busy.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.source.threads()
    }

    /// Rows to be looked at.
    fn rows(&self) -> u64 {
        self.parts.iter().map(Part::rows).sum()
    }

    /// Whether an event time lies in the window.
    fn holds(&self, event: i64) -> bool {
        (self.request.start.0..=self.request.end.0).contains(&event)
    }

    /// Event time, and created time if there is one, of a chunk that ends with them.
    fn times(&self, chunk: &Chunk) -> Result<Vec<TimestampMicrosecondArray>> {
        let names = [Some(&self.request.event_column), self.request.created_column.as_ref()];
        let names: Vec<_> = names.into_iter().flatten().collect();
        let times = &chunk.columns[chunk.columns.len() - names.len()..];
        let named = |(array, name)| instants(array).map_err(|e| e.with("column", name));
        times.iter().zip(names).map(named).collect()
    }

    /// A chunk as it is handed out.
    fn batch(&self, chunk: &Chunk) -> Result<RecordBatch> {
        let times = self.times(chunk)?;
        let mut columns = chunk.columns[..chunk.columns.len() - times.len()].to_vec();
        columns.extend(times.into_iter().map(|times| Arc::new(times.with_timezone("UTC")) as ArrayRef));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

fn limits(request: &RangeRequest) -> Limits<'_> {
    Limits { event: (&request.event_column, request.start.0, request.end.0), keys: Vec::new() }
}

/// Gives batches out once they are worth it, joined where they are small.
struct Coalesce<'a> {
    schema: &'a SchemaRef,
    give: &'a mut dyn FnMut(RecordBatch) -> bool,
    held: Vec<RecordBatch>,
    rows: usize,
}

impl<'a> Coalesce<'a> {
    fn new(schema: &'a SchemaRef, give: &'a mut dyn FnMut(RecordBatch) -> bool) -> Self {
        Self { schema, give, held: Vec::new(), rows: 0 }
    }

    /// Adds a batch; answers whether anybody still wants more.
    fn push(&mut self, batch: RecordBatch) -> Result<bool> {
        self.rows += batch.num_rows();
        self.held.push(batch);
        if self.rows < BATCH_ROWS { Ok(true) } else { self.flush() }
    }

    /// Gives out what is held.
    fn flush(&mut self) -> Result<bool> {
        self.rows = 0;
        let held = std::mem::take(&mut self.held);
        Ok(match &held[..] {
            [] => true,
            [only] => (self.give)(only.clone()),
            _ => (self.give)(concat_batches(self.schema, &held)?),
        })
    }
}

/// Joins small batches until they are worth handing out; `next` gives them one by one.
fn coalesce(
    schema: &SchemaRef,
    mut next: impl FnMut() -> Result<Option<RecordBatch>>,
) -> Result<Option<RecordBatch>> {
    let mut held = Vec::new();
    let mut rows = 0;
    while rows < BATCH_ROWS {
        let Some(batch) = next()? else { break };
        rows += batch.num_rows();
        held.push(batch);
    }
    match &held[..] {
        [] => Ok(None),
        [_] => Ok(held.pop()),
        _ => Ok(Some(concat_batches(schema, &held)?)),
    }
}
