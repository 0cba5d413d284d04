//! One view's rows on their way from the offline to the online store.

use super::MaterializedView;
use super::pipeline::{Pipeline, batch_rows};
use crate::FeatureStore;
use crate::encode::{EncodedRows, RowEncoder};
use crate::history::History;
use crate::resolve::join_keys;
use arrow_schema::SchemaRef;
use futures::{StreamExt, TryStreamExt, future};
use provender_core::model::{FeatureView, Field, MaterializationInterval};
use provender_core::offline::RangeRequest;
use provender_core::online::{OnlineWrite, WriteSummary};
use provender_core::registry::RegistrySnapshot;
use provender_core::{OfflineStore, OnlineStore, RequestContext, Result, Timestamp};
use std::sync::Arc;

/// Writes that may be on their way at once: enough to keep the store's writer busy, few enough to bound memory.
const WRITES_IN_FLIGHT: usize = 3;

/// A view that is ready to be materialized.
pub(super) struct Transfer<'a> {
    view: &'a FeatureView,
    keys: Vec<Field>,
    history: History<'a>,
    offline: Arc<dyn OfflineStore>,
    online: Arc<dyn OnlineStore>,
    encoder: Arc<RowEncoder>,
    context: RequestContext,
    batch_rows: usize,
}

impl<'a> Transfer<'a> {
    /// # Errors
    /// `Invalid` if the view cannot be encoded or no online store is configured; `Unsupported` if no offline store reads its source.
    pub(super) fn prepare(
        store: &FeatureStore,
        snapshot: &RegistrySnapshot,
        view: &'a FeatureView,
        context: &RequestContext,
    ) -> Result<Self> {
        let history = History::of(view)?;
        let offline = Arc::clone(&store.offline[history.store(&view.name, &store.offline)?]);
        let keys = join_keys(snapshot, store.project(), view)?;
        let encoder = Arc::new(RowEncoder::new(store.project(), view, &keys)?);
        let batch_rows = store.config.online_write_batch_size.unwrap_or(batch_rows(view.features.len()));
        let online = Arc::clone(store.online_store()?);
        Ok(Self { view, keys, history, offline, online, encoder, context: context.clone(), batch_rows })
    }

    /// Moves the newest row of each key in the window. With a `stamp` it is stored as the event time of every row.
    pub(super) async fn run(
        self,
        window: MaterializationInterval,
        stamp: Option<Timestamp>,
        done: &mut MaterializedView,
    ) -> Result<()> {
        let scan = self.offline.latest(self.request(window)).await?;
        self.check_types(&scan.schema)?;
        let counters = Arc::clone(&scan.counters);
        let pipeline = Pipeline { encoder: Arc::clone(&self.encoder), batch_rows: self.batch_rows, stamp };
        let (rows, encoding) = pipeline.start(scan);
        let task: Arc<str> = format!("materialize {}", self.view.name).into();
        let mut writes = rows
            .take_while(|_| future::ready(self.context.check().is_ok()))
            .map_ok(|rows| self.write(rows))
            .try_buffer_unordered(WRITES_IN_FLIGHT);
        while let Some((summary, null_keys)) = writes.try_next().await? {
            done.rows += summary;
            done.null_keys += null_keys;
            self.context.progress.report(&task, done.rows.written + done.rows.stale, counters.expected());
        }
        drop(writes);
        self.context.check()?;
        encoding.finish().await?;
        done.null_keys += counters.null_keys();
        Ok(())
    }

    fn request(&self, window: MaterializationInterval) -> RangeRequest {
        let history = &self.history;
        RangeRequest {
            source: history.source.clone(),
            keys: self.keys.iter().map(|k| history.key(&k.name, &k.name, k.value_type)).collect(),
            features: self.view.features.iter().map(|f| history.feature(f, &f.name)).collect(),
            event_column: history.event_column.clone(),
            created_column: history.created_column.clone(),
            start: window.start,
            end: window.end,
            context: self.context.clone(),
        }
    }

    /// Refuses columns that cannot be encoded before anything is written.
    fn check_types(&self, schema: &SchemaRef) -> Result<()> {
        self.encoder.check(schema.fields().iter().skip(self.keys.len()).map(|field| field.data_type()))
    }

    async fn write(&self, rows: EncodedRows) -> Result<(WriteSummary, u64)> {
        let table = Arc::clone(&self.encoder.table);
        let write = OnlineWrite { table, rows: rows.batch, context: self.context.clone() };
        Ok((self.online.write(write).await?, rows.null_keys))
    }
}
