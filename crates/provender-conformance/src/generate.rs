//! Generated data: small histories full of ties, nulls, late rows, duplicates and expired values, in every unit, zone and key type that a store can hold, and
//! questions about them.
//!
//! Keys, times and values are drawn from a handful each, so that they meet: most entity rows have several candidates, and many candidates are equal.
//! Everything is plain numbers until it is made into Arrow columns, so that proptest shrinks a failure to a few rows.

mod ask;
mod kinds;
pub mod values;

pub use ask::{Join, ViewSpec, Window, join, window};
pub use kinds::{Grain, Group, Kinds};

use crate::cell::{Cell, array};
use crate::table::time;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use proptest::prelude::*;
use std::sync::Arc;

/// Number of key columns of every generated table and entity frame.
pub const KEYS: usize = 3;

/// What a store can hold and promises: what is generated for it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whether a table can have a column of the type.
    pub holds: fn(&DataType) -> bool,
    /// Whether rows have an order that breaks ties; else no two rows of a table have equal times.
    pub ordered: bool,
    /// Whether joins may ask for [`provender_core::offline::KnownAt::Created`].
    pub known_at: bool,
}

/// Tables of one scenario; they share what their keys are and how fine their times are.
#[derive(Clone, Debug)]
pub struct History {
    /// What the key columns hold.
    pub groups: [Group; KEYS],
    /// The first day of all times.
    pub base: i64,
    /// The distance of neighbouring times.
    pub grain: Grain,
    /// The tables.
    pub tables: Vec<TableSpec>,
    pub(crate) kinds: Kinds,
    pub(crate) limits: Limits,
}

/// One generated table. The `*_kind` numbers choose among the types that fit, modulo their number.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// Types of the key columns.
    pub key_kinds: [u8; KEYS],
    /// Type of the event time.
    pub event_kind: u8,
    /// Type of the created time, if it has one.
    pub created_kind: Option<u8>,
    /// Type of the column `value`.
    pub value_kind: u8,
    /// Number of files.
    pub files: u8,
    /// Rows.
    pub rows: Vec<RowSpec>,
}

/// One generated row.
#[derive(Clone, Debug)]
pub struct RowSpec {
    /// Which of a few values each key has; `None` for null.
    pub keys: [Option<u8>; KEYS],
    /// Event time.
    pub event: Option<Tick>,
    /// Created time.
    pub created: Option<Tick>,
    /// Which of a few values `value` has.
    pub value: Option<u8>,
    /// Which file it is in, modulo their number.
    pub file: u8,
}

/// A time: so many grains after the base, and, where the column is fine enough, so many microseconds more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(pub i8, pub i8);

/// A time from a few grains before the base to some after it, now and then a microsecond off.
pub fn tick() -> impl Strategy<Value = Tick> {
    (-2i8..12, prop_oneof![4 => Just(0i8), 1 => Just(-1), 1 => Just(1)]).prop_map(|(t, u)| Tick(t, u))
}

fn maybe<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
    nulls: f64,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(1.0 - nulls, value)
}

/// The values of one row's keys.
pub fn key_values() -> impl Strategy<Value = [Option<u8>; KEYS]> {
    [maybe(0u8..4, 0.07), maybe(0u8..2, 0.07), maybe(0u8..2, 0.07)]
}

fn row() -> impl Strategy<Value = RowSpec> {
    (key_values(), maybe(tick(), 0.05), maybe(tick(), 0.2), maybe(0u8..6, 0.2), 0u8..3)
        .prop_map(|(keys, event, created, value, file)| RowSpec { keys, event, created, value, file })
}

fn table() -> impl Strategy<Value = TableSpec> {
    let kinds = ([any::<u8>(), any::<u8>(), any::<u8>()], any::<u8>(), maybe(any::<u8>(), 0.25), any::<u8>());
    (kinds, 1u8..4, proptest::collection::vec(row(), 0..40)).prop_map(|(kinds, files, rows)| {
        let (key_kinds, event_kind, created_kind, value_kind) = kinds;
        TableSpec { key_kinds, event_kind, created_kind, value_kind, files, rows }
    })
}

