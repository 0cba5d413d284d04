//! Long work on the online store: expired rows removed, the layout changed.

#[cfg(test)]
mod tests;

use crate::FeatureStore;
use crate::resolve::{join_keys, view_named};
use crate::table::online_table;
use provender_core::online::{Maintenance, MaintenanceTask, OnlineTable};
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, RequestContext, Result, Timestamp};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Which expired rows to remove.
#[derive(Clone, Debug, Default)]
pub struct PurgeRequest {
    /// Names of views; `None` for all that are served online and have a ttl.
    pub views: Option<Vec<String>>,
    /// Count, but remove nothing.
    pub dry_run: bool,
    /// The most keys of the store to look at in a second; `None` for what the store deems harmless.
    pub rate: Option<NonZeroU32>,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// How many rows were removed or converted, or would have been.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// Keys of the store that were looked at.
    pub keys: u64,
    /// Each view, by name, and its rows.
    pub views: Vec<(String, u64)>,
}

impl FeatureStore {
    /// Removes rows from the online store whose event time is further back than the ttl of their view.
    ///
    /// # Errors
    /// `NotFound` for a view that is not there; `Invalid` for one without a ttl, or that is not served online; `Unsupported` if the store cannot.
    pub async fn purge_online(&self, request: PurgeRequest) -> Result<MaintainReport> {
        let (_, snapshot) = self.snapshot().await?;
        let mut tables = self.tables(&snapshot)?;
        match &request.views {
            None => tables.retain(|table| table.ttl.is_some()),
            Some(names) => {
                let named = |name: &String| self.expiring(&snapshot, &tables, name);
                tables = names.iter().map(named).collect::<Result<_>>()?;
            }
        }
        let task = MaintenanceTask::Purge { now: Timestamp::now(), dry_run: request.dry_run };
        self.maintain(task, tables, request.rate, request.context).await
    }

    /// Lays out the rows of all views in another way, while they are served: `to` is the store's word for it.
    ///
    /// # Errors
    /// `Unsupported` if the store has one layout only; `Invalid` if it has no such layout.
    pub async fn migrate_online_layout(
        &self,
        to: &str,
        rate: Option<NonZeroU32>,
        context: RequestContext,
    ) -> Result<MaintainReport> {
        let (_, snapshot) = self.snapshot().await?;
        let tables = self.tables(&snapshot)?;
        self.maintain(MaintenanceTask::MigrateLayout { to: to.to_owned() }, tables, rate, context).await
    }

    /// The tables of all views that are served online.
    fn tables(&self, snapshot: &RegistrySnapshot) -> Result<Vec<Arc<OnlineTable>>> {
        let mut tables = Vec::new();
        for view in snapshot.feature_views(self.project()) {
            let view = view?;
            if view.online && view.enabled {
                let keys = join_keys(snapshot, self.project(), view)?;
                tables.push(online_table(self.project(), view, &keys));
            }
        }
        Ok(tables)
    }

    fn expiring(
        &self,
        snapshot: &RegistrySnapshot,
        tables: &[Arc<OnlineTable>],
        name: &str,
    ) -> Result<Arc<OnlineTable>> {
        view_named(snapshot, self.project(), name)?;
        let refused = |message| Err(Error::invalid(message).with("view", name));
        match tables.iter().find(|table| table.view == name) {
            None => refused("the view is not served online"),
            Some(table) if table.ttl.is_none() => refused("the rows of a view without ttl do not expire"),
            Some(table) => Ok(Arc::clone(table)),
        }
    }

    async fn maintain(
        &self,
        task: MaintenanceTask,
        tables: Vec<Arc<OnlineTable>>,
        rate: Option<NonZeroU32>,
        context: RequestContext,
    ) -> Result<MaintainReport> {
        let views: Vec<String> = tables.iter().map(|table| table.view.clone()).collect();
        let report = self.online_store()?.maintain(&Maintenance { task, tables, rate, context }).await?;
        Ok(MaintainReport { keys: report.keys, views: views.into_iter().zip(report.rows).collect() })
    }
}
