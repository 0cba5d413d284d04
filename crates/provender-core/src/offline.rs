//! The offline store: history, and the point-in-time join over it.

mod audit;
mod spine;
mod version;

pub use audit::{AGE_BOUNDS, JoinAudit, ViewAudit, age_bucket};
pub use spine::{RowBatches, Spine, StoredRows};
pub use version::{FileVersion, SourceVersion};

use crate::model::DataSource;
use crate::{Error, RequestContext, Result, Timestamp, ValueType};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A stream of Arrow batches of one schema.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// A store of feature history.
///
/// Requests name physical columns: the engine has resolved aliases, join-key maps and field mappings.
#[async_trait]
pub trait OfflineStore: Debug + Send + Sync + 'static {
    /// Whether this store reads the source. The engine sends each view to the first store that does.
    fn reads(&self, source: &DataSource) -> bool;

    /// What this store can do.
    fn capabilities(&self) -> OfflineCapabilities;

    /// The columns of a source as stored, before field mapping.
    ///
    /// # Errors
    /// `NotFound` if there is no such data, `Invalid` if it is damaged.
    async fn schema(&self, source: &DataSource) -> Result<SchemaRef>;

    /// Prepares the point-in-time join of entity rows with the views of the request (design.md section 4). Nothing is read yet beyond schemas and metadata.
    ///
    /// # Contract
    /// - As many rows out as entity rows, in their order; duplicates kept. (rule: every_row_in_order)
    /// - The winner is the largest `(event, created)` with `event <= T` and, with a ttl, `event >= T - ttl`. (rules: newest_wins, ttl_is_inclusive)
    /// - A null created is smallest; of equal pairs the later row of the source wins. (rule: ties)
    /// - A null in the winner stays null; a null key matches nothing; a null event time is never used. (rules: null_…)
    ///
    /// # Errors
    /// `Invalid` naming the source and the missing or ill-typed column.
    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>>;

    /// The newest row of each key in the window, both ends inclusive, by the order of [`OfflineStore::historical`].
    /// Rows with a null key are left out and counted. Order of rows: any.
    ///
    /// Batches have, by position: the key columns, the feature columns, the event time (`Timestamp(us, UTC)`) and, if the request names a created
    /// column, the created time likewise; named as the request says, the times `event_timestamp` and `created_timestamp`.
    async fn latest(&self, request: RangeRequest) -> Result<RangeScan>;

    /// All rows of the window, both ends inclusive, with the columns of [`OfflineStore::latest`]; null keys included.
    async fn range(&self, request: RangeRequest) -> Result<RangeScan>;

    /// Appends rows that have the source's stored columns; answers how many. Columns may come in any order.
    ///
    /// # Errors
    /// `Unsupported` where a store or source cannot; `Invalid` naming a missing, unknown or ill-typed column. Nothing is written then.
    async fn append(&self, request: AppendRequest) -> Result<u64>;

    /// Stores rows as a table of their own, such as a training set, while they come; answers how many. They are seen all at once, or not at all if the stream fails
    /// or the work is interrupted. The engine asks the first store that reads the target.
    ///
    /// # Errors
    /// `Unsupported` where a store makes no tables; `AlreadyExists` for [`SaveMode::Create`] where there is one; `Invalid` naming a column that it cannot hold.
    async fn save(&self, request: SaveRequest) -> Result<u64> {
        Err(Error::unsupported("this store makes no tables").with("source", request.target.name))
    }

    /// The state of a source that a request would read now. Feature rows are not read for it.
    ///
    /// # Errors
    /// `NotFound` if there is no such data; `Denied` or `Unavailable` as the place says.
    async fn version(&self, _source: &DataSource) -> Result<SourceVersion> {
        Ok(SourceVersion::Unknown)
    }

    /// The source as it was at a version of it, for stores that can go back: requests with the answer read that state, or fail with `NotFound` where it is gone.
    /// The source itself from a store that reads the present only.
    fn at_version(&self, source: &DataSource, _version: &SourceVersion) -> DataSource {
        source.clone()
    }
}

