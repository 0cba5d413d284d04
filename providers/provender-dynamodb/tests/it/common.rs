//! Short ways to say what to write and read.

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use provender_core::online::{InfraChanges, OnlineRead, OnlineTable, OnlineWrite, ViewRead, ViewRows};
use provender_core::{
    EntityKeyEncoder, EntityKeys, KeyValue, OnlineStore, RequestContext, Result, ValueType,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A view of project `shop`, known by `driver_id`.
pub(crate) fn view(name: &str, features: &[&str]) -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "shop".to_owned(),
        view: name.to_owned(),
        join_keys: vec!["driver_id".to_owned()],
        features: features.iter().map(|f| ((*f).to_owned(), ValueType::STRING)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

/// The keys of drivers.
pub(crate) fn keys(ids: impl IntoIterator<Item = i64>) -> EntityKeys {
    let encoder = EntityKeyEncoder::new([("driver_id", ValueType::INT64)]).unwrap();
    let mut keys = EntityKeys::default();
    for id in ids {
        encoder.push(&mut keys, |_| KeyValue::Int(id)).unwrap();
    }
    keys
}

/// `feast.types.Value` of a short string.
pub(crate) fn string(text: &str) -> Vec<u8> {
    [&[0x12, text.len() as u8], text.as_bytes()].concat()
}

/// Key, event and created time in microseconds, values.
pub(crate) type Row = (Vec<u8>, i64, Option<i64>, Vec<Vec<u8>>);

/// A driver's row with the same text in every feature, times in seconds.
pub(crate) fn row(view: &OnlineTable, id: i64, event: i64, text: &str) -> Row {
    let values = vec![string(text); view.features.len()];
    (keys([id]).key(0).to_vec(), event * 1_000_000, None, values)
}

pub(crate) fn write_of(view: &Arc<OnlineTable>, rows: &[Row], context: RequestContext) -> OnlineWrite {
    let binary = |values: Vec<&[u8]>| Arc::new(BinaryArray::from_vec(values)) as ArrayRef;
    let times = |time: fn(&Row) -> Option<i64>| {
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(time)).with_timezone("UTC")) as ArrayRef
    };
    let mut columns = vec![
        ("entity_key", binary(rows.iter().map(|row| &row.0[..]).collect())),
        ("event_timestamp", times(|row| Some(row.1))),
        ("created_timestamp", times(|row| row.2)),
    ];
    for (i, (name, _)) in view.features.iter().enumerate() {
        columns.push((name, binary(rows.iter().map(|row| &row.3[i][..]).collect())));
    }
    OnlineWrite { table: Arc::clone(view), rows: RecordBatch::try_from_iter(columns).unwrap(), context }
}

/// A read of all features of some drivers.
pub(crate) fn read_of(
    view: &Arc<OnlineTable>,
    ids: impl IntoIterator<Item = i64>,
    context: RequestContext,
) -> OnlineRead {
    let features: Vec<usize> = (0..view.features.len()).collect();
    let view = ViewRead { table: Arc::clone(view), features: features.into(), keys: Arc::new(keys(ids)) };
    OnlineRead { views: vec![view], context }
}

/// What a read finds, for people: `1=a` for a driver whose first feature is `a`, `2=absent` for one that is not there.
pub(crate) async fn found(
    store: &Arc<dyn OnlineStore>,
    view: &Arc<OnlineTable>,
    ids: &[i64],
    context: RequestContext,
) -> Result<Vec<String>> {
    let rows = guarded(store.read(&read_of(view, ids.iter().copied(), context))).await?.views.remove(0);
    Ok(ids.iter().enumerate().map(|(i, id)| format!("{id}={}", shown(&rows, i))).collect())
}

/// The first feature of a row.
pub(crate) fn shown(rows: &ViewRows, row: usize) -> String {
    let cell = || rows.cell(row, 0).map_or("never", |value| std::str::from_utf8(&value[2..]).unwrap());
    rows.time(row).map_or("absent", |_| cell()).to_owned()
}

/// A request that may take so many milliseconds.
pub(crate) fn for_millis(millis: u64) -> RequestContext {
    RequestContext::local().until(Instant::now() + Duration::from_millis(millis))
}

/// Ends a test that would hang, long after its work should have been done.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the store does not hang")
}

/// What sets views up.
pub(crate) fn keep(views: &[&Arc<OnlineTable>]) -> InfraChanges {
    InfraChanges { keep: views.iter().map(|v| Arc::clone(v)).collect(), ..InfraChanges::default() }
}
