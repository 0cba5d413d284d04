//! Statistics of a file, as the log has them (Delta protocol, "Per-file Statistics"): readers leave files unread by them.

use super::layout::Layout;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Datelike, SecondsFormat};
use deltalake_core::arrow::compute::{max, max_string, min, min_string};
use provender_core::Result;
use serde_json::{Map, Value, json};

/// Longer texts are no bounds: what is cut off cannot be rounded up in every reader's order.
const MAX_TEXT: usize = 64;
/// Numbers of more digits would not survive a reader that takes them for doubles.
const EXACT_DECIMAL: i128 = 1_000_000_000_000_000;

/// Counts and bounds of the rows of a file, gathered batch by batch.
#[derive(Debug)]
pub(crate) struct Statistics {
    rows: u64,
    columns: Vec<Indexed>,
}

/// A column that has statistics.
#[derive(Debug)]
struct Indexed {
    /// Its place among the stored columns.
    index: usize,
    nulls: u64,
    bounds: Bounds,
}

#[derive(Debug)]
enum Bounds {
    /// No value so far.
    Empty,
    Known(Bound, Bound),
    /// The column holds a value that nothing bounds.
    Unknown,
}

/// A value in the order of its type.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Bound {
    Whole(i64),
    Float(f64),
    Decimal(i128, i8),
    Text(String),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970, and whether they are in UTC rather than in no zone.
    Instant(i64, bool),
}

impl Statistics {
    /// Of no row yet.
    pub(crate) fn new(layout: &Layout) -> Self {
        let indexed = |(index, field): (usize, &arrow_schema::FieldRef)| {
            let wanted = match &layout.indexed {
                Some(names) => names.contains(field.name()),
                None => index < layout.indexed_columns,
            };
            (wanted && !field.data_type().is_nested()).then_some(Indexed {
                index,
                nulls: 0,
                bounds: Bounds::Empty,
            })
        };
        let columns = layout.stored.fields().iter().enumerate().filter_map(indexed).collect();
        Self { rows: 0, columns }
    }

    /// Takes in the rows of a batch, which has the stored columns.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        for column in &mut self.columns {
            let values = batch.column(column.index);
            column.nulls += values.null_count() as u64;
            if values.null_count() < values.len() {
                column.widen(bounds(values)?);
            }
        }
        Ok(())
    }

    /// How many rows.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// As the log has them, under stored names.
    pub(crate) fn to_json(&self, layout: &Layout) -> Value {
        let (mut nulls, mut lowest, mut highest) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            let name = layout.stored.field(column.index).name();
            nulls.insert(name.clone(), column.nulls.into());
            if let Bounds::Known(low, high) = &column.bounds {
                low.to_json(false).map(|value| lowest.insert(name.clone(), value));
                high.to_json(true).map(|value| highest.insert(name.clone(), value));
            }
        }
        json!({ "numRecords": self.rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls })
    }
}

impl Indexed {
    fn widen(&mut self, with: Option<(Bound, Bound)>) {
        let held = std::mem::replace(&mut self.bounds, Bounds::Unknown);
        self.bounds = match (held, with) {
            (Bounds::Empty, Some((low, high))) => Bounds::Known(low, high),
            (Bounds::Known(low, high), Some((lower, higher))) => Bounds::Known(
                if lower < low { lower } else { low },
                if higher > high { higher } else { high },
            ),
            (Bounds::Unknown, _) | (_, None) => Bounds::Unknown,
        };
    }
}

/// The smallest and largest of some values, of which one at least is not null; `None` if their type has no bounds.
fn bounds(values: &ArrayRef) -> Result<Option<(Bound, Bound)>> {
    let pair = |low: Option<Bound>, high: Option<Bound>| low.zip(high);
    Ok(match values.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let whole = cast(values, &DataType::Int64)?;
            let whole = whole.as_primitive::<Int64Type>();
            pair(min(whole).map(Bound::Whole), max(whole).map(Bound::Whole))
        }
        DataType::Float32 | DataType::Float64 => {
            let floats = cast(values, &DataType::Float64)?;
            let floats = floats.as_primitive::<Float64Type>();
            // A NaN is the largest or the smallest of all, and no reader agrees on which. Adding zero makes both zeros one, which is then the lower for the lower bound.
            let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
            let low = finite(min(floats)).map(|low| if low == 0.0 { -0.0 } else { low });
            pair(low.map(Bound::Float), finite(max(floats)).map(|high| Bound::Float(high + 0.0)))
        }
        DataType::Decimal128(_, scale) => {
            let numbers = values.as_primitive::<Decimal128Type>();
            let bound = |number| Bound::Decimal(number, *scale);
            pair(min(numbers).map(bound), max(numbers).map(bound))
        }
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            let bound = |text: &str| Bound::Text(text.to_owned());
            pair(min_string(texts).map(bound), max_string(texts).map(bound))
        }
        DataType::Date32 => {
            let days = values.as_primitive::<Date32Type>();
            pair(min(days).map(Bound::Date), max(days).map(Bound::Date))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let instants = values.as_primitive::<TimestampMicrosecondType>();
            let bound = |micros| Bound::Instant(micros, zone.is_some());
            pair(min(instants).map(bound), max(instants).map(bound))
        }
        _ => None,
    })
}

impl Bound {
    /// The value, or one beyond it where the log's form is coarser; `None` if it has no form that every reader takes.
    fn to_json(&self, up: bool) -> Option<Value> {
        match self {
            Self::Whole(value) => Some((*value).into()),
            Self::Float(value) => Some((*value).into()),
            Self::Decimal(number, scale) if number.abs() < EXACT_DECIMAL => {
                let value = *number as f64 / 10_f64.powi(i32::from(*scale));
                Some(value.into())
            }
            Self::Decimal(..) => None,
            Self::Text(text) => (text.chars().count() <= MAX_TEXT).then(|| text.as_str().into()),
            Self::Date(days) => {
                let date = DateTime::from_timestamp(i64::from(*days) * 86_400, 0)?;
                is_four_digits(&date).then(|| date.format("%Y-%m-%d").to_string().into())
            }
            // Readers know milliseconds.
            Self::Instant(micros, is_utc) => {
                let millis = if up {
                    micros.div_euclid(1_000) + i64::from(micros.rem_euclid(1_000) > 0)
                } else {
                    micros.div_euclid(1_000)
                };
                let instant = DateTime::from_timestamp_millis(millis)?;
                let text = instant.to_rfc3339_opts(SecondsFormat::Millis, true);
                let text = if *is_utc { text } else { text.trim_end_matches('Z').to_owned() };
                is_four_digits(&instant).then(|| text.into())
            }
        }
    }
}

/// Other years are written in several ways.
fn is_four_digits(instant: &DateTime<chrono::Utc>) -> bool {
    (0..=9999).contains(&instant.year())
}

#[cfg(test)]
mod tests;
