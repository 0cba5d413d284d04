//! Which columns and rows of a query are wanted.

use crate::bounds::Bounds;
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_cast::cast;
use arrow_schema::{DataType, Schema, TimeUnit};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, ident};
use provender_core::offline::{FeatureColumn, KeyColumn, RangeRequest, Spine, ViewJoin};
use provender_core::{Error, Result, timestamp_type};
use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Some columns of the rows in a window.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    columns: BTreeSet<String>,
    event_column: String,
    bounds: Bounds,
}

impl Wanted {
    pub(super) fn of_range(request: &RangeRequest) -> Self {
        let times = [Some(&request.event_column), request.created_column.as_ref()];
        Self {
            columns: columns(&request.keys, &request.features, times),
            event_column: request.event_column.clone(),
            bounds: Bounds { start: request.start.0, end: request.end.0 },
        }
    }

    /// What a join needs for entity rows between two times; `None` for no entity row with a time.
    pub(super) fn of_view(view: &ViewJoin, times: Option<(i64, i64)>) -> Self {
        let bounds = match (times, view.ttl.filter(|ttl| *ttl > 0)) {
            (Some((first, last)), Some(ttl)) => Bounds { start: first.saturating_sub(ttl), end: last },
            (Some((_, last)), None) => Bounds { end: last, ..Bounds::ALL },
            (None, _) => Bounds { start: 1, end: 0 },
        };
        let columns_of_time = [Some(&view.event_column), view.created_column.as_ref()];
        Self {
            columns: columns(&view.keys, &view.features, columns_of_time),
            event_column: view.event_column.clone(),
            bounds,
        }
    }

    /// What this and another of the same query want.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.columns.extend(other.columns);
        if self.event_column == other.event_column {
            self.bounds.start = self.bounds.start.min(other.bounds.start);
            self.bounds.end = self.bounds.end.max(other.bounds.end);
        } else {
            self.bounds = Bounds::ALL;
        }
        self
    }

    /// The columns, in the query's order.
    ///
    /// # Errors
    /// `Invalid` naming one that the query does not give.
    pub(super) fn columns(&self, schema: &Schema) -> Result<Vec<Expr>> {
        let known = || schema.fields().iter().map(|field| field.name().as_str());
        if let Some(missing) = self.columns.iter().find(|column| !known().any(|name| name == *column)) {
            let error = Error::invalid("the query gives no such column").with("column", missing);
            return Err(error
                .suggest(missing, known())
                .with("expected", known().collect::<Vec<_>>().join(", ")));
        }
        let wanted = known().filter(|name| self.columns.contains(*name));
        Ok(wanted.map(|name| Expr::Column(Column::new_unqualified(name))).collect())
    }

    /// The condition on the event time, where its type lets one be told.
    pub(super) fn condition(&self, schema: &Schema) -> Option<Expr> {
        let data_type = schema.field_with_name(&self.event_column).ok()?.data_type();
        let column = || ident(self.event_column.as_str());
        let start = first(self.bounds.start, data_type).map(|value| column().gt_eq(literal(value)));
        let end = last(self.bounds.end, data_type).map(|value| column().lt_eq(literal(value)));
        start.into_iter().chain(end).reduce(Expr::and)
    }
}

fn literal(value: ScalarValue) -> Expr {
    Expr::Literal(value, None)
}

/// The first value of a type that is not before an instant; `None` if every value is, as far as one can tell.
fn first(micros: i64, data_type: &DataType) -> Option<ScalarValue> {
    let DataType::Timestamp(unit, zone) = data_type else { return None };
    let value = match unit {
        _ if micros == i64::MIN => None,
        TimeUnit::Second => Some(-(-micros).div_euclid(1_000_000)),
        TimeUnit::Millisecond => Some(-(-micros).div_euclid(1_000)),
        TimeUnit::Microsecond => Some(micros),
        TimeUnit::Nanosecond => micros.checked_mul(1_000),
    };
    value.map(|value| timestamp(value, *unit, zone))
}

/// The last value of a type that is not after an instant, by its whole microseconds, as stores compare; `None` as in [`first`].
fn last(micros: i64, data_type: &DataType) -> Option<ScalarValue> {
    let DataType::Timestamp(unit, zone) = data_type else { return None };
    let value = match unit {
        _ if micros == i64::MAX => None,
        TimeUnit::Second => Some(micros.div_euclid(1_000_000)),
        TimeUnit::Millisecond => Some(micros.div_euclid(1_000)),
        TimeUnit::Microsecond => Some(micros),
        TimeUnit::Nanosecond => micros.checked_mul(1_000).and_then(|value| value.checked_add(999)),
    };
    value.map(|value| timestamp(value, *unit, zone))
}

fn timestamp(value: i64, unit: TimeUnit, zone: &Option<Arc<str>>) -> ScalarValue {
    let (value, zone) = (Some(value), zone.clone());
    match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(value, zone),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, zone),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, zone),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, zone),
    }
}

fn columns<const N: usize>(
    keys: &[KeyColumn],
    features: &[FeatureColumn],
    times: [Option<&String>; N],
) -> BTreeSet<String> {
    let keys = keys.iter().map(|key| &key.column);
    let features = features.iter().map(|feature| &feature.column);
    keys.chain(features).chain(times.into_iter().flatten()).cloned().collect()
}

/// The first and the last time of entity rows; blocks. Times that cannot be told yet are no bound.
pub(super) fn times(spine: &Spine) -> Result<Option<(i64, i64)>> {
    let mut found: Option<(i64, i64)> = None;
    for batch in spine.read(0..spine.rows()) {
        let batch = batch?;
        let Some(column) = batch.column_by_name(&spine.event_column) else { continue };
        let Ok(column) = cast(column, &timestamp_type()) else { return Ok(Some((i64::MIN, i64::MAX))) };
        let column = column.as_primitive::<TimestampMicrosecondType>();
        let times = (0..column.len()).filter(|row| column.is_valid(*row)).map(|row| column.value(row));
        for time in times {
            let (first, last) = found.unwrap_or((time, time));
            found = Some((first.min(time), last.max(time)));
        }
    }
    Ok(found)
}
