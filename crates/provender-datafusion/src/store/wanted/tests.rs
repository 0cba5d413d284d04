use super::{first, last};
use arrow_schema::{DataType, TimeUnit};
use datafusion::common::ScalarValue;

fn values(micros: i64, unit: TimeUnit) -> Vec<Option<i64>> {
    let of = |value: Option<ScalarValue>| match value? {
        ScalarValue::TimestampSecond(value, _)
        | ScalarValue::TimestampMillisecond(value, _)
        | ScalarValue::TimestampMicrosecond(value, _)
        | ScalarValue::TimestampNanosecond(value, _) => value,
        other => panic!("{other:?}"),
    };
    let data_type = DataType::Timestamp(unit, None);
    vec![of(first(micros, &data_type)), of(last(micros, &data_type))]
}

#[test]
fn bounds_are_said_in_the_columns_own_unit() {
    assert_eq!(values(1_500_001, TimeUnit::Second), [Some(2), Some(1)]);
    assert_eq!(values(-1_500_001, TimeUnit::Second), [Some(-1), Some(-2)]);
    assert_eq!(values(1_001, TimeUnit::Millisecond), [Some(2), Some(1)]);
    assert_eq!(values(-2_000, TimeUnit::Millisecond), [Some(-2), Some(-2)]);
    assert_eq!(values(7, TimeUnit::Microsecond), [Some(7), Some(7)]);
    assert_eq!(values(7, TimeUnit::Nanosecond), [Some(7_000), Some(7_999)]);
}

#[test]
fn what_no_value_can_say_is_no_bound() {
    assert_eq!(values(i64::MIN, TimeUnit::Second)[0], None);
    assert_eq!(values(i64::MAX, TimeUnit::Microsecond)[1], None);
    assert_eq!(values(i64::MAX - 1, TimeUnit::Nanosecond), [None, None]);
    assert_eq!(first(0, &DataType::Utf8), None);
}
