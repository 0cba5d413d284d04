//! The online store: the newest values of each entity, ready to serve.
//!
//! Values cross this border as Feast's wire bytes (`feast.types.Value`; the empty string is a stored null): every layout of Feast stores them so, and
//! the server writes JSON straight from them. [`crate::value`] encodes and decodes them.

mod columns;
mod maintenance;
#[cfg(test)]
mod tests;

pub use columns::{Age, WriteColumns};
pub use maintenance::{Maintenance, MaintenanceReport, MaintenanceTask};

use crate::model::Tags;
use crate::{EntityKeys, Error, RequestContext, Result, Timestamp, ValueType};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt::Debug;
use std::sync::Arc;

/// A store of the newest values.
#[async_trait]
pub trait OnlineStore: Debug + Send + Sync + 'static {
    /// What this store keeps and promises.
    fn capabilities(&self) -> OnlineCapabilities;

    /// What it makes for a view, for people: `sqlite table shop_driver_stats`.
    fn describe(&self, table: &OnlineTable) -> String;

    /// Reads all views of a request at once, in one round trip where the store can.
    ///
    /// # Contract
    /// - One [`ViewRows`] a view, one row a key, in the order of the request. (rule: rows_follow_keys)
    /// - A key that was never written is absent; that is not an error. (rule: missing_key_is_absent)
    /// - A stored null is present and empty. (rule: null_is_not_absence)
    ///
    /// # Errors
    /// `Unavailable` if any key could not be read: never an absent row instead. `NotFound` if a view was never set up.
    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows>;

    /// Writes rows of one view. All columns of a row are written together.
    ///
    /// # Contract
    /// - Writing the same rows twice changes nothing. (rule: rewrite_is_idempotent)
    /// - With newest-wins, a row replaces another only if its `(event, created)` is not older; also within one batch. (rules: late_row_is_ignored, correction_is_taken)
    ///
    /// # Errors
    /// `Invalid` if the batch does not have the columns of [`OnlineWrite::rows`]; `NotFound` if the view was never set up.
    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary>;

    /// Creates what views need and drops what they no longer need. Doing it twice is harmless.
    async fn reconcile(&self, changes: &InfraChanges) -> Result<()>;

    /// Works on what is stored, beside reads and writes. Doing it twice is harmless, also when the first time was interrupted.
    ///
    /// # Errors
    /// `Unsupported` if the store has no such task.
    async fn maintain(&self, maintenance: &Maintenance) -> Result<MaintenanceReport> {
        let what = match maintenance.task {
            MaintenanceTask::Purge { .. } => "this online store cannot remove expired rows",
            MaintenanceTask::MigrateLayout { .. } => "this online store has one layout only",
        };
        Err(Error::unsupported(what))
    }
}

/// What an online store keeps and promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnlineCapabilities {
    /// A late row never replaces a newer one (else: the last write wins).
    pub newest_wins: bool,
    /// The created time is kept, so that a correction with an equal event time is told from an older one.
    pub keeps_created: bool,
    /// Event times keep microseconds (else: whole seconds, rounded down).
    pub microseconds: bool,
    /// A read or write of a view that was never set up is `NotFound`.
    pub knows_views: bool,
}

/// A view as an online store sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineTable {
    /// Project of the view.
    pub project: String,
    /// Name of the view.
    pub view: String,
    /// Names of the join keys; `__dummy_id` alone for an entity-less view.
    pub join_keys: Vec<String>,
    /// Features, in the view's order.
    pub features: Vec<(String, ValueType)>,
    /// Lifetime in microseconds, if limited.
    pub ttl: Option<i64>,
    /// Tags of the view.
    pub tags: Tags,
}

/// A read of several views.
#[derive(Clone, Debug)]
pub struct OnlineRead {
    /// What to read.
    pub views: Vec<ViewRead>,
    /// Deadline, caller.
    pub context: RequestContext,
}

/// One view of an [`OnlineRead`].
#[derive(Clone, Debug)]
pub struct ViewRead {
    /// The view.
    pub table: Arc<OnlineTable>,
    /// Which features, as indexes into [`OnlineTable::features`].
    pub features: Arc<[usize]>,
    /// Encoded entity keys; views with the same join keys share one.
    pub keys: Arc<EntityKeys>,
}

