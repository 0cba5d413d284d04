//! What is counted of online features.

use super::cells::{Counter, Histogram};
use super::text::{Text, Type};
use crate::stages::{Stage, Stages};
use provender_core::{Kind, SECOND, Timestamp};
use provender_engine::{ServedView, Status};

const ROWS: &[f64] = &[1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
const STAGE: &[f64] =
    &[1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];
/// Why a store did not answer. A mistake in a request is none of its errors.
const ERRORS: [&str; 4] = ["timeout", "unavailable", "unsupported", "internal"];

/// A limit for which requests are turned away.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shed {
    /// Of requests that are worked on.
    InFlight,
    /// Of reads of the online store.
    StoreReads,
}

impl Shed {
    const NAMES: [&str; 2] = ["in_flight", "store_reads"];
}

pub(super) struct OnlineMetrics {
    requests: Counter,
    rows: Histogram,
    stages: [Histogram; Stage::ALL.len()],
    errors: [Counter; ERRORS.len()],
    shed: [Counter; Shed::NAMES.len()],
}

impl OnlineMetrics {
    pub(super) fn new() -> Self {
        Self {
            requests: Counter::default(),
            rows: Histogram::new(ROWS),
            stages: Stage::ALL.map(|_| Histogram::new(STAGE)),
            errors: Default::default(),
            shed: Default::default(),
        }
    }

    pub(super) fn asked(&self, rows: usize) {
        self.requests.add(1);
        self.rows.observe(rows as f64);
    }

    pub(super) fn answered(&self, stages: &Stages) {
        for (stage, histogram) in Stage::ALL.iter().zip(&self.stages) {
            histogram.observe(stages.time(*stage).as_secs_f64());
        }
    }

    pub(super) fn failed(&self, kind: Kind, is_late: bool) {
        let reason = match kind {
            Kind::Unavailable if is_late => 0,
            Kind::Unavailable => 1,
            Kind::Unsupported => 2,
            Kind::Internal | Kind::Denied => 3,
            _ => return,
        };
        self.errors[reason].add(1);
    }

    pub(super) fn shed(&self, limit: Shed) {
        self.shed[limit as usize].add(1);
    }

    /// `reading` is the number of reads that are waited for.
    pub(super) fn render(&self, text: &mut Text, served: &[ServedView], reading: usize) {
        text.family("feast_online_features_request_total", Type::Counter, "Requests for online features");
        text.sample(&[], self.requests.value() as f64);
        text.family(
            "feast_online_features_entity_count",
            Type::Histogram,
            "Entity rows of a request for online features",
        );
        text.histogram(&[], &self.rows);
        text.family(
            "feast_feature_server_online_store_read_duration_seconds",
            Type::Histogram,
            "How long the online store took",
        );
        text.histogram(&[], &self.stages[Stage::Store as usize]);
        text.family(
            "provender_stage_seconds",
            Type::Histogram,
            "How long the parts of a request for online features took",
        );
        for (stage, histogram) in Stage::ALL.iter().zip(&self.stages) {
            text.histogram(&[("stage", stage.name())], histogram);
        }
        text.family("provender_store_reads_in_flight", Type::Gauge, "Reads of the online store");
        text.sample(&[], reading as f64);
        text.family(
            "provender_store_errors_total",
            Type::Counter,
            "Reads of the online store that failed, by reason",
        );
        for (reason, counter) in ERRORS.iter().zip(&self.errors) {
            text.sample(&[("reason", reason)], counter.value() as f64);
        }
        text.family("provender_requests_shed_total", Type::Counter, "Requests turned away, by limit");
        for (limit, counter) in Shed::NAMES.iter().zip(&self.shed) {
            text.sample(&[("limit", limit)], counter.value() as f64);
        }
        render_served(text, served);
    }
}

fn render_served(text: &mut Text, served: &[ServedView]) {
    text.family(
        "feast_online_features_status_total",
        Type::Counter,
        "Feature values served, by view and status",
    );
    for view in served {
        for (status, count) in Status::ALL.iter().zip(view.statuses) {
            let status = status.name().to_ascii_lowercase();
            text.sample(&[("feature_view", &view.view), ("status", &status)], count as f64);
        }
    }
    text.family(
        "provender_served_age_seconds",
        Type::Gauge,
        "Age of the newest row that was served of a view",
    );
    let now = Timestamp::now();
    for view in served {
        if let Some(newest) = view.newest {
            let age = now.0.saturating_sub(newest.0) as f64 / SECOND as f64;
            text.sample(&[("feature_view", &view.view)], age.max(0.0));
        }
    }
}
