//! What the rules of the online store are written with.

use super::Store;
use crate::generate::values::text_value;
use crate::outcome::Stop;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use provender_core::online::{
    InfraChanges, OnlineRead, OnlineTable, OnlineWrite, ViewRead, ViewRows, WriteSummary,
};
use provender_core::value::{ValueRef, read};
use provender_core::{
    EntityKeyEncoder, EntityKeys, KeyValue, RequestContext, Result, SECOND, Timestamp, ValueType,
};
use std::sync::Arc;

/// A fresh store.
pub(super) type Bed = crate::harness::Bed<Store>;

/// A row to write: its key, its event and created time in seconds, and texts (`-` for null) for the features.
pub(super) struct Row(pub i64, pub i64, pub Option<i64>, pub &'static [&'static str]);

/// A row with everything as it is stored.
pub(super) struct Raw {
    pub(super) key: Vec<u8>,
    pub(super) event: Timestamp,
    pub(super) created: Option<Timestamp>,
    pub(super) cells: Vec<Vec<u8>>,
}

impl From<&Row> for Raw {
    fn from(row: &Row) -> Self {
        let cell = |text: &&str| if *text == "-" { Vec::new() } else { text_value(text) };
        Self {
            key: key(row.0),
            event: Timestamp::from_seconds(row.1),
            created: row.2.map(Timestamp::from_seconds),
            cells: row.3.iter().map(cell).collect(),
        }
    }
}

/// The key of the entity `id` with this number.
pub(super) fn key(id: i64) -> Vec<u8> {
    typed_key(&[("id", ValueType::INT64, KeyValue::Int(id))])
}

