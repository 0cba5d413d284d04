//! The socket: listening, connections, and an end that loses nothing.

use crate::app::App;
use crate::config::ServerConfig;
use crate::jobs::Phase;
use crate::workers::{Accepted, Workers};
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
    workers: Workers,
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
    /// Starts to listen, and the workers. Connections wait in the kernel's queue until [`Server::run`].
    ///
    /// # Errors
    /// `Invalid` for a host that is not one of this machine's, `Conflict` for a port in use, `Denied` for one that is reserved, `Unavailable` if the
    /// workers cannot be started.
    pub async fn bind(store: Arc<FeatureStore>, config: ServerConfig) -> Result<Self> {
        let listener = listen(&config.host, config.port).await?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::internal("cannot tell the address that is listened on").because(error))?;
        let app = App::new(store, &config);
        let workers = Workers::start(config.workers(), &app)?;
        Ok(Self { app, listener, address, workers, config })
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
        self.workers.stop().await;
    }

    async fn accept(&self, shutdown: impl Future<Output = ()>) {
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
            // the semaphore is never closed
            let Ok(place) = place else { return };
            match accepted.and_then(|(stream, client)| self.deal(stream, client, place)) {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    sleep(REFUSED).await;
                }
            }
        }
    }

    /// Hands a connection over to a worker, whose runtime watches it from then on.
    fn deal(&self, stream: TcpStream, client: SocketAddr, place: OwnedSemaphorePermit) -> io::Result<()> {
        let phase = self.app.jobs.subscribe();
        self.workers.deal(Accepted { stream: stream.into_std()?, client, phase, place });
        tracing::trace!(open = ?self.workers.open(), "connection accepted");
        Ok(())
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
