//! `write_mode: overwrite`: as Feast writes, 25 items a request, the last write stays.

use crate::error::is_throttled;
use crate::retry::Backoff;
use crate::write::Writing;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use provender_core::{Error, Result};

/// Items that DynamoDB takes in one request.
const ITEMS: usize = 25;

/// Writes rows, some requests at once.
pub(crate) async fn write(writing: &Writing<'_>, rows: &[usize]) -> Result<()> {
    let some = |first: usize| write_some(writing, &rows[first..rows.len().min(first + ITEMS)]);
    let requests = stream::iter((0..rows.len()).step_by(ITEMS).map(some));
    requests.buffer_unordered(writing.store.config.max_pool_connections).try_collect().await
}

async fn write_some(writing: &Writing<'_>, rows: &[usize]) -> Result<()> {
    let mut left = rows.iter().map(|row| put(writing, *row)).collect::<Result<Vec<_>>>()?;
    let mut backoff = Backoff::new(writing.context);
    loop {
        let before = left.len();
        left = send(writing, left).await?;
        writing.took(before - left.len());
        if left.is_empty() {
            return Ok(());
        }
        backoff.pause(left.len() < before).await?;
    }
}

/// Sends one request; returns what DynamoDB left undone.
async fn send(writing: &Writing<'_>, puts: Vec<WriteRequest>) -> Result<Vec<WriteRequest>> {
    let _slot = writing.store.slot().await?;
    let request = writing.store.client.batch_write_item().request_items(writing.name, puts.clone());
    match request.send().await {
        Ok(answer) => {
            let left = answer.unprocessed_items.unwrap_or_default().remove(writing.name).unwrap_or_default();
            if left.len() <= puts.len() {
                Ok(left)
            } else {
                Err(Error::internal("DynamoDB left more than it was given"))
            }
        }
        Err(failure) if is_throttled(&failure) => Ok(puts),
        Err(failure) => Err(writing.failed(failure)),
    }
}

fn put(writing: &Writing<'_>, row: usize) -> Result<WriteRequest> {
    let put = PutRequest::builder().set_item(Some(writing.batch.item(row)?)).build();
    let put = put.map_err(|e| Error::internal("cannot make a request").because(e))?;
    Ok(WriteRequest::builder().put_request(put).build())
}