/// Histories that a store of these limits can hold.
pub fn history(limits: Limits) -> impl Strategy<Value = History> {
    let kinds = Kinds::new(limits.holds);
    let group = || proptest::sample::select(kinds.groups().to_vec());
    let groups = [group(), group(), group()];
    let days = ["2026-01-01", "1970-01-01", "1969-12-25", "2024-02-29", "1905-06-07", "2261-12-31"];
    let base = proptest::sample::select(days.map(|day| time(day).map_or(0, |t| t.0)).to_vec());
    let grain = proptest::sample::select(kinds.grains().to_vec());
    (groups, base, grain, proptest::collection::vec(table(), 1..3)).prop_map(
        move |(groups, base, grain, tables)| History {
            groups,
            base,
            grain,
            tables,
            kinds: kinds.clone(),
            limits: limits.clone(),
        },
    )
}

impl History {
    /// The rows of a table as Arrow columns, file by file: `k0` to `k2`, `event`, maybe `created`, `row` (its number) and `value`.
    ///
    /// # Errors
    /// What Arrow says, which would be a defect of the generator.
    pub fn files(&self, table: usize) -> Result<Vec<RecordBatch>, ArrowError> {
        let spec = &self.tables[table];
        let schema = self.schema(spec);
        let rows = self.rows(spec, &schema);
        (0..spec.files.max(1))
            .map(|file| {
                let mine: Vec<_> =
                    rows.iter().filter(|(_, row)| row.file % spec.files.max(1) == file).collect();
                let columns = schema
                    .fields()
                    .iter()
                    .map(|field| {
                        let values: Vec<Cell> =
                            mine.iter().map(|(i, row)| self.cell(field, *i, row)).collect();
                        array(field.data_type(), &values)
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                RecordBatch::try_new(Arc::new(schema.clone()), columns)
            })
            .collect()
    }

    /// The rows with their numbers. Where rows have no order, of rows with equal times only the first stays.
    fn rows<'a>(&self, spec: &'a TableSpec, schema: &Schema) -> Vec<(usize, &'a RowSpec)> {
        let mut rows: Vec<(usize, &RowSpec)> = spec.rows.iter().enumerate().collect();
        if !self.limits.ordered {
            let mut seen = Vec::new();
            let times = |row: &RowSpec| {
                let of = |name: &str, tick| {
                    schema.field_with_name(name).ok().map(|f| self.instant(f.data_type(), tick))
                };
                (of("event", row.event), of("created", row.created))
            };
            rows.retain(|(_, row)| {
                let new = !seen.contains(&times(row));
                seen.push(times(row));
                new
            });
        }
        rows
    }

    fn schema(&self, spec: &TableSpec) -> Schema {
        let column = |name: &str, data_type: DataType| Field::new(name, data_type, true);
        let mut fields: Vec<Field> = (0..KEYS)
            .map(|i| column(&format!("k{i}"), self.kinds.stored_key(self.groups[i], spec.key_kinds[i])))
            .collect();
        fields.push(column("event", self.kinds.stored_time(self.grain, spec.event_kind)));
        if let Some(kind) = spec.created_kind {
            fields.push(column("created", self.kinds.stored_time(self.grain, kind)));
        }
        fields.push(column("row", DataType::Int64));
        fields.push(column("value", self.kinds.value(spec.value_kind)));
        Schema::new(fields)
    }

    fn cell(&self, field: &Field, number: usize, row: &RowSpec) -> Cell {
        let data_type = field.data_type();
        match field.name().as_str() {
            "event" => self.instant(data_type, row.event),
            "created" => self.instant(data_type, row.created),
            "row" => Cell::Int(number as i128),
            "value" => row.value.map_or(Cell::Null, |v| kinds::value_cell(data_type, v)),
            key => {
                let i = usize::from(key.as_bytes()[1] - b'0');
                row.keys[i].map_or(Cell::Null, |v| self.groups[i].cell(v))
            }
        }
    }

    pub(crate) fn instant(&self, data_type: &DataType, tick: Option<Tick>) -> Cell {
        let Some(Tick(grains, micros)) = tick else { return Cell::Null };
        let micros = if kinds::is_fine(data_type) { i64::from(micros) } else { 0 };
        Cell::Time(self.base + i64::from(grains) * self.grain.micros() + micros)
    }
}

#[cfg(test)]
mod tests;