/// What an offline store can do beyond reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfflineCapabilities {
    /// [`OfflineStore::append`] works.
    pub append: bool,
    /// [`KnownAt::Created`] works.
    pub known_at: bool,
}

/// Which rows count as known at an entity row's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KnownAt {
    /// By event time alone, as Feast does; winners created later are counted as leaks.
    #[default]
    Event,
    /// Only rows whose created time, too, is not after the entity row's time; a row with a null created time counts as known.
    Created,
}

/// A join of entity rows with one or more views.
#[derive(Clone, Debug)]
pub struct HistoricalRequest {
    /// The entity rows.
    pub spine: Arc<Spine>,
    /// What to join, in the order asked; a view may appear more than once, under aliases.
    pub views: Vec<ViewJoin>,
    /// Memory the join may use, in bytes; `None` for no limit.
    pub max_memory: Option<u64>,
    /// Where to put what memory cannot hold; `None` for the system's folder of temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// One view of a [`HistoricalRequest`].
#[derive(Clone, Debug)]
pub struct ViewJoin {
    /// Name used in reports and errors: the alias, else the view's name.
    pub name: String,
    /// Where the rows are. Its field mapping is already applied to the names below.
    pub source: DataSource,
    /// Join keys; empty for an entity-less view.
    pub keys: Vec<KeyColumn>,
    /// Features to return, in order.
    pub features: Vec<FeatureColumn>,
    /// Stored column of the event time.
    pub event_column: String,
    /// Stored column of the created time.
    pub created_column: Option<String>,
    /// Lifetime in microseconds; `None` for ever.
    pub ttl: Option<i64>,
    /// Which rows count as known.
    pub known_at: KnownAt,
}

/// A join key on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyColumn {
    /// Column of the entity rows; in a [`RangeRequest`] the name to return.
    pub name: String,
    /// Stored column of the source.
    pub column: String,
    /// Declared type; UNKNOWN if none is.
    pub value_type: ValueType,
}

/// A feature to return.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureColumn {
    /// Name of the column to return.
    pub name: String,
    /// Stored column of the source.
    pub column: String,
    /// Declared type; UNKNOWN if none is. Values come back in the source's own Arrow type.
    pub value_type: ValueType,
}

/// A join that has been prepared and not yet run.
#[async_trait]
pub trait RetrievalJob: Debug + Send + Sync {
    /// Columns of the result: the features of all views, in the order of the request, all nullable.
    fn schema(&self) -> SchemaRef;

    /// What running it would read and need, without reading feature rows.
    async fn explain(&self) -> Result<Explain>;

    /// Runs the join. Batches hold feature columns only, row `i` of the stream belonging to entity row `i`.
    async fn run(self: Box<Self>) -> Result<Retrieved>;
}

/// The result of a [`RetrievalJob`].
pub struct Retrieved {
    /// Feature columns, in the entity rows' order.
    pub batches: BatchStream,
    /// What was found, complete before the first batch.
    pub report: JoinReport,
    /// A closer look, complete when the stream has ended; `None` from a store that takes none.
    pub audit: Option<Arc<JoinAudit>>,
}

impl Debug for Retrieved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retrieved").field("report", &self.report).finish_non_exhaustive()
    }
}

/// What a join found, view by view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinReport {
    /// Entity rows.
    pub rows: u64,
    /// One a view, in the order of the request.
    pub views: Vec<ViewReport>,
}

/// What a join found in one view. Counts are of entity rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewReport {
    /// Name of the view or its alias.
    pub name: String,
    /// Rows that got a value row.
    pub matched: u64,
    /// Rows with no row at or before their time.
    pub unmatched: u64,
    /// Rows whose newest candidate is older than the ttl. A store that leaves files, row groups or partitions unread because all their rows are
    /// older than any ttl reaches counts the rows that only those would match as unmatched.
    pub expired: u64,
    /// Rows whose winner was created after their time: the leakage report. `None` when the source has no created column.
    pub leaked: Option<u64>,
}

