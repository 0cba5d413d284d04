//! What the server counts, in Prometheus' text form. Feast's names where Feast has one, else `provender_…`.
//!
//! Counting a request is a handful of atomic additions; names and labels are put together when somebody asks.

mod cells;
mod grpc;
mod online;
mod process;
mod text;

use crate::endpoints::Endpoint;
use crate::grpc::Method;
use crate::stages::Stages;
use axum::http::StatusCode;
use cells::{Counter, Family, Histogram};
use grpc::GrpcMetrics;
use online::OnlineMetrics;
use process::Process;
use provender_core::registry::RegistrySnapshot;
use provender_core::{Kind, Timestamp};
use provender_engine::{MaterializedView, PushTarget, ServedView};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use text::{Text, Type};
use tonic::Code;

const LATENCY: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const MATERIALIZATION: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
/// Every status that the server answers; 0 stands for any other.
const CODES: [u16; 14] = [200, 202, 400, 403, 404, 405, 408, 409, 413, 422, 500, 501, 503, 0];

pub(crate) use online::Shed;

/// Everything that is counted.
pub(crate) struct Metrics {
    endpoints: [EndpointMetrics; Endpoint::ALL.len()],
    in_flight: AtomicI64,
    online: OnlineMetrics,
    pushes: Family<Counter>,
    materializations: Family<Counter>,
    materialization_seconds: Family<Histogram>,
    refreshes: [Counter; 2],
    grpc: GrpcMetrics,
    process: Process,
}

struct EndpointMetrics {
    codes: [Counter; CODES.len()],
    latency: Histogram,
}

/// What else the metrics tell, as it is when somebody asks for them.
#[derive(Debug, Default)]
pub(crate) struct Moment<'a> {
    pub(crate) project: &'a str,
    /// If it has been read.
    pub(crate) registry: Option<Arc<RegistrySnapshot>>,
    /// What was served of each view.
    pub(crate) served: Vec<ServedView>,
    /// Reads of the store that are waited for.
    pub(crate) reading: usize,
}