/// A key of any join keys; empty if core refuses it, which no rule provokes.
pub(super) fn typed_key(values: &[(&str, ValueType, KeyValue<'_>)]) -> Vec<u8> {
    let mut keys = EntityKeys::default();
    let encoder = EntityKeyEncoder::new(values.iter().map(|(name, value_type, _)| (*name, *value_type)));
    let pushed = encoder.and_then(|encoder| encoder.push(&mut keys, |i| values[i].2));
    if matches!(pushed, Ok(true)) { keys.key(0).to_vec() } else { Vec::new() }
}

/// The keys of entities.
pub(super) fn keys(ids: impl IntoIterator<Item = i64>) -> Arc<EntityKeys> {
    Arc::new(ids.into_iter().map(key).collect())
}

/// Rows in the columns of a write.
pub(super) fn batch(table: &OnlineTable, rows: &[Raw]) -> Result<RecordBatch, Stop> {
    let times = |time: fn(&Raw) -> Option<i64>| {
        let column = TimestampMicrosecondArray::from_iter(rows.iter().map(time));
        Arc::new(column.with_timezone("UTC")) as ArrayRef
    };
    let keys = BinaryArray::from_iter_values(rows.iter().map(|row| &row.key));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("entity_key", Arc::new(keys)),
        ("event_timestamp", times(|row| Some(row.event.0))),
        ("created_timestamp", times(|row| row.created.map(|t| t.0))),
    ];
    for (i, (name, _)) in table.features.iter().enumerate() {
        let cells = BinaryArray::from_iter_values(rows.iter().map(|row| &row.cells[i]));
        columns.push((name, Arc::new(cells)));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// A read of some features of a view.
pub(super) fn reading(table: &Arc<OnlineTable>, features: &[usize], keys: &Arc<EntityKeys>) -> ViewRead {
    ViewRead { table: Arc::clone(table), features: features.into(), keys: Arc::clone(keys) }
}

/// Rows as text: `absent`, or the seconds of the event time and each cell: its text, `null`, or `never` written.
pub(super) fn shown(rows: &ViewRows, features: usize) -> Vec<String> {
    let cell = |row, feature| match rows.cell(row, feature) {
        None => "never".to_owned(),
        Some([]) => "null".to_owned(),
        Some(bytes) => match read(bytes) {
            Ok((_, ValueRef::Text(text))) => text.to_owned(),
            _ => format!("{bytes:02x?}"),
        },
    };
    let line = |row: usize, time: Timestamp| {
        let cells: Vec<String> = (0..features).map(|feature| cell(row, feature)).collect();
        format!("{}: {}", time.seconds(), cells.join(" "))
    };
    (0..rows.len()).map(|row| rows.time(row).map_or("absent".to_owned(), |time| line(row, time))).collect()
}

impl Bed {
    /// A view of the rule's project with text features, known by `id`; not set up yet.
    pub(super) fn view(&self, name: &str, features: &[&str]) -> Arc<OnlineTable> {
        self.view_of(name, features.iter().map(|name| (*name).to_owned()).map(|n| (n, ValueType::STRING)))
    }

    /// A view of the rule's project; not set up yet.
    pub(super) fn view_of(
        &self,
        name: &str,
        features: impl IntoIterator<Item = (String, ValueType)>,
    ) -> Arc<OnlineTable> {
        Arc::new(OnlineTable {
            project: self.context.project.clone(),
            view: name.to_owned(),
            join_keys: vec!["id".to_owned()],
            features: features.into_iter().collect(),
            ttl: None,
            tags: Default::default(),
        })
    }

    /// Sets views up.
    pub(super) async fn keep(&self, tables: &[&Arc<OnlineTable>]) -> Result<()> {
        let keep = tables.iter().map(|table| Arc::clone(table)).collect();
        self.store.reconcile(&InfraChanges { keep, ..InfraChanges::default() }).await
    }

    /// Drops views.
    pub(super) async fn drop(&self, tables: &[&Arc<OnlineTable>]) -> Result<()> {
        let drop = tables.iter().map(|table| Arc::clone(table)).collect();
        self.store.reconcile(&InfraChanges { drop, ..InfraChanges::default() }).await
    }

    /// A view with text features that is set up.
    pub(super) async fn set_up(&self, name: &str, features: &[&str]) -> Result<Arc<OnlineTable>, Stop> {
        let table = self.view(name, features);
        self.keep(&[&table]).await?;
        Ok(table)
    }

    /// Writes rows.
    pub(super) async fn write(&self, table: &Arc<OnlineTable>, rows: &[Row]) -> Result<WriteSummary, Stop> {
        let rows: Vec<Raw> = rows.iter().map(Raw::from).collect();
        write(&self.store, table, &rows).await
    }

    /// All features of some keys, as text.
    pub(super) async fn read(&self, table: &Arc<OnlineTable>, ids: &[i64]) -> Result<Vec<String>, Stop> {
        let rows = read_all(&self.store, table, &keys(ids.iter().copied())).await?;
        Ok(shown(&rows, table.features.len()))
    }

    /// A request over several views.
    pub(super) async fn request(&self, views: Vec<ViewRead>) -> Result<Vec<ViewRows>> {
        let request = OnlineRead { views, context: RequestContext::local() };
        Ok(self.store.read(&request).await?.views)
    }
}

/// Writes rows.
pub(super) async fn write(
    store: &Store,
    table: &Arc<OnlineTable>,
    rows: &[Raw],
) -> Result<WriteSummary, Stop> {
    let rows = batch(table, rows)?;
    let request = OnlineWrite { table: Arc::clone(table), rows, context: RequestContext::local() };
    Ok(store.write(request).await?)
}

/// All features of some keys.
pub(super) async fn read_all(
    store: &Store,
    table: &Arc<OnlineTable>,
    keys: &Arc<EntityKeys>,
) -> Result<ViewRows, Stop> {
    let features: Vec<usize> = (0..table.features.len()).collect();
    let request =
        OnlineRead { views: vec![reading(table, &features, keys)], context: RequestContext::local() };
    let mut views = store.read(&request).await?.views;
    if views.len() != 1 || views[0].len() != keys.len() {
        return Err(Stop::broken("one view was asked for, and one row a key"));
    }
    Ok(views.remove(0))
}

/// A second, in microseconds, away from a time.
pub(super) fn seconds(n: i64) -> Timestamp {
    Timestamp(n * SECOND)
}