/// What was read: one entry a view, in the order of the request.
#[derive(Clone, Debug, Default)]
pub struct OnlineRows {
    /// Rows of each view.
    pub views: Vec<ViewRows>,
}

/// Rows of one view: for each key its event time and, if it is there, one cell a feature. Cells are slices of one buffer.
#[derive(Clone, Debug)]
pub struct ViewRows {
    data: Bytes,
    times: Vec<Option<Timestamp>>,
    cells: Arc<Vec<Cell>>,
    place: CellPlace,
}

/// Start and length of value bytes in a buffer, or [`NO_CELL`].
pub type Cell = (u32, u32);

/// The [`Cell`] of a feature that was never written.
pub const NO_CELL: Cell = (u32::MAX, 0);

/// Where the cells of a view are among those that several views share: cell `feature` of row `row` is at `first + row * stride + feature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellPlace {
    /// Index of the first row's first cell.
    pub first: usize,
    /// From a row to the next.
    pub stride: usize,
    /// Cells of a row.
    pub features: usize,
}

impl ViewRows {
    /// Rows over a buffer that the store has filled: per row its event time (`None` if the row is absent), and `rows x features` cells, row by row,
    /// each the start and length of value bytes in `data`, or `None` if that feature was never written.
    ///
    /// # Errors
    /// `Internal` if the counts or the slices do not fit.
    pub fn new(
        data: Bytes,
        features: usize,
        times: Vec<Option<Timestamp>>,
        cells: impl IntoIterator<Item = Option<(u32, u32)>>,
    ) -> Result<Self> {
        let cells: Vec<_> = cells.into_iter().map(|c| c.unwrap_or(NO_CELL)).collect();
        if cells.len() != times.len() * features {
            return Err(misfit());
        }
        Self::within(data, times, Arc::new(cells), CellPlace { first: 0, stride: features, features })
    }

    /// Rows whose cells lie among those of other views, over one buffer: nothing is copied. The cells of an absent row are [`NO_CELL`].
    ///
    /// # Errors
    /// `Internal` if cells are missing or do not fit into the buffer.
    pub fn within(
        data: Bytes,
        times: Vec<Option<Timestamp>>,
        cells: Arc<Vec<Cell>>,
        place: CellPlace,
    ) -> Result<Self> {
        let rows = Self { data, times, cells, place };
        let (len, mut fits) = (rows.data.len() as u64, true);
        for row in 0..rows.times.len() {
            let start = place.first + row * place.stride;
            let cells = rows.cells.get(start..start + place.features).ok_or_else(misfit)?;
            fits &= cells
                .iter()
                .fold(true, |fits, c| fits & (u64::from(c.0) + u64::from(c.1) <= len || *c == NO_CELL));
        }
        if fits { Ok(rows) } else { Err(misfit()) }
    }

    /// Starts rows that are filled one after the other.
    #[must_use]
    pub fn builder(rows: usize, features: usize) -> ViewRowsBuilder {
        ViewRowsBuilder {
            data: Vec::new(),
            features,
            times: Vec::with_capacity(rows),
            cells: Vec::with_capacity(rows * features),
        }
    }

    /// Number of rows, one a key of the request.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Event time of a row; `None` if the key was never written.
    #[inline]
    #[must_use]
    pub fn time(&self, row: usize) -> Option<Timestamp> {
        self.times[row]
    }

    /// Value bytes of a cell (empty for a stored null); `None` if it was never written.
    #[inline]
    #[must_use]
    pub fn cell(&self, row: usize, feature: usize) -> Option<&[u8]> {
        self.column(feature).cell(row)
    }

    /// The cells of a feature.
    #[inline]
    #[must_use]
    pub fn column(&self, feature: usize) -> ColumnCells<'_> {
        assert!(feature < self.place.features, "the rows have no such cell");
        // without a row there may be no cell at all
        let cells = self.cells.get(self.place.first + feature..).unwrap_or_default();
        ColumnCells { data: &self.data, cells, stride: self.place.stride }
    }
}

