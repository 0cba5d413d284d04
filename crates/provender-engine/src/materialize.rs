//! Materialization: the newest row of each key in a window, from the offline store into the online store.

mod pipeline;
mod record;
#[cfg(test)]
mod tests;
mod transfer;
mod window;

use crate::FeatureStore;
use crate::history::History;
use crate::resolve::view_named;
use provender_core::model::{FeatureView, MaterializationInterval};
use provender_core::online::WriteSummary;
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, RequestContext, Result, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use transfer::Transfer;
use window::Span;

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
    /// Nothing was done, because an earlier run already went past `end`: `start` is where that run ended.
    pub up_to_date: bool,
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
    /// Materializes views one after the other. Views with `offline: true` come from their offline source and are not appended to it again, as Feast would.
    ///
    /// # Errors
    /// `Invalid` if start is after end; `NotFound` for an unknown view; `Invalid` for a view that is not online. Failures of single views are in the report.
    pub async fn materialize(&self, request: MaterializeRequest) -> Result<MaterializeReport> {
        check_window(&request)?;
        let (_, snapshot) = self.snapshot().await?;
        let views = match &request.views {
            None => all_views(&snapshot, self.project())?,
            Some(names) => named_views(&snapshot, self.project(), names)?,
        };
        let mut report = MaterializeReport::default();
        let now = Timestamp::now();
        for view in views {
            if request.context.check().is_err() {
                report.interrupted = true;
                break;
            }
            let done = self.materialize_view(&snapshot, &view, &request, now).await;
            // A view that failed because the work was stopped is not a failure to go on from.
            report.interrupted = done.error.is_some() && request.context.check().is_err();
            report.views.push(done);
            if report.interrupted {
                break;
            }
        }
        Ok(report)
    }

    async fn materialize_view(
        &self,
        snapshot: &RegistrySnapshot,
        view: &FeatureView,
        request: &MaterializeRequest,
        now: Timestamp,
    ) -> MaterializedView {
        let begun = Instant::now();
        let span = Span::of(request, view, now);
        let mut done = MaterializedView::new(&view.name, span);
        if !done.up_to_date {
            let stamp = request.disable_event_timestamp.then_some(now);
            let outcome = self.transfer_view(snapshot, view, request, stamp, &mut done).await;
            done.error = outcome.err();
        }
        done.elapsed = begun.elapsed();
        done
    }

    async fn transfer_view(
        &self,
        snapshot: &RegistrySnapshot,
        view: &FeatureView,
        request: &MaterializeRequest,
        stamp: Option<Timestamp>,
        done: &mut MaterializedView,
    ) -> Result<()> {
        let interval = MaterializationInterval { start: done.start, end: done.end };
        let transfer = Transfer::prepare(self, snapshot, view, &request.context)?;
        transfer.run(interval, stamp, done).await.map_err(|error| match error.get("view") {
            Some(_) => error,
            None => error.with("view", &view.name),
        })?;
        self.record_interval(&view.name, interval).await
    }
}

impl MaterializedView {
    fn new(view: &str, span: Span) -> Self {
        Self {
            view: view.to_owned(),
            start: span.start,
            end: span.end,
            rows: WriteSummary::default(),
            null_keys: 0,
            up_to_date: span.is_inverted(),
            elapsed: Duration::ZERO,
            error: None,
        }
    }
}

fn check_window(request: &MaterializeRequest) -> Result<()> {
    match request.window {
        Window::Between { start, end } if start > end && !request.disable_event_timestamp => Err(
            Error::invalid(format!("The given start_date {start} is greater than the given end_date {end}")),
        ),
        _ => Ok(()),
    }
}

/// Every view that is served online, enabled, and has history to take rows from.
fn all_views(snapshot: &RegistrySnapshot, project: &str) -> Result<Vec<Arc<FeatureView>>> {
    let mut views = Vec::new();
    for view in snapshot.feature_views(project) {
        let view = view?;
        if view.online && view.enabled && view.batch_source.is_some() {
            views.push(Arc::clone(view));
        }
    }
    Ok(views)
}

/// The named views, each once.
fn named_views(
    snapshot: &RegistrySnapshot,
    project: &str,
    names: &[String],
) -> Result<Vec<Arc<FeatureView>>> {
    let mut seen = BTreeSet::new();
    let mut views = Vec::new();
    for name in names.iter().filter(|name| seen.insert(name.as_str())) {
        let view = view_named(snapshot, project, name)?;
        if !view.online {
            return Err(Error::invalid(format!("FeatureView {name} is not configured to be served online"))
                .with("view", name)
                .with("field", "online"));
        }
        History::of(view)?;
        views.push(Arc::clone(view));
    }
    Ok(views)
}
