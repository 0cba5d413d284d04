//! Blocking work beside asynchronous work.

use arrow_array::RecordBatch;
use futures::stream;
use provender_core::{BatchStream, Error, Result};
use std::thread::available_parallelism;
use tokio::sync::mpsc;

/// Batches that may wait to be taken.
const AHEAD: usize = 2;

/// Threads that the machine runs at once.
pub(super) fn available() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Runs blocking work on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::internal("a reading thread failed").because(error)),
    }
}

/// The batches of an iterator; dropping the stream stops the iterator at its next batch.
pub(super) fn stream_of(batches: impl Iterator<Item = Result<RecordBatch>> + Send + 'static) -> BatchStream {
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        for batch in batches {
            if sender.blocking_send(batch).is_err() {
                break;
            }
        }
    });
    Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context)))
}
