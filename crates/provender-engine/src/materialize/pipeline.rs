//! From the scan of a view to batches that are ready to write: cut to size and encoded, while earlier ones are being written.

#[cfg(test)]
mod tests;

use crate::encode::{EncodedRows, RowColumns, RowEncoder};
use arrow_array::{Array, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use futures::stream::Fuse;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use provender_core::offline::RangeScan;
use provender_core::{BatchStream, Error, Result, Timestamp};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// Cells of a batch when the configuration does not say how many rows to write at once.
const BATCH_CELLS: usize = 262_144;
/// Batches being encoded at once.
const ENCODERS: usize = 2;
/// Encoded batches that may wait for the writer.
const WAITING: usize = 2;

/// Rows a write: few for wide views, so that batches in flight stay of one size.
pub(super) fn batch_rows(features: usize) -> usize {
    (BATCH_CELLS / features.max(1)).clamp(1_024, 16_384)
}

/// How rows are prepared for the writer.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) encoder: Arc<RowEncoder>,
    pub(super) batch_rows: usize,
    /// Event time to store instead of the rows' own.
    pub(super) stamp: Option<Timestamp>,
}

/// The task that scans and encodes. It stops when this is dropped.
#[derive(Debug)]
pub(super) struct Encoding(JoinHandle<()>);

impl Drop for Encoding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Encoding {
    /// Waits for the end of the task, so that one that panicked is not taken for the end of its rows.
    pub(super) async fn finish(mut self) -> Result<()> {
        (&mut self.0).await.map_err(|e| Error::internal("encoding rows failed").because(e))
    }
}

impl Pipeline {
    /// Scans and encodes in a task of its own, as far ahead of the writer as its channel allows.
    pub(super) fn start(self, scan: RangeScan) -> (impl Stream<Item = Result<EncodedRows>> + Send, Encoding) {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let task = tokio::spawn(async move {
            let cut = Cut::new(scan.batches, scan.schema, self.batch_rows);
            let mut encoded = cut.into_stream().map(|batch| self.clone().encode(batch)).buffered(ENCODERS);
            while let Some(rows) = encoded.next().await {
                let last = rows.is_err();
                if sender.send(rows).await.is_err() || last {
                    break;
                }
            }
        });
        (stream::poll_fn(move |context| receiver.poll_recv(context)), Encoding(task))
    }

    async fn encode(self, batch: Result<RecordBatch>) -> Result<EncodedRows> {
        let batch = batch?;
        spawn_blocking(move || self.encode_now(&batch))
            .await
            .map_err(|e| Error::internal("encoding rows failed").because(e))?
    }

    /// Columns are as [`provender_core::OfflineStore::latest`] promises: keys, features, event time, created time.
    fn encode_now(&self, batch: &RecordBatch) -> Result<EncodedRows> {
        let (keys, rest) = split(batch.columns(), self.encoder.join_keys())?;
        let (features, times) = split(rest, self.encoder.table.features.len())?;
        let event = times.first().ok_or_else(missing_columns)?;
        let event = match self.stamp {
            None => Arc::clone(event),
            Some(now) => {
                Arc::new(TimestampMicrosecondArray::from_value(now.0, event.len()).with_timezone("UTC"))
            }
        };
        let created = times.get(1).cloned();
        self.encoder.encode(&RowColumns { rows: batch.num_rows(), keys, features, event, created })
    }
}

fn split<T>(columns: &[T], at: usize) -> Result<(&[T], &[T])> {
    columns.split_at_checked(at).ok_or_else(missing_columns)
}

fn missing_columns() -> Error {
    Error::internal("an offline store answered fewer columns than were asked")
}

/// Cuts a stream into batches of one size, the last one excepted.
struct Cut {
    /// Fused, because it is asked once more after its end.
    batches: Fuse<BatchStream>,
    schema: SchemaRef,
    size: usize,
    rest: Option<RecordBatch>,
}

impl Cut {
    fn new(batches: BatchStream, schema: SchemaRef, size: usize) -> Self {
        Self { batches: batches.fuse(), schema, size: size.max(1), rest: None }
    }

    fn into_stream(self) -> BatchStream {
        stream::try_unfold(self, |mut cut| async move { Ok(cut.next().await?.map(|batch| (batch, cut))) })
            .boxed()
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let (mut pieces, mut missing) = (Vec::new(), self.size);
        while missing > 0 {
            let batch = match self.rest.take() {
                Some(rest) => rest,
                None => match self.batches.try_next().await? {
                    Some(batch) => batch,
                    None => break,
                },
            };
            let rows = batch.num_rows().min(missing);
            if rows < batch.num_rows() {
                self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            if rows > 0 {
                pieces.push(batch.slice(0, rows));
            }
            missing -= rows;
        }
        match pieces.len() {
            0 => Ok(None),
            1 => Ok(pieces.pop()),
            _ => Ok(Some(concat_batches(&self.schema, &pieces)?)),
        }
    }
}
