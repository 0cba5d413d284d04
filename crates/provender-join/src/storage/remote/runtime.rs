//! The runtime that all requests to object stores run on.
//!
//! It is one for the process and apart from whoever asks: connections outlive the caller's runtime, and no decoding of rows holds up a request.

use provender_core::{Error, Result};
use std::sync::{LazyLock, mpsc};
use tokio::runtime::{Builder, Runtime};

/// Threads that move bytes; requests wait without one.
const THREADS: usize = 2;

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(THREADS).thread_name("object-stores").enable_all().build()
});

fn runtime() -> Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|e| Error::unavailable("no threads for object stores").because(e.to_string()))
}

/// Starts a request; its outcome comes through the channel.
pub(super) fn start<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<mpsc::Receiver<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // Whoever no longer waits has no use for the outcome.
    runtime()?.spawn(async move { drop(sender.send(work.await)) });
    Ok(receiver)
}

/// Makes a request and blocks this thread until it is done.
pub(super) fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    start(work)?.recv().map_err(cut_off)
}

/// Makes a request from another runtime.
pub(in crate::storage) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    runtime()?.spawn(work).await.map_err(cut_off)?
}

fn cut_off(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("a request was cut off").because(error)
}
