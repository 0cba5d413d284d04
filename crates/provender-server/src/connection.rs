//! One client's connection: HTTP/1.1, or HTTP/2 by its preface.

use crate::dispatch::Dispatch;
use crate::jobs::Phase;
use crate::patience::Patient;
use crate::pieces::{Pending, Pieces};
use axum::BoxError;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Most bytes that a connection holds of headers, or of a body that is not read yet.
const BUFFER: usize = 64 << 10;
/// Requests at once on one connection of HTTP/2, for each of which an answer may wait to be taken in.
const STREAMS: u32 = 128;

/// One client's connection.
pub(crate) struct Connection {
    pub(crate) dispatch: Arc<Dispatch>,
    pub(crate) client: SocketAddr,
}

impl Connection {
    /// Answers requests until the client goes or the server ends.
    pub(crate) async fn serve(self, stream: TcpStream, mut phase: watch::Receiver<Phase>) {
        // answers are written whole, so waiting to fill packets gains nothing; and without it they are right all the same
        let _ = stream.set_nodelay(true);
        let patience = self.dispatch.app().limits.client;
        let (client, pending) = (self.client, Arc::<Pending>::default());
        let service = service_fn(|request| self.answer(request, Arc::clone(&pending)));
        let stream = Patient::new(stream, patience);
        let builder = protocols(patience);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream.clone()), service));
        let mut look = pin!(sleep(patience));
        loop {
            tokio::select! {
                biased;
                end = served(connection.as_mut(), &stream) => {
                    if let Err(error) = end {
                        tracing::debug!(%client, "connection ended: {error}");
                    }
                    return;
                }
                _ = phase.changed() => match *phase.borrow_and_update() {
                    Phase::Serving => {}
                    Phase::Draining => connection.as_mut().graceful_shutdown(),
                    Phase::Closing => return,
                },
                () = look.as_mut() => match next_look(&pending, patience) {
                    Some(next) => look.as_mut().reset(next),
                    None => {
                        tracing::debug!(%client, "connection given up: an answer is not taken in");
                        return;
                    }
                }
            }
        }
    }

    /// Answers a request; the future is one of the connection's, or of HTTP/2's streams.
    fn answer(
        &self,
        mut request: Request<Incoming>,
        pending: Arc<Pending>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<> {
        let dispatch = Arc::clone(&self.dispatch);
        if dispatch.app().access_log {
            request.extensions_mut().insert(ConnectInfo(self.client));
        }
        let in_pieces = request.version() == Version::HTTP_2;
        // boxed, since HTTP/2 moves a stream's future about before it runs
        Box::pin(async move {
            let response = dispatch.answer(request).await;
            Ok(match in_pieces {
                true => response.map(|body| Body::new(Pieces::new(body, pending))),
                false => response,
            })
        })
    }
}

/// Waits for the end of a connection. Whenever it has done what it can for now, all that it has written is sent.
async fn served(
    mut connection: Pin<&mut impl Future<Output = Result<(), BoxError>>>,
    stream: &Patient<TcpStream>,
) -> Result<(), BoxError> {
    poll_fn(|context| {
        let end = connection.as_mut().poll(context);
        match stream.poll_send(context) {
            Poll::Ready(Err(error)) if end.is_pending() => Poll::Ready(Err(error.into())),
            _ => end,
        }
    })
    .await
}

/// When to look again whether answers are taken in; `None` if one was not for too long.
fn next_look(pending: &Pending, patience: Duration) -> Option<Instant> {
    let now = Instant::now();
    let end = pending.oldest().map_or(now, Instant::from_std) + patience;
    (end > now).then_some(end)
}

fn protocols(patience: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(BUFFER as u32)
        // a peer that is gone is found out; one that only idles costs a place
        .keep_alive_interval(patience)
        .keep_alive_timeout(patience);
    builder
}
