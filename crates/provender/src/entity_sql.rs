//! Entity rows given as SQL.

use crate::engine::Query;
use crate::offline::Spine;
use crate::{Error, FeatureStore, Result, frame};
use futures::executor::block_on_stream;

/// Takes entity rows from a query over the registered sources: into memory while they take no more than `held` bytes (`None`: whatever they take), else into
/// a file in the query's spill folder. Their order is that of the query.
///
/// # Errors
/// Those of [`FeatureStore::query`]; `Invalid` if no column holds the rows' time; `Unavailable` if the disk is full.
pub async fn entity_sql(store: &FeatureStore, query: Query, held: Option<u64>) -> Result<Spine> {
    let folder = query.spill_folder.clone();
    let rows = store.query(query).await?;
    let batches = Box::new(block_on_stream(rows.batches));
    let reader = frame::FrameReader { schema: rows.schema, batches };
    let taken = tokio::task::spawn_blocking(move || frame::entity_rows(reader, held, folder.as_deref()));
    taken.await.map_err(|e| Error::internal("the thread that reads a query stopped").because(e))?
}
