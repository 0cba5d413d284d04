//! What the rules of the offline store are written with.

use super::OfflineHarness;
use crate::cell::{Cell, cells};
use crate::outcome::{Outcome, Stop, same};
use crate::table::table;
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use futures::TryStreamExt;
use provender_core::model::{DataSource, SourceKind};
use provender_core::offline::{
    FeatureColumn, HistoricalRequest, JoinReport, KeyColumn, KnownAt, RangeRequest, RangeScan, Spine,
    ViewJoin,
};
use provender_core::{RequestContext, Timestamp, ValueType};
use std::sync::Arc;

/// A fresh store with its loader.
pub(super) type Bed = crate::harness::Bed<OfflineHarness>;

/// An hour in microseconds.
pub(super) const HOUR: i64 = 3_600_000_000;

/// A table that the store has, by the columns `id…` (join keys), `at` (event time), `created` (created time) and others (features).
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    name: String,
    pub(super) source: DataSource,
    pub(super) files: Vec<RecordBatch>,
}

impl Loaded {
    fn names(&self, wanted: fn(&str) -> bool) -> impl Iterator<Item = String> {
        let names: Vec<_> = self.files[0].schema().fields().iter().map(|f| f.name().clone()).collect();
        names.into_iter().filter(move |name| wanted(name))
    }

    fn keys(&self) -> Vec<KeyColumn> {
        self.names(|name| name.starts_with("id")).map(|name| key(&name, &name)).collect()
    }

    fn features(&self) -> Vec<FeatureColumn> {
        self.names(|name| !name.starts_with("id") && name != "at" && name != "created")
            .map(|name| FeatureColumn { name: name.clone(), column: name, value_type: ValueType::UNKNOWN })
            .collect()
    }

    fn created(&self) -> Option<String> {
        self.names(|name| name == "created").next()
    }

    /// A view of all its columns, without a ttl.
    pub(super) fn view(&self) -> ViewJoin {
        ViewJoin {
            name: "view".to_owned(),
            source: self.source.clone(),
            keys: self.keys(),
            features: self.features(),
            event_column: "at".to_owned(),
            created_column: self.created(),
            ttl: None,
            known_at: KnownAt::Event,
        }
    }

    /// A scan of all its columns over a window.
    pub(super) fn window(&self, start: Timestamp, end: Timestamp) -> RangeRequest {
        RangeRequest {
            source: self.source.clone(),
            keys: self.keys(),
            features: self.features(),
            event_column: "at".to_owned(),
            created_column: self.created(),
            start,
            end,
            context: RequestContext::local(),
        }
    }
}

/// A join key.
pub(super) fn key(name: &str, column: &str) -> KeyColumn {
    KeyColumn { name: name.to_owned(), column: column.to_owned(), value_type: ValueType::UNKNOWN }
}

/// A request over entity rows whose time is in the column `time`.
pub(super) fn request(views: Vec<ViewJoin>, batches: Vec<RecordBatch>) -> HistoricalRequest {
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let spine = Spine::new(schema, batches, "time");
    HistoricalRequest {
        spine: Arc::new(spine),
        views,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    }
}

/// What a join returned.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) schema: SchemaRef,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) report: JoinReport,
}

impl Answered {
    /// Rows as tables write them.
    pub(super) fn lines(&self) -> Vec<String> {
        lines(&self.rows)
    }
}

/// Expected lines as they are compared.
pub(super) fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

/// Rows as tables write them.
pub(super) fn lines(rows: &[Vec<Cell>]) -> Vec<String> {
    rows.iter().map(|row| row.iter().map(Cell::to_string).collect::<Vec<_>>().join(" ")).collect()
}

/// The rows of batches that must all have the schema.
pub(super) fn rows_of(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<Vec<Cell>>, Stop> {
    let mut rows = Vec::new();
    for batch in batches {
        same("columns of a batch against the announced schema", &columns(&batch.schema()), &columns(schema))?;
        let values = batch.columns().iter().map(|c| cells(c)).collect::<Result<Vec<_>, _>>()?;
        rows.extend((0..batch.num_rows()).map(|row| values.iter().map(|v| v[row].clone()).collect()));
    }
    Ok(rows)
}

/// Names and types.
pub(super) fn columns(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|f| format!("{}:{}", f.name(), f.data_type())).collect()
}

