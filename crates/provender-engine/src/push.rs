//! Push: rows that applications hand in, to the online store, the offline store or both.

mod offline;
mod online;
#[cfg(test)]
mod tests;

use crate::FeatureStore;
use crate::resolve::view_named;
use arrow_array::RecordBatch;
use online::Prepared;
use provender_core::model::{DataSource, FeatureView, SourceKind};
use provender_core::online::WriteSummary;
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, Kind, RequestContext, Result};
use std::sync::Arc;

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

impl PushTarget {
    fn is_online(self) -> bool {
        self != Self::Offline
    }

    fn is_offline(self) -> bool {
        self != Self::Online
    }
}

impl FeatureStore {
    /// Pushes rows of a push source to every view that it feeds. Columns are named as definitions name them: join keys, features, and the source's time columns.
    /// Both targets are checked before either is written.
    ///
    /// Times may be timestamps, dates, ISO 8601 text (UTC unless it says otherwise) or, as in Feast, integers in nanoseconds.
    /// Online, columns that no view declares have no place and are left out; offline they are refused unless the source has them, and source columns
    /// that no view declares may be missing, which makes them null. Rows whose values are all null are written, where Feast drops them.
    ///
    /// # Errors
    /// `NotFound` for an unknown push source; `Invalid` naming a missing or ill-typed column.
    pub async fn push(
        &self,
        source: &str,
        rows: RecordBatch,
        to: PushTarget,
        context: RequestContext,
    ) -> Result<PushReport> {
        let snapshot = self.cached_snapshot().await?;
        let views = fed_by(&snapshot, self.project(), source)?;
        let online = match to.is_online() {
            true => self.prepare_online(&snapshot, &served(&views, source)?, &rows).await?,
            false => Vec::new(),
        };
        let offline = match to.is_offline() {
            true => self.prepare_appends(&views, &rows, &context).await?,
            false => Vec::new(),
        };
        // History first: what it lacks could never be materialized again.
        let mut report = PushReport::default();
        for (store, append) in offline {
            report.offline += self.offline[store].append(append).await?;
        }
        self.write_prepared(online, &context, &mut report).await?;
        Ok(report)
    }

    /// Writes rows of one view to the online store, with columns as [`FeatureStore::push`].
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` naming a missing or ill-typed column.
    pub async fn write_to_online_store(
        &self,
        view: &str,
        rows: RecordBatch,
        context: RequestContext,
    ) -> Result<PushReport> {
        let snapshot = self.cached_snapshot().await?;
        let view = view_named(&snapshot, self.project(), view).map_err(|error| match error.kind() {
            Kind::NotFound => Error::not_found(format!("Can't recognize feast object with a name {view}"))
                .with("class", "FeastObjectNotFoundException"),
            _ => error,
        })?;
        let prepared = self.prepare_online(&snapshot, &[Arc::clone(view)], &rows).await?;
        let mut report = PushReport::default();
        self.write_prepared(prepared, &context, &mut report).await?;
        Ok(report)
    }

    async fn write_prepared(
        &self,
        prepared: Vec<Prepared>,
        context: &RequestContext,
        report: &mut PushReport,
    ) -> Result<()> {
        for view in prepared {
            report.null_keys += view.null_keys;
            for write in view.writes(context) {
                context.check()?;
                report.online += self.online_store()?.write(write).await?;
            }
        }
        Ok(())
    }
}

/// The enabled views that a push source feeds.
fn fed_by(snapshot: &RegistrySnapshot, project: &str, source: &str) -> Result<Vec<Arc<FeatureView>>> {
    let pushes = |s: &DataSource| s.name == source && matches!(s.kind, SourceKind::Push { .. });
    let mut views = Vec::new();
    let mut disabled = None;
    for view in snapshot.feature_views(project) {
        let view = view?;
        let streamed = view.stream_source.as_ref().is_some_and(|s| s.name == source);
        match streamed || view.batch_source.as_ref().is_some_and(pushes) {
            true if view.enabled => views.push(Arc::clone(view)),
            true => disabled = Some(&view.name),
            false => {}
        }
    }
    match disabled {
        _ if !views.is_empty() => Ok(views),
        Some(view) => Err(Error::invalid(format!("Feature view {view} is disabled")).with("view", view)),
        None => Err(Error::not_found(format!("Unable to find push source '{source}'."))
            .with("class", "PushSourceNotFoundException")),
    }
}

/// Those that are served online.
fn served(views: &[Arc<FeatureView>], source: &str) -> Result<Vec<Arc<FeatureView>>> {
    let served: Vec<_> = views.iter().filter(|view| view.online).cloned().collect();
    if served.is_empty() {
        return Err(Error::invalid("no view that the push source feeds is served online")
            .with("source", source)
            .with("views", views.iter().map(|v| v.name.as_str()).collect::<Vec<_>>().join(", "))
            .with("field", "online"));
    }
    Ok(served)
}
