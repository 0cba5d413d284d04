//! Which part of the server answers a request.

use crate::app::{App, routes};
use crate::endpoints::{Endpoint, online};
use crate::failure::Failure;
use crate::grpc::{self, Grpc};
use crate::guard;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::{Method, Request};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// Answers the requests of one worker: those for online features and of gRPC where they come in, all others on the runtime where the server was
/// started, since they may take long.
pub(crate) struct Dispatch {
    app: Arc<App>,
    grpc: Grpc,
    router: Router,
    home: Handle,
}

impl Dispatch {
    pub(crate) fn new(app: Arc<App>, home: Handle) -> Self {
        let (grpc, router) = (Grpc::new(Arc::clone(&app)), routes(Arc::clone(&app)));
        Self { app, grpc, router, home }
    }

    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Answers a request, whatever happens.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response {
        if grpc::is_grpc(request.headers()) {
            // boxed, since every connection has room for the largest of these futures
            return Box::pin(self.grpc.answer(request)).await;
        }
        if request.method() == Method::POST && request.uri().path() == Endpoint::Online.path() {
            return guard::around(&self.app, request, |request| online::answer(&self.app, request)).await;
        }
        Box::pin(self.elsewhere(request.map(Body::new))).await
    }

    async fn elsewhere(&self, request: Request<Body>) -> Response {
        let answered = Attended(self.home.spawn(self.router.clone().oneshot(request)));
        match answered.outcome().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            // panics are caught around the routes
            Err(_) => Failure::busy("the server is stopping").into_response(),
        }
    }
}

/// A task that ends when nobody waits for it any more.
struct Attended<T>(JoinHandle<T>);

impl<T> Attended<T> {
    async fn outcome(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for Attended<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
