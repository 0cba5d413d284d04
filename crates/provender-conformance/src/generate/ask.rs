//! Generated questions about a history.

use super::{History, KEYS, Tick, key_values, kinds, tick};
use crate::cell::{Cell, array};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use proptest::prelude::*;
use provender_core::model::DataSource;
use provender_core::offline::{
    FeatureColumn, HistoricalRequest, KeyColumn, KnownAt, RangeRequest, Spine, ViewJoin,
};
use provender_core::{RequestContext, Timestamp, ValueType};
use std::sync::Arc;

/// A point-in-time join of generated entity rows.
#[derive(Clone, Debug)]
pub struct Join {
    /// Types of the key columns `k0` to `k2`, then of their doubles `m0` to `m2`.
    pub key_kinds: [u8; 2 * KEYS],
    /// Type of the time.
    pub time_kind: u8,
    /// Entity rows.
    pub rows: Vec<EntityRow>,
    /// Rows of the first batch; the rest is a second one.
    pub split: u8,
    /// The views.
    pub views: Vec<ViewSpec>,
}

/// One generated entity row.
#[derive(Clone, Debug)]
pub struct EntityRow {
    /// Keys.
    pub keys: [Option<u8>; KEYS],
    /// Keys under other names, for views that map them.
    pub mapped: [Option<u8>; KEYS],
    /// Its time.
    pub time: Tick,
}

/// One view of a generated join.
#[derive(Clone, Debug)]
pub struct ViewSpec {
    /// Which table, modulo their number.
    pub table: u8,
    /// How many of the table's keys it has; 0 for a view without entity.
    pub keys: u8,
    /// Which keys are mapped to the columns `m…`, bit by bit.
    pub mapped: u8,
    /// Lifetime.
    pub ttl: Option<Tick>,
    /// Whether only rows that were created in time count, where the store and the table allow it.
    pub known: bool,
    /// Which features it has: 1 `row`, 2 `value`, 3 both.
    pub features: u8,
}

/// A scan of a generated window.
#[derive(Clone, Debug)]
pub struct Window {
    /// Which table, how many keys, which features; the rest does not matter.
    pub view: ViewSpec,
    /// First instant.
    pub start: Tick,
    /// Last instant, after it.
    pub length: Tick,
    /// Whether the created column is named.
    pub created: bool,
}

fn entity_row() -> impl Strategy<Value = EntityRow> {
    (key_values(), key_values(), tick()).prop_map(|(keys, mapped, time)| EntityRow { keys, mapped, time })
}

fn view() -> impl Strategy<Value = ViewSpec> {
    let keys = prop_oneof![4 => Just(1u8), 2 => Just(2u8), 1 => Just(3u8), 1 => Just(0u8)];
    let mapped = prop_oneof![2 => Just(0u8), 1 => any::<u8>()];
    let ttl = proptest::option::of((0i8..8, -1i8..2).prop_map(|(t, u)| Tick(t, u)));
    (0u8..2, keys, mapped, ttl, proptest::bool::weighted(0.3), 1u8..4).prop_map(
        |(table, keys, mapped, ttl, known, features)| ViewSpec { table, keys, mapped, ttl, known, features },
    )
}

/// Joins of up to three views.
pub fn join() -> impl Strategy<Value = Join> {
    let key_kinds = proptest::array::uniform6(any::<u8>());
    let rows = proptest::collection::vec(entity_row(), 0..24);
    let views = proptest::collection::vec(view(), 1..4);
    (key_kinds, any::<u8>(), rows, 0u8..24, views).prop_map(|(key_kinds, time_kind, rows, split, views)| {
        Join { key_kinds, time_kind, rows, split, views }
    })
}

/// Scans of windows, most of them not empty.
pub fn window() -> impl Strategy<Value = Window> {
    let length = (-1i8..10, -1i8..2).prop_map(|(t, u)| Tick(t, u));
    (view(), tick(), length, any::<bool>()).prop_map(|(view, start, length, created)| Window {
        view,
        start,
        length,
        created,
    })
}

