//! Training sets: entity rows joined with features as they were known at each row's time.

use crate::FeatureStore;
use arrow_schema::SchemaRef;
use provender_core::offline::{Explain, JoinReport, KnownAt, Spine};
use provender_core::{BatchStream, RequestContext, Result, Timestamp};
use std::fmt;
use std::sync::Arc;

/// Which features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Features {
    /// References, `view:feature`.
    List(Vec<String>),
    /// A feature service, by name.
    Service(String),
}

/// Which entity rows.
#[derive(Clone, Debug)]
pub enum Spines {
    /// These rows. Text in the event column is read as timestamps (UTC).
    Frame(Arc<Spine>),
    /// One row for each key that has a valid row at `end`, at that time, as Feast's file engine does: the lower bound is the ttl, and `start` does not filter.
    Snapshot {
        /// As Feast's `start_date`.
        start: Option<Timestamp>,
        /// The time of all rows.
        end: Timestamp,
    },
}

/// A request for a training set.
#[derive(Clone, Debug)]
pub struct HistoricalQuery {
    /// The entity rows.
    pub spine: Spines,
    /// The features.
    pub features: Features,
    /// Name columns `view__feature`.
    pub full_feature_names: bool,
    /// Which rows count as known.
    pub known_at: KnownAt,
    /// Bytes the join may use.
    pub max_memory: Option<u64>,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// A training set that has been planned and not yet built.
pub struct TrainingJob {
    #[allow(dead_code)]
    schema: SchemaRef,
}

/// A training set: entity columns in their order, then the features in the order asked.
pub struct TrainingSet {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows, in the entity rows' order.
    pub batches: BatchStream,
    /// What the join found.
    pub report: JoinReport,
}

impl fmt::Debug for TrainingJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingJob").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl fmt::Debug for TrainingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingSet")
            .field("schema", &self.schema)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl TrainingJob {
    /// Columns of the training set.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What building it would read and need, without building it.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn explain(&self) -> Result<Explain> {
        todo!()
    }

    /// Builds it.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn run(self) -> Result<TrainingSet> {
        todo!()
    }
}

impl FeatureStore {
    /// Plans a training set: resolves features, aliases and field mappings, checks the entity columns, sends each view to the store that reads its source.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, feature or service; `Invalid` for colliding names or entity columns that are missing or of another type.
    pub async fn historical(&self, _query: HistoricalQuery) -> Result<TrainingJob> {
        todo!()
    }
}
