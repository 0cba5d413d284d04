//! What a request leaves behind for a tracing system. It is put together from what is measured anyway, once the answer is there, and only if somebody wants it.

use axum::http::HeaderMap;
use provender_engine::FeaturesRef;
use std::cell::RefCell;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task_local;

/// Receives the traces of a server's requests. Called on the threads that serve, so it must be quick.
pub trait TraceSink: Debug + Send + Sync + 'static {
    /// A request was answered.
    fn record(&self, trace: RequestTrace);
}

/// One request, answered.
#[derive(Clone, Debug)]
pub struct RequestTrace {
    /// How it came in and what became of it.
    pub call: TracedCall,
    /// The project that was served.
    pub project: String,
    /// The header `traceparent` of W3C's Trace Context, as the client sent it.
    pub traceparent: Option<String>,
    /// The header `tracestate` beside it.
    pub tracestate: Option<String>,
    /// When it came in.
    pub started: SystemTime,
    /// When its answer was ready.
    pub ended: SystemTime,
    /// Its parts, such as `parse`, `store` and `encode`, in the order in which they ended.
    pub stages: Vec<TracedStage>,
    /// The feature service that was asked for.
    pub feature_service: Option<String>,
    /// Number of features that were asked for by a list.
    pub features: Option<usize>,
    /// Number of entity rows.
    pub rows: Option<usize>,
}

/// A request of one protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TracedCall {
    /// A request of HTTP.
    Http {
        /// Its method.
        method: String,
        /// The path of its endpoint.
        path: &'static str,
        /// Status code of the answer.
        status: u16,
    },
    /// A call of gRPC.
    Grpc {
        /// The service.
        service: &'static str,
        /// The method.
        method: &'static str,
        /// Status code of gRPC.
        code: i32,
    },
}

/// A part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedStage {
    /// Its name.
    pub name: &'static str,
    /// When it began.
    pub started: SystemTime,
    /// When it was over.
    pub ended: SystemTime,
}

/// What is noted while a request is worked on.
#[derive(Default)]
struct Notes {
    stages: Vec<TracedStage>,
    feature_service: Option<String>,
    features: Option<usize>,
    rows: Option<usize>,
}

task_local! {
    static NOTES: RefCell<Notes>;
}

/// Notes that a part of the request has just ended. Without a sink it does nothing, like the others.
pub(crate) fn stage(name: &'static str, elapsed: Duration) {
    note(|notes| {
        let ended = SystemTime::now();
        let started = ended.checked_sub(elapsed).unwrap_or(ended);
        notes.stages.push(TracedStage { name, started, ended });
    });
}

/// Notes what is asked for.
pub(crate) fn asked(features: &FeaturesRef<'_>, rows: usize) {
    note(|notes| {
        notes.rows = Some(rows);
        match features {
            FeaturesRef::List(list) => notes.features = Some(list.len()),
            FeaturesRef::Service(name) => notes.feature_service = Some(name.clone().into_owned()),
        }
    });
}

fn note(add: impl FnOnce(&mut Notes)) {
    // outside of a traced request there is nothing to add to
    let _ = NOTES.try_with(|notes| add(&mut notes.borrow_mut()));
}

/// Where traces go, and of which project they are.
#[derive(Clone, Debug)]
pub(crate) struct Tracer {
    pub(crate) sink: Arc<dyn TraceSink>,
    pub(crate) project: Arc<str>,
}

impl Tracer {
    /// A request has come in.
    pub(crate) fn begin(&self, headers: &HeaderMap) -> Begun<'_> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Begun {
            tracer: self,
            traceparent: header("traceparent"),
            tracestate: header("tracestate"),
            started: SystemTime::now(),
        }
    }
}

/// A traced request that is not answered yet.
pub(crate) struct Begun<'t> {
    tracer: &'t Tracer,
    traceparent: Option<String>,
    tracestate: Option<String>,
    started: SystemTime,
}

/// Does the work of a request; if it is traced, tells the sink what `call` makes of the answer.
pub(crate) async fn traced<T>(
    begun: Option<Begun<'_>>,
    work: Pin<&mut impl Future<Output = T>>,
    call: impl FnOnce(&T) -> TracedCall,
) -> T {
    let Some(Begun { tracer, traceparent, tracestate, started }) = begun else { return work.await };
    let (answer, notes) = NOTES
        .scope(RefCell::default(), async {
            let answer = work.await;
            (answer, NOTES.with(RefCell::take))
        })
        .await;
    let Notes { stages, feature_service, features, rows } = notes;
    tracer.sink.record(RequestTrace {
        call: call(&answer),
        project: tracer.project.to_string(),
        traceparent,
        tracestate,
        started,
        ended: SystemTime::now(),
        stages,
        feature_service,
        features,
        rows,
    });
    answer
}