/// The cells of one feature in [`ViewRows`].
#[derive(Clone, Copy, Debug)]
pub struct ColumnCells<'a> {
    data: &'a [u8],
    /// From the first row's cell on.
    cells: &'a [Cell],
    stride: usize,
}

impl<'a> ColumnCells<'a> {
    /// As [`ViewRows::cell`].
    #[inline]
    #[must_use]
    pub fn cell(&self, row: usize) -> Option<&'a [u8]> {
        match self.cells[row * self.stride] {
            NO_CELL => None,
            (start, len) => Some(&self.data[start as usize..start as usize + len as usize]),
        }
    }
}

fn misfit() -> Error {
    Error::internal("online rows do not fit their buffer")
}

/// Fills [`ViewRows`].
#[derive(Debug)]
pub struct ViewRowsBuilder {
    data: Vec<u8>,
    features: usize,
    times: Vec<Option<Timestamp>>,
    cells: Vec<(u32, u32)>,
}

impl ViewRowsBuilder {
    /// Adds a key that was never written.
    pub fn absent(&mut self) {
        self.times.push(None);
        self.cells.extend(std::iter::repeat_n(NO_CELL, self.features));
    }

    /// Adds a row; `cells` gives one entry a feature.
    pub fn row<'a>(&mut self, time: Timestamp, cells: impl IntoIterator<Item = Option<&'a [u8]>>) {
        self.times.push(Some(time));
        for cell in cells {
            match cell {
                Some(bytes) => {
                    self.cells.push((self.data.len() as u32, bytes.len() as u32));
                    self.data.extend_from_slice(bytes);
                }
                None => self.cells.push(NO_CELL),
            }
        }
    }

    /// The rows.
    ///
    /// # Errors
    /// `Internal` if a row had another number of cells, or all values together pass 4 GiB.
    pub fn finish(self) -> Result<ViewRows> {
        if u32::try_from(self.data.len()).is_err() {
            return Err(Error::internal("online rows pass 4 GiB"));
        }
        let Self { data, features, times, cells } = self;
        if cells.len() != times.len() * features {
            return Err(misfit());
        }
        ViewRows::within(
            data.into(),
            times,
            Arc::new(cells),
            CellPlace { first: 0, stride: features, features },
        )
    }
}

/// Rows to write into one view.
#[derive(Clone, Debug)]
pub struct OnlineWrite {
    /// The view.
    pub table: Arc<OnlineTable>,
    /// By position: `entity_key` Binary (encoded, never null), `event_timestamp` Timestamp(us, UTC) (never null), `created_timestamp` Timestamp(us, UTC), then one
    /// Binary column a feature of the table with value bytes (empty for null, never null).
    pub rows: RecordBatch,
    /// Deadline, caller.
    pub context: RequestContext,
}

impl OnlineWrite {
    /// Number of columns before the features.
    pub const LEADING_COLUMNS: usize = 3;
}

/// What a write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteSummary {
    /// Rows that are now what the store holds.
    pub written: u64,
    /// Rows left out because the store, or the same batch, has a newer one.
    pub stale: u64,
}

impl std::ops::AddAssign for WriteSummary {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.stale += other.stale;
    }
}

/// What must be there, and what must go, after an apply.
#[derive(Clone, Debug, Default)]
pub struct InfraChanges {
    /// Views that are served online after the apply: made if they are missing.
    pub keep: Vec<Arc<OnlineTable>>,
    /// Views whose features changed: as they were and as they will be.
    pub alter: Vec<(Arc<OnlineTable>, Arc<OnlineTable>)>,
    /// Views that are gone, or no longer online.
    pub drop: Vec<Arc<OnlineTable>>,
    /// Deadline, caller, cancellation. A store that removes values row by row tells the progress of each view as the task [`removal_task`].
    pub context: RequestContext,
}

/// The name of the task under which a store tells how many rows of a view it has removed.
#[must_use]
pub fn removal_task(view: &str) -> Arc<str> {
    format!("remove {view}").into()
}