impl Join {
    /// The request, over the places where the tables of the history are.
    ///
    /// # Errors
    /// What Arrow says, which would be a defect of the generator.
    pub fn request(
        &self,
        history: &History,
        sources: &[DataSource],
    ) -> Result<HistoricalRequest, ArrowError> {
        let batch = self.entity_rows(history)?;
        let split = usize::from(self.split).min(batch.num_rows());
        let batches = vec![batch.slice(0, split), batch.slice(split, batch.num_rows() - split)];
        let spine = Spine::new(batch.schema(), batches, "time");
        let views = self.views.iter().enumerate().map(|(i, view)| view.join(i, history, sources)).collect();
        Ok(HistoricalRequest {
            spine: Arc::new(spine),
            views,
            max_memory: None,
            spill_folder: None,
            context: RequestContext::local(),
        })
    }

    fn entity_rows(&self, history: &History) -> Result<RecordBatch, ArrowError> {
        let time = kinds::spine_time(history.grain, self.time_kind);
        let times: Vec<Cell> = self.rows.iter().map(|row| history.instant(&time, Some(row.time))).collect();
        let mut fields = vec![Field::new("time", time.clone(), false)];
        let mut columns = vec![array(&time, &times)?];
        for (i, kind) in self.key_kinds.iter().enumerate() {
            let (prefix, key) = (if i < KEYS { 'k' } else { 'm' }, i % KEYS);
            let data_type = kinds::spine_key(history.groups[key], *kind);
            let value = |row: &EntityRow| if i < KEYS { row.keys[key] } else { row.mapped[key] };
            let values = self.rows.iter().map(|row| match value(row) {
                Some(v) => history.groups[key].cell(v),
                None => Cell::Null,
            });
            columns.push(array(&data_type, &values.collect::<Vec<_>>())?);
            fields.push(Field::new(format!("{prefix}{key}"), data_type, true));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

impl ViewSpec {
    /// Index of its table.
    #[must_use]
    pub fn table(&self, history: &History) -> usize {
        usize::from(self.table) % history.tables.len()
    }

    fn has_created(&self, history: &History) -> bool {
        history.tables[self.table(history)].created_kind.is_some()
    }

    fn join(&self, index: usize, history: &History, sources: &[DataSource]) -> ViewJoin {
        let created = self.has_created(history);
        let known = self.known && created && history.limits.known_at;
        ViewJoin {
            name: format!("v{index}"),
            source: sources[self.table(history)].clone(),
            keys: self.keys(),
            features: self.features(&format!("v{index}__")),
            event_column: "event".to_owned(),
            created_column: created.then(|| "created".to_owned()),
            ttl: self.ttl.map(|Tick(t, u)| (i64::from(t) * history.grain.micros() + i64::from(u)).max(0)),
            known_at: if known { KnownAt::Created } else { KnownAt::Event },
        }
    }

    fn keys(&self) -> Vec<KeyColumn> {
        (0..usize::from(self.keys).min(KEYS))
            .map(|i| {
                let prefix = if self.mapped >> i & 1 == 1 { 'm' } else { 'k' };
                let (name, column) = (format!("{prefix}{i}"), format!("k{i}"));
                KeyColumn { name, column, value_type: ValueType::UNKNOWN }
            })
            .collect()
    }

    fn features(&self, prefix: &str) -> Vec<FeatureColumn> {
        let wanted = [("row", 1), ("value", 2)].into_iter().filter(|(_, bit)| self.features & bit != 0);
        wanted
            .map(|(column, _)| FeatureColumn {
                name: format!("{prefix}{column}"),
                column: column.to_owned(),
                value_type: ValueType::UNKNOWN,
            })
            .collect()
    }
}

impl Window {
    /// The request, over the places where the tables of the history are.
    #[must_use]
    pub fn request(&self, history: &History, sources: &[DataSource]) -> RangeRequest {
        let fine = DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None);
        let start = history.instant(&fine, Some(self.start)).time().unwrap_or_default();
        let length = i64::from(self.length.0) * history.grain.micros() + i64::from(self.length.1);
        RangeRequest {
            source: sources[self.view.table(history)].clone(),
            keys: self.view.keys(),
            features: self.view.features(""),
            event_column: "event".to_owned(),
            created_column: (self.created && self.view.has_created(history)).then(|| "created".to_owned()),
            start: Timestamp(start),
            end: Timestamp(start + length),
            context: RequestContext::local(),
        }
    }
}
