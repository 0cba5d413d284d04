//! Materialization: the newest row of each key in a window, from the offline store into the online store.

use crate::FeatureStore;
use provender_core::online::WriteSummary;
use provender_core::{Error, RequestContext, Result, Timestamp};
use std::time::Duration;

/// Which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// From start to end, both inclusive.
    Between {
        /// First instant.
        start: Timestamp,
        /// Last instant.
        end: Timestamp,
    },
    /// From where each view's last materialization ended, to `end`. The first time: from now - ttl, or 52 weeks ago without ttl.
    Since {
        /// Last instant.
        end: Timestamp,
    },
}

/// What to materialize.
#[derive(Clone, Debug)]
pub struct MaterializeRequest {
    /// The window.
    pub window: Window,
    /// Names of views; `None` for all that are online and enabled.
    pub views: Option<Vec<String>>,
    /// Use all rows up to now, and store the time of the run as their event time.
    pub disable_event_timestamp: bool,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// What a materialization did: one entry a view, in the order they ran. A failing view does not stop the others; an interrupt does.
#[derive(Debug, Default)]
pub struct MaterializeReport {
    /// The views.
    pub views: Vec<MaterializedView>,
    /// Whether it was interrupted before the last view was done.
    pub interrupted: bool,
}

/// What became of one view.
#[derive(Debug)]
pub struct MaterializedView {
    /// Name of the view.
    pub view: String,
    /// First instant.
    pub start: Timestamp,
    /// Last instant.
    pub end: Timestamp,
    /// Rows written, and rows for which the store has a newer one.
    pub rows: WriteSummary,
    /// Rows left out because a join key was null.
    pub null_keys: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Why it failed. Its interval is recorded only if it did not.
    pub error: Option<Error>,
}

impl MaterializeReport {
    /// The first failure, if any.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.views.iter().find_map(|v| v.error.as_ref())
    }
}

impl FeatureStore {
    /// Materializes views one after the other.
    ///
    /// # Errors
    /// `Invalid` if start is after end; `NotFound` for an unknown view; `Invalid` for a view that is not online. Failures of single views are in the report.
    pub async fn materialize(&self, _request: MaterializeRequest) -> Result<MaterializeReport> {
        todo!()
    }
}
