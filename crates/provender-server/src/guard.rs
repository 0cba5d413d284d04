//! What surrounds every request: its identifier, the limit on requests in flight, panics, metrics and the access log.

use crate::answers;
use crate::app::App;
use crate::endpoints::Endpoint;
use crate::failure::Failure;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tonic::Code;

/// Header that names a request: the client's if it sends one, else ours.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST_ID: usize = 128;

pub(crate) async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let endpoint = Endpoint::of(request.uri().path());
    let id = identify(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let line = app.access_log.then(|| Line::of(&request));
    let in_flight = app.metrics.enter();
    let mut response = match app.in_flight.try_acquire() {
        // whether the server lives must be known above all when it has much to do
        Err(_) if endpoint.works() => Failure::busy("too many requests at once").into_response(),
        _permit => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => recover(panic.as_ref(), &id),
        },
    };
    drop(in_flight);
    let elapsed = started.elapsed();
    app.metrics.answered(endpoint, response.status(), elapsed);
    if let Some(line) = line {
        line.log(response.status(), None, elapsed, &id);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's identifier if it is short and harmless in a log, else a new one.
pub(crate) fn identify(headers: &HeaderMap) -> HeaderValue {
    let harmless = |id: &&HeaderValue| {
        (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    headers.get(REQUEST_ID).filter(harmless).cloned().unwrap_or_else(new_id)
}

/// Unique in the process, and with all likelihood among processes.
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let id = format!("{:016x}-{:x}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
}

/// What a client is told of a defect.
pub(crate) const DEFECT: &str = "Internal error; the server's log has the cause";

/// Logs a panic.
pub(crate) fn panicked(panic: &(dyn Any + Send), id: &HeaderValue) {
    let what =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(?id, "a request panicked: {}", what.unwrap_or("no message"));
}

fn recover(panic: &(dyn Any + Send), id: &HeaderValue) -> Response {
    panicked(panic, id);
    answers::json(StatusCode::INTERNAL_SERVER_ERROR, answers::quoted(DEFECT))
}

/// What the access log keeps of a request until it is answered.
pub(crate) struct Line {
    method: Method,
    path: String,
    client: Option<SocketAddr>,
}

impl Line {
    pub(crate) fn of<B>(request: &axum::http::Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            client: request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0),
        }
    }

    /// With the status of gRPC, if the request was one.
    pub(crate) fn log(&self, status: StatusCode, grpc: Option<Code>, elapsed: Duration, id: &HeaderValue) {
        tracing::info!(
            target: "provender::access",
            method = %self.method,
            path = %self.path,
            status = status.as_u16(),
            grpc = grpc.map(tracing::field::debug),
            milliseconds = elapsed.as_micros() as f64 / 1e3,
            client = self.client.map(tracing::field::display),
            request = ?id,
            "answered"
        );
    }
}
