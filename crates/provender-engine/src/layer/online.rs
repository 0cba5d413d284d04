use super::Guarded;
use super::attempt::{retried, within};
use async_trait::async_trait;
use provender_core::online::{
    InfraChanges, Maintenance, MaintenanceReport, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable,
    OnlineWrite, WriteSummary,
};
use provender_core::{OnlineStore, Result};

/// Every call may be repeated: a read changes nothing, the same rows written twice change nothing, and so with tables that are made or dropped twice.
#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OnlineStore for Guarded<dyn OnlineStore> {
    fn capabilities(&self) -> OnlineCapabilities {
        self.0.capabilities()
    }

    fn describe(&self, table: &OnlineTable) -> String {
        self.0.describe(table)
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        // ended at the deadline by who asks: of a request for features that is one timer
        retried("online read", Some(&request.context), || self.0.read(request)).await
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        let context = &request.context;
        within(context, retried("online write", Some(context), || self.0.write(request.clone()))).await
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        retried("online reconcile", Some(&changes.context), || self.0.reconcile(changes)).await
    }

    /// Not repeated: it takes long, and what is done is done. Whoever asked can ask again.
    async fn maintain(&self, maintenance: &Maintenance) -> Result<MaintenanceReport> {
        within(&maintenance.context, self.0.maintain(maintenance)).await
    }
}
