//! The endpoints: paths, methods and handlers.

mod arrow;
mod materialize;
pub(crate) mod online;
mod status;
pub(crate) mod write;

use crate::app::App;
use crate::failure::Failure;
use crate::fields::Problem;
use axum::http::{HeaderMap, header};
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// Every path that the server answers, and all others together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Online,
    Push,
    Write,
    Materialize,
    MaterializeIncremental,
    Health,
    Metrics,
    OpenApi,
    Other,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 9] = [
        Self::Online,
        Self::Push,
        Self::Write,
        Self::Materialize,
        Self::MaterializeIncremental,
        Self::Health,
        Self::Metrics,
        Self::OpenApi,
        Self::Other,
    ];

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Online => "/get-online-features",
            Self::Push => "/push",
            Self::Write => "/write-to-online-store",
            Self::Materialize => "/materialize",
            Self::MaterializeIncremental => "/materialize-incremental",
            Self::Health => "/health",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi.json",
            Self::Other => "other",
        }
    }

    pub(crate) fn of(path: &str) -> Self {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path).unwrap_or(Self::Other)
    }

    /// Whether it does work that is limited; the others answer at any time.
    pub(crate) fn works(self) -> bool {
        !matches!(self, Self::Health | Self::Metrics | Self::OpenApi | Self::Other)
    }

    pub(crate) fn handler(self) -> Option<MethodRouter<Arc<App>>> {
        Some(match self {
            Self::Online => post(online::features),
            Self::Push => post(write::push),
            Self::Write => post(write::write),
            Self::Materialize => post(materialize::between),
            Self::MaterializeIncremental => post(materialize::incremental),
            Self::Health => get(status::health),
            Self::Metrics => get(status::metrics),
            Self::OpenApi => get(status::openapi),
            Self::Other => return None,
        })
    }
}

/// What changes something must be declared as JSON: a browser sends that only to servers that allowed it, so no web page can push or materialize
/// through the browser of whoever visits it.
fn declared_as_json(headers: &HeaderMap) -> Result<(), Failure> {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        Ok(())
    } else {
        Err(Failure::Form(vec![Problem::undeclared()]))
    }
}
