//! Long work on what an online store holds, at a bounded rate.

use super::OnlineTable;
use crate::{RequestContext, Timestamp};
use std::num::NonZeroU32;
use std::sync::Arc;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaintenanceTask {
    /// Remove rows whose event time is further back than the lifetime of their view. Views without one are left alone.
    Purge {
        /// The time from which lifetimes are counted back.
        now: Timestamp,
        /// Count, but remove nothing.
        dry_run: bool,
    },
    /// Lay all rows out in another way, while they are read and written.
    MigrateLayout {
        /// The store's own word for the layout.
        to: String,
    },
}

/// A task on the rows of some views.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// What is to be done.
    pub task: MaintenanceTask,
    /// The views.
    pub tables: Vec<Arc<OnlineTable>>,
    /// The most keys of the store to look at in a second; `None` for what the store deems harmless.
    pub rate: Option<NonZeroU32>,
    /// Deadline, caller, cancellation; progress is told in keys.
    pub context: RequestContext,
}

/// What a task has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// Keys of the store that were looked at.
    pub keys: u64,
    /// Rows of each view that were removed or converted, or would have been, in the order of [`Maintenance::tables`].
    pub rows: Vec<u64>,
}
