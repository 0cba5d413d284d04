//! Writing: the rows that count, many at once, each tried again while DynamoDB is throttling.

use crate::batch::Batch;
use crate::config::WriteMode;
use crate::error::{self, Failure};
use crate::retry::within;
use crate::store::DynamodbStore;
use crate::{newest, overwrite};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use provender_core::online::{OnlineTable, OnlineWrite, WriteSummary};
use provender_core::{Error, RequestContext, Result};
use std::error::Error as StdError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a batch. What was written before a failure stays; the error says how much that is.
pub(crate) async fn write(store: &DynamodbStore, request: &OnlineWrite) -> Result<WriteSummary> {
    let batch = Batch::of(request)?;
    let winners = batch.columns.winners(store.config.write_mode == WriteMode::Newest);
    winners.iter().try_for_each(|row| batch.check(*row))?;
    let name = store.names.of(&request.table)?;
    let writing = Writing {
        store,
        table: &request.table,
        name: &name,
        batch: &batch,
        context: &request.context,
        written: AtomicU64::new(0),
    };
    let result = within(&request.context, async {
        match store.config.write_mode {
            WriteMode::Newest => newest::write(&writing, &winners).await,
            WriteMode::Overwrite => overwrite::write(&writing, &winners).await,
        }
    })
    .await;
    let written = writing.written.into_inner();
    let error = match result {
        Ok(()) => return Ok(WriteSummary { written, stale: batch.columns.len() as u64 - written }),
        Err(error) => error::about(error, (&request.table.view, &name)),
    };
    Err(error.with("rows written", format!("at least {written} of {}", winners.len())))
}

/// A write under way.
pub(crate) struct Writing<'a> {
    pub(crate) store: &'a DynamodbStore,
    pub(crate) table: &'a OnlineTable,
    /// Name of the table in DynamoDB.
    pub(crate) name: &'a str,
    pub(crate) batch: &'a Batch<'a>,
    pub(crate) context: &'a RequestContext,
    written: AtomicU64,
}

impl Writing<'_> {
    /// Counts rows that DynamoDB has taken.
    pub(crate) fn took(&self, rows: usize) {
        self.written.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// What a failure means. [`write`] adds the view.
    pub(crate) fn failed<E>(&self, failure: Failure<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        if error::is_missing(&failure) {
            return error::never_set_up(self.table, self.name).because(failure);
        }
        error::failed(failure, "write the online store")
    }
}
