//! Entity rows made from the data itself: every key that has a valid row at one instant, or every change in a range.

#[cfg(test)]
mod tests;

use super::pinned::Sources;
use super::{HistoricalQuery, Spines};
use crate::history::History;
use crate::resolve::{Resolved, ViewUse};
use arrow_array::{Array, ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_buffer::NullBuffer;
use arrow_cast::cast;
use arrow_row::{RowConverter, SortField};
use arrow_schema::{Field, FieldRef, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use provender_core::offline::{RangeRequest, Spine};
use provender_core::{BatchStream, Error, RequestContext, Result, Timestamp, timestamp_type};
use std::fmt;
use std::sync::Arc;

/// Column of the instant, as Feast names it.
const EVENT_COLUMN: &str = "event_timestamp";
/// 0001-01-01: where a window without lower bound starts, and the first year that every store can write.
const BEGINNING: Timestamp = Timestamp(-62_135_596_800_000_000);

/// Entity rows as they were found: in any order, and some maybe several times. Whoever uses them sorts them by their columns, nulls first, and drops what repeats.
pub struct KeyRows {
    /// The event time, then the join keys.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: BatchStream,
}

impl fmt::Debug for KeyRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRows").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl KeyRows {
    /// The rows in memory, sorted, each once.
    pub(super) async fn held(self) -> Result<Spine> {
        let fields = self.schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let mut rows = converter.empty_rows(0, 0);
        let mut batches = self.batches;
        while let Some(batch) = batches.try_next().await? {
            converter.append(&mut rows, batch.columns())?;
        }
        let mut sorted: Vec<_> = rows.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let columns = converter.convert_rows(sorted)?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok(Spine::new(self.schema, vec![batch], EVENT_COLUMN))
    }
}

/// The entity rows that a request wants to be made; `None` if it has given them.
pub(super) async fn rows(
    sources: &Sources<'_>,
    resolved: &Resolved,
    query: &HistoricalQuery,
) -> Result<Option<KeyRows>> {
    let (start, end) = match query.spine {
        Spines::Frame(_) => return Ok(None),
        Spines::Snapshot { start, end } => (start.unwrap_or(end), end),
        Spines::Changes { start, end } => (start, end),
    };
    if start > end {
        return Err(Error::invalid("start is after end").with("start", start).with("end", end));
    }
    match query.spine {
        Spines::Changes { .. } => changes(sources, resolved, start, end, &query.context).await,
        _ => snapshot(sources, resolved, end, query).await,
    }
    .map(Some)
}

/// One row for each key of the view with the most join keys, at `end`. The other views are joined on some of these keys.
async fn snapshot(
    sources: &Sources<'_>,
    resolved: &Resolved,
    end: Timestamp,
    query: &HistoricalQuery,
) -> Result<KeyRows> {
    let index = widest(&resolved.uses)?;
    let widest = &resolved.uses[index];
    let start = match widest.view.limited_ttl() {
        Some(ttl) => Timestamp(end.0.saturating_sub(ttl)).max(BEGINNING),
        None => BEGINNING,
    };
    let (store, request) = request(sources, resolved, index, (start, end), &query.context)?;
    let store = &sources.stores[store];
    // A store finds the newest rows in memory; whoever has set a limit sorts the keys of all rows within it.
    let scan =
        if query.max_memory.is_some() { store.range(request).await } else { store.latest(request).await };
    let scan = scan.map_err(|e| e.with("view", &widest.name))?;
    let schema = spine_schema(&scan.schema.fields()[..widest.keys.len()]);
    let stamped_schema = Arc::clone(&schema);
    let stamp = move |batch: Result<RecordBatch>| stamped(&batch?, &stamped_schema, end);
    Ok(KeyRows { schema, batches: scan.batches.map(stamp).boxed() })
}

/// The keys and times of all rows in a range, view after view.
async fn changes(
    sources: &Sources<'_>,
    resolved: &Resolved,
    start: Timestamp,
    end: Timestamp,
    context: &RequestContext,
) -> Result<KeyRows> {
    let columns = changing_keys(&resolved.uses)?;
    let uses =
        resolved.uses.iter().enumerate().filter(|(_, used)| used.keys.is_empty() == columns.is_empty());
    let scans = uses.map(|(index, used)| async move {
        let (store, request) = request(sources, resolved, index, (start, end), context)?;
        let scan = sources.stores[store].range(request).await.map_err(|e| e.with("view", &used.name))?;
        Ok::<_, Error>((used, scan))
    });
    let scans = try_join_all(scans).await?;
    // Columns of one key may be of several types in several sources: the first view's counts.
    let (first, scan) =
        scans.first().ok_or_else(|| Error::internal("a request for features without views"))?;
    let keys: Vec<FieldRef> = columns
        .iter()
        .filter_map(|column| Some(Arc::clone(&scan.schema.fields()[place(first, column)?])))
        .collect();
    let schema = spine_schema(&keys);
    let streams = scans.into_iter().map(|(used, scan)| {
        let places: Vec<usize> = columns.iter().filter_map(|column| place(used, column)).collect();
        let (event, schema, name) = (used.keys.len(), Arc::clone(&schema), used.name.clone());
        let change = move |batch: Result<RecordBatch>| {
            changed(&batch?, &places, event, &schema).map_err(|e| e.with("view", &name))
        };
        scan.batches.map(change).boxed()
    });
    let streams: Vec<BatchStream> = streams.collect();
    Ok(KeyRows { schema, batches: stream::iter(streams).flatten().boxed() })
}

fn place(used: &ViewUse, column: &str) -> Option<usize> {
    used.keys.iter().position(|key| key.column == column)
}

/// Which store is asked for the rows of a view, and what.
fn request(
    sources: &Sources<'_>,
    resolved: &Resolved,
    index: usize,
    (start, end): (Timestamp, Timestamp),
    context: &RequestContext,
) -> Result<(usize, RangeRequest)> {
    let used = &resolved.uses[index];
    let history = History::of(&used.view)?;
    let store = history.store(&used.name, sources.stores)?;
    let request = RangeRequest {
        source: sources.source(index, store, history.source),
        keys: used.keys.iter().map(|k| history.key(&k.name, &k.column, k.value_type)).collect(),
        features: Vec::new(),
        event_column: history.event_column,
        created_column: history.created_column,
        start,
        end,
        context: context.clone(),
    };
    Ok((store, request))
}

/// The first view with the most join keys.
///
/// # Errors
/// `Invalid` if another view has a key that it lacks: no column would say what to join that view on.
fn widest(uses: &[ViewUse]) -> Result<usize> {
    let Some((index, widest)) = uses.iter().enumerate().rev().max_by_key(|(_, view)| view.keys.len()) else {
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
    Ok(index)
}

/// The join keys that all views share which have any, as the first of them orders them.
///
/// # Errors
/// `Invalid` if two views have different ones: a change of the one would be a row that says nothing of the other.
fn changing_keys(uses: &[ViewUse]) -> Result<Vec<String>> {
    let mut keyed = uses.iter().filter(|used| !used.keys.is_empty());
    let Some(first) = keyed.next() else { return Ok(Vec::new()) };
    let columns: Vec<String> = first.keys.iter().map(|key| key.column.clone()).collect();
    for view in keyed {
        if view.keys.len() != columns.len() || columns.iter().any(|column| place(view, column).is_none()) {
            let keys =
                |view: &ViewUse| view.keys.iter().map(|k| k.column.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(
                "the changes of views with different join keys are not one list of entity rows: ask for them one by one, or give entity rows instead",
            )
            .with("view", &view.name)
            .with("join keys", keys(view))
            .with("expected", format!("{} as in {}", keys(first), first.name)));
        }
    }
    Ok(columns)
}

fn spine_schema(keys: &[FieldRef]) -> SchemaRef {
    let mut fields: Vec<FieldRef> = vec![Arc::new(Field::new(EVENT_COLUMN, timestamp_type(), false))];
    fields.extend(keys.iter().map(|key| Arc::new(key.as_ref().clone().with_nullable(true))));
    Arc::new(Schema::new(fields))
}

fn stamped(keys: &RecordBatch, schema: &SchemaRef, end: Timestamp) -> Result<RecordBatch> {
    let times = TimestampMicrosecondArray::from_value(end.0, keys.num_rows()).with_timezone("UTC");
    let mut columns: Vec<ArrayRef> = vec![Arc::new(times)];
    columns.extend_from_slice(&keys.columns()[..schema.fields().len() - 1]);
    with_whole_keys(columns, schema)
}

/// Time and keys of changes.
fn changed(rows: &RecordBatch, keys: &[usize], event: usize, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns = vec![Arc::clone(rows.column(event))];
    for (key, field) in keys.iter().zip(&schema.fields()[1..]) {
        columns.push(cast(rows.column(*key), field.data_type())?);
    }
    with_whole_keys(columns, schema)
}

/// The rows that have no null among their keys.
fn with_whole_keys(columns: Vec<ArrayRef>, schema: &SchemaRef) -> Result<RecordBatch> {
    let nulls = columns[1..]
        .iter()
        .fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref()));
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
    Ok(match nulls {
        Some(nulls) => {
            filter_record_batch(&batch, &arrow_array::BooleanArray::new(nulls.into_inner(), None))?
        }
        None => batch,
    })
}
