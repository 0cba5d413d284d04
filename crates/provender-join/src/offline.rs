//! The joins and windows of this crate as the answers of an offline store: blocking work on threads of its own, iterators as streams.

use crate::historical::HistoricalJoin;
use crate::window::Window;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream;
use provender_core::offline::{Explain, RangeScan, RetrievalJob, Retrieved};
use provender_core::{BatchStream, Error, Result};
use tokio::sync::mpsc;

/// Batches that may wait to be taken.
const AHEAD: usize = 2;

/// Runs blocking work on a thread of its own.
///
/// # Errors
/// Those of the work; `Internal` if it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::internal("a reading thread failed").because(error)),
    }
}

/// The batches of an iterator, which runs on a thread of its own and stays a few of them ahead; dropping the stream stops it at its next batch.
pub fn stream_of(batches: impl Iterator<Item = Result<RecordBatch>> + Send + 'static) -> BatchStream {
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

/// A join that is prepared by `open`.
///
/// # Errors
/// Those of `open`.
pub async fn historical(
    open: impl FnOnce() -> Result<HistoricalJoin> + Send + 'static,
) -> Result<Box<dyn RetrievalJob>> {
    Ok(Box::new(Job(blocking(open).await?)))
}

/// The newest rows of each key in the window that `open` prepares.
///
/// # Errors
/// Those of `open` and of [`Window::latest`].
pub async fn latest(open: impl FnOnce() -> Result<Window> + Send + 'static) -> Result<RangeScan> {
    let window = blocking(open).await?;
    let (schema, counters, threads) = (window.schema().clone(), window.counters(), window.threads());
    let latest = blocking(move || window.latest(threads)).await?;
    counters.expect(latest.keys() as u64);
    Ok(RangeScan { schema, batches: stream_of(latest), counters })
}

/// All rows of the window that `open` prepares.
///
/// # Errors
/// Those of `open`.
pub async fn range(open: impl FnOnce() -> Result<Window> + Send + 'static) -> Result<RangeScan> {
    let window = blocking(open).await?;
    let (schema, counters, threads) = (window.schema().clone(), window.counters(), window.threads());
    Ok(RangeScan { schema, batches: stream_of(window.range(threads)), counters })
}

#[derive(Debug)]
struct Job(HistoricalJoin);

#[async_trait]
impl RetrievalJob for Job {
    fn schema(&self) -> SchemaRef {
        self.0.schema().clone()
    }

    async fn explain(&self) -> Result<Explain> {
        Ok(self.0.explain())
    }

    async fn run(self: Box<Self>) -> Result<Retrieved> {
        let joined = blocking(move || self.0.run()).await?;
        let (report, audit) = (joined.report().clone(), joined.audit());
        Ok(Retrieved { batches: stream_of(joined), report, audit: Some(audit) })
    }
}
