//! Threads that serve connections, each on a runtime of its own, so that a request never moves from one processor to another.

use crate::app::App;
use crate::connection::Connection;
use crate::dispatch::Dispatch;
use crate::jobs::Phase;
use provender_core::{Error, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

/// All worker threads of a server.
pub(crate) struct Workers(Vec<Worker>);

struct Worker {
    connections: mpsc::UnboundedSender<Accepted>,
    open: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// A connection that was accepted, and what it holds until its end.
pub(crate) struct Accepted {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) client: SocketAddr,
    /// Follows the end of the server, which waits for it.
    pub(crate) phase: watch::Receiver<Phase>,
    /// Its place among all connections.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Workers {
    /// Starts threads that wait for connections; work that must not hold them up goes to the runtime that this is called on.
    ///
    /// # Errors
    /// `Unavailable` if the system gives no more threads or descriptors.
    pub(crate) fn start(count: usize, app: &Arc<App>) -> Result<Self> {
        let home = Handle::current();
        (0..count.max(1)).map(|number| Worker::start(number, app, &home)).collect::<Result<_>>().map(Self)
    }

    /// Gives a connection to the worker that has the fewest.
    pub(crate) fn deal(&self, accepted: Accepted) {
        let Some(worker) = self.0.iter().min_by_key(|worker| worker.open.load(Ordering::Relaxed)) else {
            return;
        };
        worker.open.fetch_add(1, Ordering::Relaxed);
        if worker.connections.send(accepted).is_err() {
            tracing::error!("a worker has ended; its connection is closed");
        }
    }

    /// How many connections each worker has.
    pub(crate) fn open(&self) -> Vec<usize> {
        self.0.iter().map(|worker| worker.open.load(Ordering::Relaxed)).collect()
    }

    /// Ends the threads, with whatever they still serve, and waits for that.
    pub(crate) async fn stop(self) {
        let threads: Vec<_> = self.0.into_iter().map(|worker| worker.thread).collect();
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().try_for_each(JoinHandle::join)).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("a worker ended by a panic");
        }
    }
}

impl Worker {
    fn start(number: usize, app: &Arc<App>, home: &Handle) -> Result<Self> {
        let cannot = |error| Error::unavailable("cannot start a worker of the server").because(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let dispatch = Dispatch::new(Arc::clone(app), home.clone());
        let open = Arc::new(AtomicUsize::new(0));
        let (connections, accepted) = mpsc::unbounded_channel();
        let name = format!("serve-{number}");
        let thread = thread::Builder::new()
            .name(name)
            .spawn({
                let open = Arc::clone(&open);
                move || work(runtime, dispatch, accepted, &open)
            })
            .map_err(cannot)?;
        Ok(Self { connections, open, thread })
    }
}

/// Serves connections until no more can come; those that are left then end with the runtime.
fn work(
    runtime: Runtime,
    dispatch: Dispatch,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
    open: &Arc<AtomicUsize>,
) {
    let dispatch = Arc::new(dispatch);
    runtime.block_on(async {
        while let Some(accepted) = accepted.recv().await {
            let Accepted { stream, client, phase, place } = accepted;
            let one = Open(Arc::clone(open));
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    let connection = Connection { dispatch: Arc::clone(&dispatch), client };
                    tokio::spawn(async move {
                        connection.serve(stream, phase).await;
                        drop((one, place));
                    });
                }
                Err(error) => tracing::warn!(%client, "cannot serve a connection: {error}"),
            }
        }
    });
    // calls of stores that block may still run; nobody waits for their answers any more
    runtime.shutdown_background();
}

/// Counts a connection as open until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;
    use provender_core::config::RepoConfig;
    use provender_core::memory::MemoryRegistry;
    use provender_engine::FeatureStore;
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

    fn app() -> Arc<App> {
        let text = "project: shop\nregistry: r.db\nprovider: local\nentity_key_serialization_version: 3\nonline_store: null\n";
        let config = RepoConfig::parse(text, "feature_store.yaml".as_ref(), ".".into(), &|_| None).unwrap();
        let store = FeatureStore::new(config, Arc::new(MemoryRegistry::new()), Vec::new(), None);
        App::new(Arc::new(store), &ServerConfig::default())
    }

    #[tokio::test]
    async fn connection_goes_to_the_worker_with_the_fewest() {
        let app = app();
        let workers = Workers::start(3, &app).unwrap();
        let (listener, places) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(Semaphore::new(9)));
        let connect = async || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, address) = listener.accept().await.unwrap();
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let phase = app.jobs.subscribe();
            workers.deal(Accepted { stream: stream.into_std().unwrap(), client: address, phase, place });
            client
        };
        let mut clients = Vec::new();
        for open in [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1], [2, 2, 1]] {
            clients.push(connect().await);
            assert_eq!(workers.open(), open);
        }
        // the first connection ends, and with it its place
        drop(clients.remove(0));
        while workers.open() != [1, 2, 1] {
            yield_now().await;
        }
        clients.push(connect().await);
        assert_eq!(workers.open(), [2, 2, 1]);
        clients.push(connect().await);
        assert_eq!(workers.open(), [2, 2, 2]);
        workers.stop().await;
        assert_eq!(places.available_permits(), 9, "the end of the workers ends their connections");
    }
}