/// What a join would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explain {
    /// One a view.
    pub views: Vec<ViewExplain>,
    /// Bytes of memory that it is predicted to hold at its peak, spine and result included.
    pub memory_bytes: u64,
}

/// What reading one view would take.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewExplain {
    /// Name of the view or its alias.
    pub name: String,
    /// How it is done: `scan of Parquet files`, or SQL text.
    pub plan: String,
    /// Files in all, and files left after pruning.
    pub files: (u64, u64),
    /// Row groups in all, and left after pruning.
    pub row_groups: (u64, u64),
    /// Rows in all, and left after pruning.
    pub rows: (u64, u64),
    /// Stored bytes in all, and those to be read at most.
    pub bytes: (u64, u64),
    /// What is left unread and why.
    pub pruned: Vec<Pruned>,
}

/// Parts of a source that need not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// What they are: `row groups`, `pages`, `partitions`.
    pub what: &'static str,
    /// What shows that they hold no row that could win.
    pub by: &'static str,
    /// How many.
    pub count: u64,
}

/// Rows of a source in a window, both ends inclusive.
#[derive(Clone, Debug)]
pub struct RangeRequest {
    /// Where the rows are; its field mapping is already applied to the names below.
    pub source: DataSource,
    /// Join keys; empty for an entity-less view.
    pub keys: Vec<KeyColumn>,
    /// Features to return; may be empty.
    pub features: Vec<FeatureColumn>,
    /// Stored column of the event time.
    pub event_column: String,
    /// Stored column of the created time.
    pub created_column: Option<String>,
    /// First instant.
    pub start: Timestamp,
    /// Last instant.
    pub end: Timestamp,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// Rows of a window.
pub struct RangeScan {
    /// Columns of the batches.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: BatchStream,
    /// Filled while the rows are read.
    pub counters: Arc<ScanCounters>,
}

impl Debug for RangeScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangeScan")
            .field("schema", &self.schema)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// What a scan saw; complete when its stream has ended.
#[derive(Debug, Default)]
pub struct ScanCounters {
    /// Rows in the window.
    pub rows: AtomicU64,
    /// Rows left out because a key was null.
    pub null_keys: AtomicU64,
    /// Rows that the stream gives in all, plus one; 0 while that is not known.
    expected: AtomicU64,
}

impl ScanCounters {
    /// Adds to both counts.
    pub fn add(&self, rows: u64, null_keys: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.null_keys.fetch_add(null_keys, Ordering::Relaxed);
    }

    /// Says how many rows the stream will give in all, as soon as that is known: progress bars need it.
    pub fn expect(&self, rows: u64) {
        self.expected.store(rows.saturating_add(1), Ordering::Relaxed);
    }

    /// How many rows the stream gives in all, if the store has said so.
    #[must_use]
    pub fn expected(&self) -> Option<u64> {
        self.expected.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Rows left out because a key was null, so far.
    #[must_use]
    pub fn null_keys(&self) -> u64 {
        self.null_keys.load(Ordering::Relaxed)
    }
}

/// Rows to store as a table of their own.
pub struct SaveRequest {
    /// Where to; it need not exist.
    pub target: DataSource,
    /// Columns of the rows.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: BatchStream,
    /// What to do with rows that are there.
    pub mode: SaveMode,
    /// Bytes of memory that may be held; `None` for as many as are good for the table.
    pub max_memory: Option<u64>,
    /// Deadline, caller, cancellation.
    pub context: RequestContext,
}

impl Debug for SaveRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SaveRequest")
            .field("target", &self.target)
            .field("schema", &self.schema)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// What to do with the rows of a table that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveMode {
    /// Refuse.
    #[default]
    Create,
    /// Keep them.
    Append,
    /// Replace them, and the columns if those differ.
    Overwrite,
}

/// Rows to add to a source.
#[derive(Clone, Debug)]
pub struct AppendRequest {
    /// Where to.
    pub source: DataSource,
    /// The rows, with the source's stored column names.
    pub batches: Vec<RecordBatch>,
    /// Deadline, caller, cancellation.
    pub context: RequestContext,
}
