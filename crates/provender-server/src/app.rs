//! What all requests share, and the routes.

use crate::answers;
use crate::body::{self, Held};
use crate::config::{Limits, ServerConfig};
use crate::endpoints::Endpoint;
use crate::failure::Failure;
use crate::grpc::{self, Grpc};
use crate::guard::{self, REQUEST_ID};
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use provender_core::{Progress, RequestContext};
use provender_engine::FeatureStore;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// What all requests share.
pub(crate) struct App {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) limits: Limits,
    pub(crate) access_log: bool,
    pub(crate) metrics: Metrics,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) in_flight: Semaphore,
    room: Semaphore,
    caller: Arc<str>,
}

impl App {
    pub(crate) fn new(store: Arc<FeatureStore>, config: &ServerConfig) -> Arc<Self> {
        Arc::new(Self {
            store,
            limits: config.limits.clone(),
            access_log: config.access_log,
            metrics: Metrics::new(),
            jobs: Arc::new(Jobs::new()),
            in_flight: Semaphore::new(config.limits.in_flight.min(Semaphore::MAX_PERMITS)),
            room: body::room(&config.limits),
            caller: "http".into(),
        })
    }

    /// Reads the body of a request.
    pub(crate) async fn body(&self, request: Request) -> Result<Held<'_>, Failure> {
        body::read(request.into_body(), &self.limits, &self.room).await
    }

    /// The context of work that a client waits for.
    pub(crate) fn context(&self, headers: &HeaderMap) -> RequestContext {
        RequestContext {
            deadline: Some(Instant::now() + self.limits.answer),
            caller: Arc::clone(&self.caller),
            trace: headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(Arc::from),
            cancel: self.jobs.cancel(false),
            progress: Progress::default(),
        }
    }
}

/// The server's answers without its socket: for tests, and for programs that have a server of their own. Connection limits, draining and the
/// reading of the registry in the background belong to [`crate::Server`].
pub fn router(store: Arc<FeatureStore>, config: &ServerConfig) -> Router {
    let app = App::new(store, config);
    let grpc = Grpc::new(Arc::clone(&app));
    routes(app).layer(from_fn_with_state(grpc, divert))
}

/// Calls of gRPC are answered beside the routes, as [`crate::Server`] answers them.
async fn divert(State(grpc): State<Grpc>, request: Request, next: Next) -> Response {
    if grpc::is_grpc(request.headers()) { grpc.answer(request).await } else { next.run(request).await }
}

pub(crate) fn routes(app: Arc<App>) -> Router {
    let routes = Endpoint::ALL.iter().filter_map(|endpoint| Some((endpoint.path(), endpoint.handler()?)));
    routes
        .fold(Router::new(), |router, (path, handler)| router.route(path, handler))
        .method_not_allowed_fallback(|| async {
            answers::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
        })
        .fallback(|| async { answers::detail(StatusCode::NOT_FOUND, "Not Found") })
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}
