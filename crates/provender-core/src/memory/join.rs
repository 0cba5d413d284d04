//! The point-in-time join and the scans by their definitions: of all rows of a key that may count, the largest wins.

use crate::offline::{FeatureColumn, KeyColumn, KnownAt, RangeRequest, ViewJoin, ViewReport};
use crate::{Error, Result, timestamp_type};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, UInt64Array};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use arrow_select::take::take;
use std::collections::HashMap;
use std::sync::Arc;

/// Rows and the name that errors give them.
pub(super) struct Table {
    pub(super) source: String,
    pub(super) rows: RecordBatch,
}

/// What a view adds to the result.
pub(super) struct ViewColumns {
    pub(super) fields: Vec<Field>,
    pub(super) columns: Vec<ArrayRef>,
    pub(super) report: ViewReport,
}

/// A join key's value, equal across all Arrow types that can hold it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Cell {
    Bool(bool),
    Int(i128),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    /// Nanoseconds since 1970.
    Time(i128),
}

/// Join keys of a row; `None` if one is null.
type Key = Option<Vec<Cell>>;

/// What decides about a row.
struct Row {
    key: Key,
    /// Microseconds since 1970, rounded down.
    event: Option<i64>,
    created: Option<i64>,
}

impl Row {
    /// Whether an entity row of this time knows of it.
    fn is_known(&self, time: i64, known_at: KnownAt) -> bool {
        let created = match known_at {
            KnownAt::Event => true,
            KnownAt::Created => self.created.is_none_or(|created| created <= time),
        };
        created && self.event.is_some_and(|event| event <= time)
    }
}

/// Joins entity rows with one view.
pub(super) fn view(spine: &Table, event_column: &str, table: &Table, view: &ViewJoin) -> Result<ViewColumns> {
    let asked = rows(spine, view.keys.iter().map(|key| &*key.name), event_column, None)?;
    let created = view.created_column.as_deref();
    let stored = rows(table, view.keys.iter().map(|key| &*key.column), &view.event_column, created)?;
    let mut of_key: HashMap<&[Cell], Vec<usize>> = HashMap::new();
    for (i, row) in stored.iter().enumerate() {
        if let Some(key) = &row.key {
            of_key.entry(key).or_default().push(i);
        }
    }
    let mut report =
        ViewReport { name: view.name.clone(), leaked: created.map(|_| 0), ..ViewReport::default() };
    let winners: UInt64Array = asked
        .iter()
        .map(|row| {
            let candidates =
                row.key.as_deref().and_then(|key| of_key.get(key)).map_or(&[][..], Vec::as_slice);
            winner(&stored, candidates, row.event, view, &mut report).map(|i| i as u64)
        })
        .collect();
    let (fields, columns) = features(table, &view.features, &winners)?;
    Ok(ViewColumns { fields, columns, report })
}

/// The row that an entity row of a time gets.
fn winner(
    stored: &[Row],
    candidates: &[usize],
    time: Option<i64>,
    view: &ViewJoin,
    report: &mut ViewReport,
) -> Option<usize> {
    let newest = time.and_then(|time| {
        let known = candidates.iter().copied().filter(|i| stored[*i].is_known(time, view.known_at));
        known.max_by_key(|i| (stored[*i].event, stored[*i].created, *i)).map(|i| (i, time))
    });
    let Some((i, time)) = newest else {
        report.unmatched += 1;
        return None;
    };
    let oldest = view.ttl.filter(|ttl| *ttl > 0).map(|ttl| time.saturating_sub(ttl));
    if stored[i].event < oldest {
        report.expired += 1;
        return None;
    }
    report.matched += 1;
    if let Some(leaked) = &mut report.leaked {
        *leaked += u64::from(stored[i].created > Some(time));
    }
    Some(i)
}

/// What a scan found.
pub(super) struct Scanned {
    pub(super) rows: RecordBatch,
    /// Rows in the window.
    pub(super) window: u64,
    /// Those that were left out because a key was null.
    pub(super) null_keys: u64,
}

/// The rows of a window, or the newest of each key.
pub(super) fn scan(table: &Table, request: &RangeRequest, newest: bool) -> Result<Scanned> {
    let created = request.created_column.as_deref();
    let keys = request.keys.iter().map(|key| &*key.column);
    let stored = rows(table, keys, &request.event_column, created)?;
    let (start, end) = (request.start.0, request.end.0);
    let inside = |i: &usize| stored[*i].event.is_some_and(|event| (start..=end).contains(&event));
    let window: Vec<usize> = (0..stored.len()).filter(inside).collect();
    let in_window = window.len() as u64;
    let is_null = |i: &&usize| stored[**i].key.is_none();
    let null_keys = if newest { window.iter().filter(is_null).count() as u64 } else { 0 };
    let kept = if newest { newest_of_each(&stored, window) } else { window };
    let indices: UInt64Array = kept.iter().map(|i| Some(*i as u64)).collect();
    let keys: Vec<_> = request.keys.iter().map(named).collect();
    let (mut fields, mut columns) = features(table, &keys, &indices)?;
    let (more_fields, more_columns) = features(table, &request.features, &indices)?;
    fields.extend(more_fields);
    columns.extend(more_columns);
    let mut add_time = |name: &str, time: &dyn Fn(&Row) -> Option<i64>| {
        let times: TimestampMicrosecondArray = kept.iter().map(|i| time(&stored[*i])).collect();
        fields.push(Field::new(name, timestamp_type(), true));
        columns.push(Arc::new(times.with_data_type(timestamp_type())));
    };
    add_time("event_timestamp", &|row| row.event);
    if created.is_some() {
        add_time("created_timestamp", &|row| row.created);
    }
    Ok(Scanned { rows: batch(fields, columns, kept.len())?, window: in_window, null_keys })
}

