//! Entity rows made from the data itself: every key that has a valid row at one instant.

use crate::FeatureStore;
use crate::history::History;
use crate::resolve::{Resolved, ViewUse};
use arrow_array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{Field, FieldRef, Schema, SchemaRef};
use futures::TryStreamExt;
use provender_core::offline::{RangeRequest, RangeScan, Spine};
use provender_core::{Error, RequestContext, Result, Timestamp, timestamp_type};
use std::sync::Arc;

/// Column of the instant, as Feast names it.
const EVENT_COLUMN: &str = "event_timestamp";
/// 0001-01-01: where a window without lower bound starts, and the first year that every store can write.
const BEGINNING: Timestamp = Timestamp(-62_135_596_800_000_000);

impl FeatureStore {
    /// One row for each key of the view with the most join keys, at `end`. The other views are joined on some of these keys.
    pub(super) async fn snapshot_spine(
        &self,
        resolved: &Resolved,
        end: Timestamp,
        context: &RequestContext,
    ) -> Result<Spine> {
        let widest = widest(&resolved.uses)?;
        let scan = self.keys_at(widest, end, context).await.map_err(|e| e.with("view", &widest.name))?;
        let keys = scan.schema.fields()[..widest.keys.len()].to_vec();
        let schema = spine_schema(keys);
        let stamp = |batch: RecordBatch| stamped(&batch, &schema, end);
        let batches = scan.batches.try_collect::<Vec<_>>().await?;
        let batches = batches.into_iter().map(stamp).collect::<Result<_>>()?;
        Ok(Spine::new(schema, batches, EVENT_COLUMN))
    }

    async fn keys_at(&self, view: &ViewUse, end: Timestamp, context: &RequestContext) -> Result<RangeScan> {
        let history = History::of(&view.view)?;
        let store = history.store(&view.name, &self.offline)?;
        let start = match view.view.limited_ttl() {
            Some(ttl) => Timestamp(end.0.saturating_sub(ttl)).max(BEGINNING),
            None => BEGINNING,
        };
        let keys = view.keys.iter().map(|k| history.key(&k.name, &k.column, k.value_type)).collect();
        let request = RangeRequest {
            source: history.source.clone(),
            keys,
            features: Vec::new(),
            event_column: history.event_column,
            created_column: history.created_column,
            start,
            end,
            context: context.clone(),
        };
        self.offline[store].latest(request).await
    }
}

/// The first view with the most join keys.
///
/// # Errors
/// `Invalid` if another view has a key that it lacks: no column would say what to join that view on.
fn widest(uses: &[ViewUse]) -> Result<&ViewUse> {
    let Some(widest) = uses.iter().rev().max_by_key(|view| view.keys.len()) else {
        return Err(Error::internal("a request for features without views"));
    };
    let has = |column: &str| widest.keys.iter().any(|k| k.column == column);
    for view in uses {
        if let Some(key) = view.keys.iter().find(|k| !has(&k.column)) {
            return Err(Error::invalid(
                "without entity rows, the keys come from the view with the most join keys, and the other views must be keyed by some of them: give entity rows instead",
            )
            .with("view", &view.name)
            .with("column", &key.column)
            .with("keys come from", &widest.name));
        }
    }
    Ok(widest)
}

fn spine_schema(keys: Vec<FieldRef>) -> SchemaRef {
    let mut fields: Vec<FieldRef> = vec![Arc::new(Field::new(EVENT_COLUMN, timestamp_type(), false))];
    fields.extend(keys);
    Arc::new(Schema::new(fields))
}

fn stamped(keys: &RecordBatch, schema: &SchemaRef, end: Timestamp) -> Result<RecordBatch> {
    let times = TimestampMicrosecondArray::from_value(end.0, keys.num_rows()).with_timezone("UTC");
    let mut columns: Vec<ArrayRef> = vec![Arc::new(times)];
    columns.extend_from_slice(&keys.columns()[..schema.fields().len() - 1]);
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
