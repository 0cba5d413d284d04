//! What all requests share, and the routes.

use crate::answers;
use crate::body::{self, Held};
use crate::config::{Limits, ServerConfig};
use crate::endpoints::Endpoint;
use crate::failure::Failure;
use crate::grpc::{self, Grpc};
use crate::guard::{self, REQUEST_ID};
use crate::jobs::Jobs;
use crate::metrics::{Metrics, Shed};
use crate::stages::Stage;
use crate::trace::{self, Begun, Tracer};
use axum::Router;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::{self, HeaderMap, HeaderName, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use provender_core::{Kind, Progress, RequestContext};
use provender_engine::{FeatureStore, OnlineAnswer, OnlineQuery};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Header by which a client says how many milliseconds it will wait.
const REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout-ms");
/// How long a read waits for a place among the reads of the store.
const TURN: Duration = Duration::from_millis(100);

/// What all requests share.
pub(crate) struct App {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) limits: Limits,
    pub(crate) access_log: bool,
    pub(crate) metrics: Metrics,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) in_flight: Semaphore,
    store_reads: Semaphore,
    room: Semaphore,
    caller: Arc<str>,
    tracer: Option<Tracer>,
}

impl App {
    pub(crate) fn new(store: Arc<FeatureStore>, config: &ServerConfig) -> Arc<Self> {
        let project = store.project().into();
        let tracer = config.traces.as_ref().map(|sink| Tracer { sink: Arc::clone(sink), project });
        Arc::new(Self {
            store,
            tracer,
            limits: config.limits.clone(),
            access_log: config.access_log,
            metrics: Metrics::new(),
            jobs: Arc::new(Jobs::new()),
            in_flight: Semaphore::new(config.limits.in_flight.min(Semaphore::MAX_PERMITS)),
            store_reads: Semaphore::new(config.limits.store_reads.min(Semaphore::MAX_PERMITS)),
            room: body::room(&config.limits),
            caller: "http".into(),
        })
    }

    /// A request has come in: what is needed to trace it, if that is wanted and it does work.
    pub(crate) fn traced(&self, works: bool, headers: &HeaderMap) -> Option<Begun<'_>> {
        self.tracer.as_ref().filter(|_| works).map(|tracer| tracer.begin(headers))
    }

    /// Whether anybody reads the access log.
    pub(crate) fn is_logging(&self) -> bool {
        self.access_log && tracing::enabled!(target: "provender::access", tracing::Level::INFO)
    }

    /// A place among the requests that are worked on. Those that do no work need none: whether the server lives must be known above all when it has
    /// much to do.
    ///
    /// # Errors
    /// 503 when there is no place.
    pub(crate) fn admit(&self, works: bool) -> Result<Option<SemaphorePermit<'_>>, Failure> {
        match self.in_flight.try_acquire() {
            Err(_) if works => {
                self.metrics.shed(Shed::InFlight);
                Err(Failure::busy("too many requests at once"))
            }
            permit => Ok(permit.ok()),
        }
    }

    /// Reads the body of a request.
    pub(crate) async fn body<B>(&self, request: http::Request<B>) -> Result<Held<'_>, Failure>
    where
        B: HttpBody<Data = Bytes>,
    {
        body::read(request.into_body(), &self.limits, &self.room).await
    }

    /// The context of work that a client waits for.
    pub(crate) fn context(&self, headers: &HeaderMap) -> RequestContext {
        RequestContext {
            deadline: Some(Instant::now() + self.patience(headers)),
            caller: Arc::clone(&self.caller),
            trace: headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(Arc::from),
            cancel: self.jobs.cancel(false),
            progress: Progress::default(),
        }
    }

    /// How long an answer is waited for: the client may say that it will not wait as long as the server would.
    fn patience(&self, headers: &HeaderMap) -> Duration {
        let asked = headers.get(REQUEST_TIMEOUT).and_then(|value| value.to_str().ok()?.parse().ok());
        asked.map_or(self.limits.answer, |milliseconds| {
            self.limits.answer.min(Duration::from_millis(milliseconds))
        })
    }

    /// Reads online features, as one of a bounded number of reads.
    ///
    /// # Errors
    /// 503 when too many reads are waited for; else what the engine says.
    pub(crate) async fn online(&self, query: OnlineQuery<'_>) -> Result<OnlineAnswer, Failure> {
        let rows = query.entities.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
        self.metrics.online(rows);
        trace::asked(&query.features, rows);
        let _turn = self.turn().await?;
        let deadline = query.context.deadline;
        let begun = Instant::now();
        self.store.online(query).await.map_err(|error| {
            if error.kind() == Kind::Unavailable {
                trace::stage(Stage::Store.name(), begun.elapsed());
            }
            let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            self.metrics.failed(error.kind(), is_late);
            if is_late && error.kind() == Kind::Unavailable && error.get("limit").is_none() {
                error.with("limit", format!("{:?}", self.limits.answer)).into()
            } else {
                error.into()
            }
        })
    }

    /// A place among the reads of the store; one that is not free at once often is in a moment.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        if let Ok(turn) = self.store_reads.try_acquire() {
            return Ok(turn);
        }
        match timeout(TURN, self.store_reads.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => {
                self.metrics.shed(Shed::StoreReads);
                Err(Failure::busy("too many reads of the online store at once"))
            }
        }
    }

    /// Reads of the store that are waited for.
    pub(crate) fn reading(&self) -> usize {
        self.limits.store_reads.saturating_sub(self.store_reads.available_permits())
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
    if grpc::is_grpc(request.headers()) {
        Box::pin(grpc.answer(request)).await
    } else {
        next.run(request).await
    }
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