fn newest_of_each(stored: &[Row], window: Vec<usize>) -> Vec<usize> {
    let mut of_key: HashMap<&[Cell], usize> = HashMap::new();
    for i in window {
        if let Some(key) = &stored[i].key {
            let best = of_key.entry(key).or_insert(i);
            if (stored[i].event, stored[i].created) >= (stored[*best].event, stored[*best].created) {
                *best = i;
            }
        }
    }
    of_key.into_values().collect()
}

/// A key as a column to return.
fn named(key: &KeyColumn) -> FeatureColumn {
    FeatureColumn { name: key.name.clone(), column: key.column.clone(), value_type: key.value_type }
}

/// A batch of columns, also of none.
pub(super) fn batch(fields: Vec<Field>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

fn features(
    table: &Table,
    wanted: &[FeatureColumn],
    indices: &UInt64Array,
) -> Result<(Vec<Field>, Vec<ArrayRef>)> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for feature in wanted {
        let column = column(table, &feature.column)?;
        fields.push(Field::new(&feature.name, column.data_type().clone(), true));
        columns.push(take(column, indices, None)?);
    }
    Ok((fields, columns))
}

fn column<'a>(table: &'a Table, name: &str) -> Result<&'a ArrayRef> {
    let missing =
        || Error::invalid("there is no such column").with("source", &table.source).with("field", name);
    table.rows.column_by_name(name).ok_or_else(missing)
}

fn rows<'a>(
    table: &Table,
    keys: impl Iterator<Item = &'a str>,
    event: &str,
    created: Option<&str>,
) -> Result<Vec<Row>> {
    let keys = keys.map(|name| cells(table, name)).collect::<Result<Vec<_>>>()?;
    let event = times(table, event)?;
    let created = created.map(|name| times(table, name)).transpose()?;
    let row = |i: usize| Row {
        key: keys.iter().map(|column| column[i].clone()).collect(),
        event: event[i],
        created: created.as_ref().and_then(|created| created[i]),
    };
    Ok((0..table.rows.num_rows()).map(row).collect())
}

/// A column of times in microseconds; what lies beyond their range is the last or first of them.
fn times(table: &Table, name: &str) -> Result<Vec<Option<i64>>> {
    let micros = |nanos: i128| nanos.div_euclid(1_000).clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    let column = column(table, name)?;
    let Some(unit) = nanos_a_tick(column.data_type()) else {
        return Err(ill_typed(table, name, column).with("expected", "a timestamp or date"));
    };
    let ticks = integers(column)?;
    Ok(ticks.into_iter().map(|tick| tick.map(|tick| micros(tick * unit))).collect())
}

fn cells(table: &Table, name: &str) -> Result<Vec<Option<Cell>>> {
    use DataType as D;
    let array = column(table, name)?;
    let array = match array.data_type() {
        D::Dictionary(_, values) => &cast(array, values)?,
        _ => array,
    };
    Ok(match array.data_type() {
        D::Boolean => array.as_boolean().iter().map(|v| v.map(Cell::Bool)).collect(),
        D::Utf8 | D::LargeUtf8 | D::Utf8View => {
            let texts = cast(array, &D::Utf8)?;
            texts.as_string::<i32>().iter().map(|v| v.map(|v| Cell::Text(v.to_owned()))).collect()
        }
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => {
            let bytes = cast(array, &D::Binary)?;
            bytes.as_binary::<i32>().iter().map(|v| v.map(|v| Cell::Bytes(v.to_vec()))).collect()
        }
        float if float.is_floating() => {
            let floats = cast(array, &D::Float64)?;
            floats
                .as_primitive::<Float64Type>()
                .iter()
                .map(|v| v.map(|v| Cell::Float((v + 0.0).to_bits())))
                .collect()
        }
        integer if integer.is_integer() => integers(array)?.into_iter().map(|v| v.map(Cell::Int)).collect(),
        time => match nanos_a_tick(time) {
            Some(unit) => integers(array)?.into_iter().map(|v| v.map(|v| Cell::Time(v * unit))).collect(),
            None => return Err(ill_typed(table, name, array).with("expected", "a type that a key can have")),
        },
    })
}

fn integers(array: &ArrayRef) -> Result<Vec<Option<i128>>> {
    if array.data_type() == &DataType::UInt64 {
        return Ok(array.as_primitive::<UInt64Type>().iter().map(|v| v.map(i128::from)).collect());
    }
    let array = match array.data_type() {
        DataType::Date32 => cast(array, &DataType::Int32)?,
        _ => Arc::clone(array),
    };
    let wide = cast(&array, &DataType::Int64)?;
    Ok(wide.as_primitive::<Int64Type>().iter().map(|v| v.map(i128::from)).collect())
}

/// Nanoseconds in one tick of a type of times.
fn nanos_a_tick(data_type: &DataType) -> Option<i128> {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => Some(1_000_000_000),
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => Some(1_000_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(1_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(1),
        DataType::Date32 => Some(86_400_000_000_000),
        _ => None,
    }
}

fn ill_typed(table: &Table, name: &str, column: &ArrayRef) -> Error {
    Error::invalid("a column has the wrong type")
        .with("source", &table.source)
        .with("field", name)
        .with("type", column.data_type())
}
