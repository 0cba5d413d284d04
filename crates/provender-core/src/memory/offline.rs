//! The offline store in memory.

use super::join::{self, Table};
use super::lock;
use crate::model::{DataSource, SourceKind};
use crate::offline::{
    AppendRequest, BatchStream, Explain, HistoricalRequest, JoinReport, OfflineCapabilities, RangeRequest,
    RangeScan, Retrieved, ScanCounters, ViewExplain,
};
use crate::{Error, OfflineStore, Result, RetrievalJob};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use async_trait::async_trait;
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Tables in memory. It reads file sources, and takes their path for the name of a table.
#[derive(Debug, Default)]
pub struct MemoryOffline {
    tables: Mutex<HashMap<String, RecordBatch>>,
}

impl MemoryOffline {
    /// A store without tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the rows of the table that sources find under a path.
    ///
    /// # Errors
    /// `Invalid` if there is no batch, or they differ in schema.
    pub fn insert(&self, path: impl Into<String>, batches: &[RecordBatch]) -> Result<()> {
        let first =
            batches.first().ok_or_else(|| Error::invalid("a table needs a batch, if only an empty one"))?;
        let table = concat_batches(&first.schema(), batches).map_err(misfit)?;
        lock(&self.tables).insert(path.into(), table);
        Ok(())
    }

    fn table(&self, source: &DataSource) -> Result<Table> {
        let rows = lock(&self.tables).get(path(source)?).cloned();
        let rows =
            rows.ok_or_else(|| Error::not_found("there is no such table").with("source", &source.name))?;
        Ok(Table { source: source.name.clone(), rows })
    }

    fn scan(&self, request: &RangeRequest, newest: bool) -> Result<RangeScan> {
        let scanned = join::scan(&self.table(&request.source)?, request, newest)?;
        let counters = Arc::new(ScanCounters::default());
        counters.add(scanned.window, scanned.null_keys);
        Ok(RangeScan { schema: scanned.rows.schema(), batches: once(scanned.rows), counters })
    }
}

fn path(source: &DataSource) -> Result<&str> {
    match &source.kind {
        SourceKind::File { path, .. } => Ok(path),
        other => Err(Error::unsupported("the store in memory reads file sources alone")
            .with("source", &source.name)
            .with("type", other.class())),
    }
}

fn once(batch: RecordBatch) -> BatchStream {
    futures::stream::iter([Ok(batch)]).boxed()
}

fn misfit(error: ArrowError) -> Error {
    Error::invalid("rows do not fit their table").because(error)
}

#[async_trait]
impl OfflineStore for MemoryOffline {
    fn reads(&self, source: &DataSource) -> bool {
        matches!(source.kind, SourceKind::File { .. })
    }

    fn capabilities(&self) -> OfflineCapabilities {
        OfflineCapabilities { append: true, known_at: true }
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        Ok(self.table(source)?.rows.schema())
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let spine = concat_batches(&request.spine.schema, &request.spine.batches()?).map_err(misfit)?;
        let spine = Table { source: "entity rows".to_owned(), rows: spine };
        let mut job = Joined::default();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for view in &request.views {
            let table = self.table(&view.source)?;
            let rows = table.rows.num_rows() as u64;
            let plan = ViewExplain {
                name: view.name.clone(),
                plan: "rows in memory".to_owned(),
                rows: (rows, rows),
                ..ViewExplain::default()
            };
            let joined = join::view(&spine, &request.spine.event_column, &table, view)?;
            fields.extend(joined.fields);
            columns.extend(joined.columns);
            job.report.views.push(joined.report);
            job.explain.views.push(plan);
        }
        job.report.rows = spine.rows.num_rows() as u64;
        job.rows = join::batch(fields, columns, spine.rows.num_rows())?;
        job.explain.memory_bytes = job.rows.get_array_memory_size() as u64;
        Ok(Box::new(job))
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        self.scan(&request, true)
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        self.scan(&request, false)
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        let table = self.table(&request.source)?;
        let schema = table.rows.schema();
        let batches = request.batches.iter().map(|batch| fitted(batch, &schema)).collect::<Result<Vec<_>>>();
        let batches = batches.map_err(|error| error.with("source", &request.source.name))?;
        let added = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let all = concat_batches(&schema, [&table.rows].into_iter().chain(&batches)).map_err(misfit)?;
        lock(&self.tables).insert(path(&request.source)?.to_owned(), all);
        Ok(added)
    }
}

/// The batch with the columns of a table, in their order.
fn fitted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let given = batch.schema();
    if let Some(field) = given.fields().iter().find(|field| schema.index_of(field.name()).is_err()) {
        return Err(Error::invalid("the source has no such column").with("field", field.name()));
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = batch
            .column_by_name(field.name())
            .ok_or_else(|| Error::invalid("a column is missing").with("field", field.name()))?;
        if column.data_type() != field.data_type() {
            return Err(Error::invalid("a column has another type")
                .with("field", field.name())
                .with("type", column.data_type())
                .with("expected", field.data_type()));
        }
        columns.push(Arc::clone(column));
    }
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(misfit)
}

/// A join that is done already: there is nothing to read.
#[derive(Debug)]
struct Joined {
    rows: RecordBatch,
    report: JoinReport,
    explain: Explain,
}

impl Default for Joined {
    fn default() -> Self {
        let rows = RecordBatch::new_empty(Arc::new(Schema::empty()));
        Self { rows, report: JoinReport::default(), explain: Explain::default() }
    }
}

#[async_trait]
impl RetrievalJob for Joined {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    async fn explain(&self) -> Result<Explain> {
        Ok(self.explain.clone())
    }

    async fn run(self: Box<Self>) -> Result<Retrieved> {
        Ok(Retrieved { batches: once(self.rows), report: self.report, audit: None })
    }
}
