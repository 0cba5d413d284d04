//! What surrounds every request: its identifier, the limit on requests in flight, panics, metrics and the access log.

use crate::answers;
use crate::app::App;
use crate::endpoints::Endpoint;
use crate::trace::{self, TracedCall};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::any::Any;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tonic::Code;

/// Header that names a request: the client's if it sends one, else ours.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST_ID: usize = 128;

pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    around(&app, request, |request| next.run(request)).await
}

/// Answers a request by `work`, within the limits, whatever happens.
pub(crate) async fn around<B, F>(
    app: &App,
    mut request: http::Request<B>,
    work: impl FnOnce(http::Request<B>) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let started = Instant::now();
    let endpoint = Endpoint::of(request.uri().path());
    let id = identify(request.headers());
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let line = app.is_logging().then(|| Line::of(&request));
    let in_flight = app.metrics.enter();
    let (begun, method) = (app.traced(endpoint.works(), request.headers()), request.method().clone());
    let work = pin!(async {
        match app.admit(endpoint.works()) {
            Err(busy) => busy.into_response(),
            Ok(_permit) => match AssertUnwindSafe(work(request)).catch_unwind().await {
                Ok(response) => response,
                Err(panic) => recover(panic.as_ref(), &id),
            },
        }
    });
    let call = |response: &Response| TracedCall::Http {
        method: method.as_str().to_owned(),
        path: endpoint.path(),
        status: response.status().as_u16(),
    };
    let mut response = trace::traced(begun, work, call).await;
    drop(in_flight);
    let elapsed = started.elapsed();
    app.metrics.answered(endpoint, response.status(), elapsed);
    if let Some(line) = line {
        line.log(response.status(), None, elapsed, &id);
    }
    tell_id(&mut response, &id);
    response
}

/// Tells the client by what the request is known. HTTP/2 would keep it among the headers that may come again, which this never does.
pub(crate) fn tell_id(response: &mut Response, id: &HeaderValue) {
    let mut id = id.clone();
    id.set_sensitive(true);
    response.headers_mut().insert(REQUEST_ID, id);
}

/// The client's identifier if it is short and harmless in a log, else a new one.
pub(crate) fn identify(headers: &HeaderMap) -> HeaderValue {
    let harmless = |id: &&HeaderValue| {
        (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    headers.get(REQUEST_ID).filter(harmless).cloned().unwrap_or_else(new_id)
}

/// Unique in the process, and with all likelihood among processes: 16 hexadecimal digits of the process, and 16 of the request.
fn new_id() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut id = [b'-'; 33];
    put_hex(*PROCESS, &mut id[..16]);
    put_hex(COUNT.fetch_add(1, Ordering::Relaxed), &mut id[17..]);
    HeaderValue::from_bytes(&id).unwrap_or(HeaderValue::from_static("unknown"))
}

fn put_hex(number: u64, digits: &mut [u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (i, digit) in digits.iter_mut().rev().enumerate() {
        *digit = HEX[(number >> (4 * i)) as usize & 15];
    }
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
