//! gRPC: Feast's `GrpcFeatureServer` and `feast.serving.ServingService`, and the services by which clients ask about a server.
//!
//! The calls of Feast's services are one message in and one out, so they share the path of HTTP's requests: a body within the same bounds, bytes of the
//! answer written once, with their frame in front. Health and reflection are tonic's.

mod deadline;
mod health;
mod method;
mod online;
mod reflection;
mod status;
mod unary;
mod write;

pub(crate) use method::Method;

use crate::app::App;
use crate::guard::{self, DEFECT, Line, REQUEST_ID};
use crate::trace::{self, TracedCall};
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use deadline::Deadline;
use futures::FutureExt;
use provender_core::value::wire::put_bytes;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service;

/// Whether a request is gRPC's, with messages of protobuf.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let kind = declared.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind == b"application/grpc" || kind == b"application/grpc+proto"
}

/// Answers requests of gRPC.
#[derive(Clone)]
pub(crate) struct Grpc {
    app: Arc<App>,
    /// Health and reflection, and the refusal of what is not there.
    others: Routes,
}

impl Grpc {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let routes = Routes::new(health::service(Arc::clone(&app)));
        Self { app, others: reflection::add(routes).prepare() }
    }

    /// Answers a request, whatever happens.
    pub(crate) async fn answer<B>(&self, mut request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let started = Instant::now();
        let method = Method::of(request.uri().path());
        let id = guard::identify(request.headers());
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let line = self.app.is_logging().then(|| Line::of(&request));
        let in_flight = self.app.metrics.enter();
        let begun = self.app.traced(method.works(), request.headers());
        let work = pin!(async {
            match self.app.admit(method.works()) {
                Err(busy) => unary::refuse(status::of(busy)),
                Ok(_permit) => match AssertUnwindSafe(self.dispatch(method, request)).catch_unwind().await {
                    Ok(response) => response,
                    Err(panic) => {
                        guard::panicked(panic.as_ref(), &id);
                        unary::refuse(Status::internal(DEFECT))
                    }
                },
            }
        });
        let call = |response: &Response<Body>| {
            let (service, method) = method.names();
            TracedCall::Grpc { service, method, code: code(response).into() }
        };
        let mut response = trace::traced(begun, work, call).await;
        drop(in_flight);
        let (code, elapsed) = (code(&response), started.elapsed());
        self.app.metrics.called(method, code, elapsed);
        if let Some(line) = line {
            line.log(StatusCode::OK, Some(code), elapsed, &id);
        }
        guard::tell_id(&mut response, &id);
        response
    }

    async fn dispatch<B>(&self, method: Method, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        if !method.is_unary() {
            let answered: Result<_, Infallible> = Box::pin(self.others.clone().call(request)).await;
            return match answered {
                Ok(response) => response.map(Body::new),
                Err(never) => match never {},
            };
        }
        match self.call(method, request).await {
            Ok(frame) => unary::respond(frame),
            Err(status) => unary::refuse(status),
        }
    }

    /// Runs a method of Feast's services; answers the frame of its message.
    async fn call<B>(&self, method: Method, request: Request<B>) -> Result<Vec<u8>, Status>
    where
        B: HttpBody<Data = Bytes>,
    {
        let app = &self.app;
        let deadline = Deadline::of(request.headers(), app.limits.answer)?;
        let context = app.context(request.headers());
        let work = pin!(async {
            let body = app.body(request).await.map_err(status::of)?;
            let message = unary::message(&body)?;
            // all but the call that is made all the time are boxed, since every call has room for the largest
            match method {
                Method::Push => Box::pin(write::push(app, context, message)).await,
                Method::Write => Box::pin(write::write(app, context, message)).await,
                Method::Info => unary::frame(|out| put_bytes(out, 1, env!("CARGO_PKG_VERSION").as_bytes())),
                _ => {
                    let at = context.deadline.map_or(deadline.at, |at| at.min(deadline.at));
                    online::features(app, context.until(at), message).await
                }
            }
        });
        deadline.hold(work).await
    }
}

/// The status in the headers of a response. One that has it in its trailers has a message before it, and so was well, as far as this can be known yet.
fn code(response: &Response<Body>) -> Code {
    let status = response.headers().get(Status::GRPC_STATUS);
    status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()))
}

#[cfg(test)]
mod tests;
