//! Push: rows that applications hand in, to the online store, the offline store or both.

use crate::FeatureStore;
use arrow_array::RecordBatch;
use provender_core::online::WriteSummary;
use provender_core::{RequestContext, Result};

/// Where pushed rows go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PushTarget {
    #[default]
    Online,
    Offline,
    OnlineAndOffline,
}

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// Rows written online, over all views.
    pub online: WriteSummary,
    /// Rows appended offline.
    pub offline: u64,
    /// Rows left out of the online store because a join key was null.
    pub null_keys: u64,
}

impl FeatureStore {
    /// Pushes rows of a push source to every view that it feeds. Columns are named as definitions name them: join keys, features, and the source's time columns.
    /// Both targets are checked before either is written.
    ///
    /// # Errors
    /// `NotFound` for an unknown push source; `Invalid` naming a missing or ill-typed column.
    pub async fn push(
        &self,
        _source: &str,
        _rows: RecordBatch,
        _to: PushTarget,
        _context: RequestContext,
    ) -> Result<PushReport> {
        todo!()
    }

    /// Writes rows of one view to the online store, with columns as [`FeatureStore::push`].
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` naming a missing or ill-typed column.
    pub async fn write_to_online_store(
        &self,
        _view: &str,
        _rows: RecordBatch,
        _context: RequestContext,
    ) -> Result<PushReport> {
        todo!()
    }
}
