//! The socket: listening, connections, and an end that loses nothing.

use crate::app::{App, routes};
use crate::config::ServerConfig;
use crate::jobs::Phase;
use crate::patience::Patient;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use provender_core::{Error, Kind, Result};
use provender_engine::FeatureStore;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// How long work that was cut off may take to reach a safe point.
const SAFE_POINT: Duration = Duration::from_secs(5);
/// Pause after the system refused a connection, as for want of file descriptors.
const REFUSED: Duration = Duration::from_millis(100);

/// Serves a store over HTTP until `shutdown` is ready, then as [`Server::run`] says.
///
/// # Errors
/// As [`Server::bind`].
pub async fn serve(
    store: Arc<FeatureStore>,
    config: ServerConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    Server::bind(store, config).await?.run(shutdown).await;
    Ok(())
}

/// A server that listens.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    config: ServerConfig,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts to listen. Connections wait in the kernel's queue until [`Server::run`].
    ///
    /// # Errors
    /// `Invalid` for a host that is not one of this machine's, `Conflict` for a port in use, `Denied` for one that is reserved.
    pub async fn bind(store: Arc<FeatureStore>, config: ServerConfig) -> Result<Self> {
        let listener = listen(&config.host, config.port).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::internal("cannot tell the address that is listened on").because(error))?;
        Ok(Self { app: App::new(store, &config), listener, address, config })
    }

    /// The address that is listened on, with the port that was taken for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` is ready. Then takes no more, asks materializations in the background to stop, and waits for requests in
    /// flight. What is not done when the drain limit is over is cut off: reads at once, writes at their next safe point.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let refreshing = tokio::spawn(refresh(Arc::clone(&self.app), self.config.registry_ttl));
        self.accept(shutdown).await;
        drop(self.listener);
        let jobs = &self.app.jobs;
        jobs.turn(Phase::Draining);
        if timeout(self.config.limits.drain, jobs.done()).await.is_err() {
            tracing::warn!("requests in flight are cut off after {:?}", self.config.limits.drain);
            jobs.turn(Phase::Closing);
            if timeout(SAFE_POINT, jobs.done()).await.is_err() {
                tracing::warn!("work in the background did not stop within {SAFE_POINT:?}");
            }
        }
        refreshing.abort();
    }

    async fn accept(&self, shutdown: impl Future<Output = ()>) {
        let router = routes(Arc::clone(&self.app));
        let places = Arc::new(Semaphore::new(self.config.limits.connections.min(Semaphore::MAX_PERMITS)));
        let mut shutdown = pin!(shutdown);
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = &mut shutdown => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, client)) => {
                    let connection =
                        Connection { app: Arc::clone(&self.app), router: router.clone(), client };
                    let phase = self.app.jobs.subscribe();
                    tokio::spawn(async move {
                        connection.serve(stream, phase).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    sleep(REFUSED).await;
                }
            }
        }
    }
}

/// One client's connection.
struct Connection {
    app: Arc<App>,
    router: Router,
    client: SocketAddr,
}

impl Connection {
    async fn serve(self, stream: TcpStream, mut phase: watch::Receiver<Phase>) {
        // answers are written whole, so waiting to fill packets gains nothing; and without it they are right all the same
        let _ = stream.set_nodelay(true);
        let patience = self.app.limits.client;
        let (client, log) = (self.client, self.app.access_log);
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            if log {
                request.extensions_mut().insert(ConnectInfo(client));
            }
            router.call(request)
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(patience)
                .serve_connection(TokioIo::new(Patient::new(stream, patience)), service)
        );
        loop {
            tokio::select! {
                end = connection.as_mut() => {
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
            }
        }
    }
}

/// Reads the registry at once, so that the first request need not, then every so often.
async fn refresh(app: Arc<App>, every: Duration) {
    loop {
        let read = app.store.refresh().await;
        app.metrics.refreshed(read.is_ok());
        match read {
            Ok(true) => tracing::debug!("the registry was read"),
            Ok(false) => {}
            Err(error) => tracing::warn!("cannot read the registry: {}", error.report()),
        }
        if every.is_zero() {
            return;
        }
        sleep(every).await;
    }
}

async fn listen(host: &str, port: u16) -> Result<TcpListener> {
    let name = format!("{host}:{port}");
    let addresses: Vec<SocketAddr> = lookup_host((host, port))
        .await
        .map_err(|error| {
            Error::invalid("cannot find the host to listen on")
                .with("host", host)
                .with("expected", "an address or name of this machine, such as 127.0.0.1 or 0.0.0.0")
                .because(error)
        })?
        .collect();
    TcpListener::bind(&*addresses).await.map_err(|error| {
        let (kind, message, hint) = match error.kind() {
            io::ErrorKind::AddrInUse => {
                (Kind::Conflict, "the port is in use", "stop the other process, or choose another port")
            }
            io::ErrorKind::PermissionDenied => {
                (Kind::Denied, "may not listen on the port", "choose a port above 1023")
            }
            io::ErrorKind::AddrNotAvailable => (
                Kind::Invalid,
                "the host is not an address of this machine",
                "listen on 127.0.0.1 or 0.0.0.0",
            ),
            _ => (Kind::Unavailable, "cannot listen", "see the cause"),
        };
        Error::new(kind, message).with("address", name).with("hint", hint).because(error)
    })
}