impl Bed {
    /// Loads a table of one or more files; ignores the rule if the store cannot hold a column.
    pub(super) async fn load(&self, files: Vec<RecordBatch>) -> Result<Loaded, Stop> {
        let schema = files[0].schema();
        if let Some(field) = schema.fields().iter().find(|f| !(self.store.holds)(f.data_type())) {
            return Err(Stop::Ignored(format!("tables of this store have no {}", field.data_type())));
        }
        let name = format!("t{}", uuid::Uuid::new_v4().simple());
        let source = (self.store.load)(name.clone(), files.clone()).await?;
        Ok(Loaded { name, source, files })
    }

    /// Loads a table of one file.
    pub(super) async fn table(&self, lines: &[&str]) -> Result<Loaded, Stop> {
        self.load(vec![table(lines)?]).await
    }

    /// Runs a join.
    pub(super) async fn join(&self, request: HistoricalRequest) -> Result<Answered, Stop> {
        let count = request.spine.rows();
        let job = self.store.store.historical(request).await?;
        let schema = job.schema();
        let retrieved = job.run().await?;
        let batches: Vec<RecordBatch> = retrieved.batches.try_collect().await?;
        same("rows out against entity rows", &batches.iter().map(RecordBatch::num_rows).sum(), &count)?;
        let rows = rows_of(&schema, &batches)?;
        Ok(Answered { schema, rows, report: retrieved.report })
    }

    /// Prepares and runs a join that may be refused, at either step.
    pub(super) async fn attempt(&self, request: HistoricalRequest) -> provender_core::Result<JoinReport> {
        let job = self.store.store.historical(request).await?;
        Ok(job.run().await?.report)
    }

    /// Joins one view with the entity rows of a table and compares the values.
    pub(super) async fn expect(&self, view: ViewJoin, spine: &[&str], expected: &[&str]) -> Outcome {
        let answered = self.join(request(vec![view], vec![table(spine)?])).await?;
        same(format_args!("values joined to {spine:?}"), &answered.lines(), &owned(expected))
    }

    /// Reads a scan to its end.
    pub(super) async fn read(&self, scan: RangeScan) -> Result<(Vec<Vec<Cell>>, u64), Stop> {
        let batches: Vec<RecordBatch> = scan.batches.try_collect().await?;
        Ok((rows_of(&scan.schema, &batches)?, scan.counters.null_keys()))
    }

    /// The newest row of each key, sorted, as tables write them.
    pub(super) async fn latest(&self, request: RangeRequest) -> Result<Vec<String>, Stop> {
        let (mut rows, _) = self.read(self.store.store.latest(request).await?).await?;
        rows.sort();
        Ok(lines(&rows))
    }

    /// Every row of a window, sorted, as tables write them.
    pub(super) async fn range(&self, request: RangeRequest) -> Result<Vec<String>, Stop> {
        let (mut rows, _) = self.read(self.store.store.range(request).await?).await?;
        rows.sort();
        Ok(lines(&rows))
    }
}

/// A source that is like a loaded one and not there; ignores the rule where none can be made up.
pub(super) fn missing(loaded: &Loaded) -> Result<DataSource, Stop> {
    let mut source = loaded.source.clone();
    let place = match &mut source.kind {
        SourceKind::File { path: place, .. }
        | SourceKind::BigQuery { table: place, .. }
        | SourceKind::Snowflake { table: place, .. } => place,
        _ => return Err(Stop::Ignored("no way to name a missing source of this kind".to_owned())),
    };
    *place = place.replace(&loaded.name, "nowhere");
    if source.kind == loaded.source.kind {
        return Err(Stop::Ignored("the source's place does not hold the table's name".to_owned()));
    }
    Ok(source)
}
