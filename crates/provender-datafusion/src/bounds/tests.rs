use super::Bounds;
use arrow_schema::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, col};

fn nanos(value: i64) -> Expr {
    Expr::Literal(ScalarValue::TimestampNanosecond(Some(value), None), None)
}

fn of(conditions: &[Expr]) -> (i64, i64) {
    let bounds = Bounds::of(conditions, "at", &DataType::Timestamp(TimeUnit::Nanosecond, None));
    (bounds.start, bounds.end)
}

#[test]
fn comparisons_narrow_the_window_from_both_sides() {
    assert_eq!(of(&[col("at").gt(nanos(5_500)), col("at").lt_eq(nanos(9_999))]), (5, 9));
    assert_eq!(of(&[nanos(7_000).lt(col("at"))]), (7, i64::MAX));
    assert_eq!(of(&[col("at").eq(nanos(-1))]), (-1, -1));
    assert_eq!(of(&[col("at").between(nanos(1_000), nanos(2_000)).and(col("x").gt(nanos(9_000)))]), (1, 2));
}

#[test]
fn what_cannot_be_told_is_no_bound() {
    let all = (i64::MIN, i64::MAX);
    let zoned = Expr::Literal(ScalarValue::TimestampNanosecond(Some(1), Some("UTC".into())), None);
    assert_eq!(of(&[col("at").gt(zoned)]), all);
    assert_eq!(of(&[col("at").gt(nanos(1)).or(col("x").gt(nanos(1)))]), all);
    assert_eq!(of(&[col("at").not_between(nanos(1_000), nanos(2_000))]), all);
    assert_eq!(of(&[col("at").not_eq(nanos(1_000)), col("other").gt(nanos(1_000))]), all);
    assert_eq!(of(&[col("at").gt(Expr::Literal(ScalarValue::TimestampNanosecond(None, None), None))]), all);
}