/// Counts a request as being worked on until it is dropped.
pub(crate) struct InFlight<'m>(&'m AtomicI64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            endpoints: std::array::from_fn(|_| EndpointMetrics {
                codes: Default::default(),
                latency: Histogram::new(LATENCY),
            }),
            in_flight: AtomicI64::new(0),
            online: OnlineMetrics::new(),
            pushes: Family::default(),
            materializations: Family::default(),
            materialization_seconds: Family::default(),
            refreshes: Default::default(),
            grpc: GrpcMetrics::new(),
            process: Process::new(),
        }
    }

    /// A request has come in.
    pub(crate) fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, endpoint: Endpoint, status: StatusCode, elapsed: Duration) {
        let metrics = &self.endpoints[endpoint as usize];
        let code = CODES.iter().position(|c| *c == status.as_u16()).unwrap_or(CODES.len() - 1);
        metrics.codes[code].add(1);
        metrics.latency.observe(elapsed.as_secs_f64());
    }

    /// A call of gRPC was answered.
    pub(crate) fn called(&self, method: Method, code: Code, elapsed: Duration) {
        self.grpc.called(method, code, elapsed);
    }

    /// Online features were asked for.
    pub(crate) fn online(&self, rows: usize) {
        self.online.asked(rows);
    }

    /// Online features were answered.
    pub(crate) fn stages(&self, stages: &Stages) {
        self.online.answered(stages);
    }

    /// Online features could not be read; `is_late` if that was for want of time.
    pub(crate) fn failed(&self, kind: Kind, is_late: bool) {
        self.online.failed(kind, is_late);
    }

    /// A request was turned away.
    pub(crate) fn shed(&self, limit: Shed) {
        self.online.shed(limit);
    }

    /// Rows were pushed. Only of sources that exist, so that clients cannot invent series.
    pub(crate) fn pushed(&self, source: &str, to: PushTarget) {
        let mode = match to {
            PushTarget::Online => "online",
            PushTarget::Offline => "offline",
            PushTarget::OnlineAndOffline => "online_and_offline",
        };
        self.pushes.at(&[source, mode], Counter::default).add(1);
    }

    /// A view was materialized, or not.
    pub(crate) fn materialized(&self, view: &MaterializedView) {
        let status = if view.error.is_none() { "success" } else { "failure" };
        self.materializations.at(&[&view.view, status], Counter::default).add(1);
        self.materialization_seconds
            .at(&[&view.view], || Histogram::new(MATERIALIZATION))
            .observe(view.elapsed.as_secs_f64());
    }

    /// The registry was read again, or not.
    pub(crate) fn refreshed(&self, success: bool) {
        self.refreshes[usize::from(success)].add(1);
    }

    /// Everything as text.
    pub(crate) fn render(&self, moment: &Moment<'_>) -> String {
        let mut text = Text::new();
        self.render_requests(&mut text);
        self.grpc.render(&mut text);
        self.online.render(&mut text, &moment.served, moment.reading);
        self.render_writes(&mut text);
        if let Some(snapshot) = &moment.registry {
            render_freshness(&mut text, moment.project, snapshot);
        }
        self.process.render(&mut text);
        text.family("provender_build_info", Type::Gauge, "The version of the server");
        text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        text.finish()
    }

    fn render_requests(&self, text: &mut Text) {
        text.family(
            "feast_feature_server_request_total",
            Type::Counter,
            "Requests by outcome; error is 400 and above",
        );
        for (endpoint, metrics) in self.by_endpoint() {
            let count = |pick: fn(u16) -> bool| -> u64 {
                CODES.iter().zip(&metrics.codes).filter(|(c, _)| pick(**c)).map(|(_, n)| n.value()).sum()
            };
            let errors = count(|code| code == 0 || code >= 400);
            let successes = count(|code| code != 0 && code < 400);
            for (status, value) in [("success", successes), ("error", errors)] {
                text.sample(&[("endpoint", endpoint), ("status", status)], value as f64);
            }
        }
        text.family(
            "provender_http_responses_total",
            Type::Counter,
            "Answers by status code; 0 is any other",
        );
        for (endpoint, metrics) in self.by_endpoint() {
            for (code, counter) in CODES.iter().zip(&metrics.codes).filter(|(_, c)| c.value() > 0) {
                text.sample(&[("endpoint", endpoint), ("code", &code.to_string())], counter.value() as f64);
            }
        }
        text.family(
            "feast_feature_server_request_latency_seconds",
            Type::Histogram,
            "From the headers of a request to its answer",
        );
        for (endpoint, metrics) in self.by_endpoint() {
            text.histogram(&[("endpoint", endpoint)], &metrics.latency);
        }
        text.family("provender_requests_in_flight", Type::Gauge, "Requests that are being worked on");
        text.sample(&[], self.in_flight.load(Ordering::Relaxed) as f64);
    }

    fn by_endpoint(&self) -> impl Iterator<Item = (&'static str, &EndpointMetrics)> {
        Endpoint::ALL.iter().map(|endpoint| endpoint.path()).zip(&self.endpoints)
    }

    fn render_writes(&self, text: &mut Text) {
        text.family("feast_push_request_total", Type::Counter, "Pushes by source and target");
        self.pushes.each(|l, c| text.sample(&[("push_source", &l[0]), ("mode", &l[1])], c.value() as f64));
        text.family(
            "feast_materialization_result_total",
            Type::Counter,
            "Materializations by view and outcome",
        );
        self.materializations
            .each(|l, c| text.sample(&[("feature_view", &l[0]), ("status", &l[1])], c.value() as f64));
        text.family(
            "feast_materialization_duration_seconds",
            Type::Histogram,
            "How long materializing a view took",
        );
        self.materialization_seconds.each(|l, h| text.histogram(&[("feature_view", &l[0])], h));
        text.family(
            "provender_registry_refresh_total",
            Type::Counter,
            "Times the registry was read again, by outcome",
        );
        for (status, counter) in ["error", "success"].iter().zip(&self.refreshes) {
            text.sample(&[("status", status)], counter.value() as f64);
        }
    }
}

/// Seconds since the end of the newest materialized window of each view.
fn render_freshness(text: &mut Text, project: &str, snapshot: &RegistrySnapshot) {
    let now = Timestamp::now();
    text.family(
        "feast_feature_freshness_seconds",
        Type::Gauge,
        "Seconds since the end of the newest materialized window",
    );
    for view in snapshot.feature_views(project).flatten() {
        if let Some(end) = view.materialization_intervals.iter().map(|i| i.end).max() {
            let age = now.0.saturating_sub(end.0) as f64 / provender_core::SECOND as f64;
            text.sample(&[("feature_view", &view.name), ("project", project)], age.max(0.0));
        }
    }
}

#[cfg(test)]
mod tests;
