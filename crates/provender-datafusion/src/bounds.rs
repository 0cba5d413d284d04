//! What a query's conditions say of the event time.

use arrow_schema::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use provender_core::Timestamp;

#[cfg(test)]
mod tests;

/// The first and the last event time that can meet the conditions of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Bounds {
    /// No bounds.
    pub(crate) const ALL: Self = Self { start: i64::MIN, end: i64::MAX };

    /// Those of conditions that all hold, on a column of a type.
    pub(crate) fn of(conditions: &[Expr], column: &str, data_type: &DataType) -> Self {
        let mut bounds = Self::ALL;
        for condition in conditions {
            bounds.narrow(condition, column, data_type);
        }
        bounds
    }

    fn narrow(&mut self, condition: &Expr, column: &str, data_type: &DataType) {
        let instant = |value: &Expr| match value {
            Expr::Literal(value, _) if value.data_type() == *data_type => micros(value),
            _ => None,
        };
        match condition {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.narrow(left, column, data_type);
                self.narrow(right, column, data_type);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_column(left, column) => {
                self.compare(*op, instant(right));
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_column(right, column) => {
                self.compare(op.swap().unwrap_or(*op), instant(left));
            }
            Expr::Between(between) if !between.negated && is_column(&between.expr, column) => {
                self.compare(Operator::GtEq, instant(&between.low));
                self.compare(Operator::LtEq, instant(&between.high));
            }
            _ => {}
        }
    }

    /// The column compares so with an instant. Bounds may be wider than the condition, which the engine checks again.
    fn compare(&mut self, operator: Operator, instant: Option<i64>) {
        let Some(instant) = instant else { return };
        if matches!(operator, Operator::Gt | Operator::GtEq | Operator::Eq) {
            self.start = self.start.max(instant);
        }
        if matches!(operator, Operator::Lt | Operator::LtEq | Operator::Eq) {
            self.end = self.end.min(instant);
        }
    }

    pub(crate) fn start(self) -> Timestamp {
        Timestamp(self.start)
    }

    pub(crate) fn end(self) -> Timestamp {
        Timestamp(self.end)
    }
}

/// Whether a condition says something of the column.
pub(crate) fn speaks_of(condition: &Expr, column: &str, data_type: &DataType) -> bool {
    Bounds::of(std::slice::from_ref(condition), column, data_type) != Bounds::ALL
}

fn is_column(expr: &Expr, column: &str) -> bool {
    matches!(expr, Expr::Column(found) if found.name() == column)
}

/// An instant in microseconds, rounded down as stores do.
fn micros(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(value, _) => value.map(|v| v.saturating_mul(1_000_000)),
        ScalarValue::TimestampMillisecond(value, _) => value.map(|v| v.saturating_mul(1_000)),
        ScalarValue::TimestampMicrosecond(value, _) => *value,
        ScalarValue::TimestampNanosecond(value, _) => value.map(|v| v.div_euclid(1_000)),
        ScalarValue::Date32(value) => value.map(|days| i64::from(days).saturating_mul(86_400_000_000)),
        _ => None,
    }
}
