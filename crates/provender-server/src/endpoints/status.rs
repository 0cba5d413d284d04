//! What says how the server is, and what it offers.

use crate::answers;
use crate::app::App;
use crate::metrics::Moment;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures::FutureExt;
use std::sync::Arc;
use tokio::time::timeout;

/// 200 once the registry has been read, and as long as requests can be answered from what was read; 503 before.
pub(super) async fn health(State(app): State<Arc<App>>) -> Response {
    match timeout(app.limits.answer, app.store.cached_snapshot()).await {
        Ok(Ok(_)) => answers::empty(StatusCode::OK),
        _ => answers::empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    // a registry that is not at hand at once is left out, not waited for
    let registry = app.store.cached_snapshot().now_or_never().and_then(Result::ok);
    let moment = Moment {
        project: app.store.project(),
        registry,
        served: app.store.served_views(),
        reading: app.reading(),
    };
    let text = app.metrics.render(&moment);
    answers::typed(StatusCode::OK, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"), text)
}

pub(super) async fn openapi() -> Response {
    answers::json(StatusCode::OK, include_str!("../../openapi.json"))
}
