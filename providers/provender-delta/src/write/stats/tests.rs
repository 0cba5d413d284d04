use super::*;
use crate::write::layout::Column;
use arrow_array::{
    BooleanArray, Date32Array, Decimal128Array, Float64Array, StringArray, TimestampMicrosecondArray,
};
use std::sync::Arc;

/// Minimum, maximum and count of nulls of a column whose values come in batches.
fn of(batches: Vec<ArrayRef>) -> (Value, Value, Value) {
    let batches = batches
        .into_iter()
        .map(|values| RecordBatch::try_from_iter_with_nullable([("c", values, true)]).unwrap());
    let batches: Vec<_> = batches.collect();
    let field = batches[0].schema().fields()[0].clone();
    let layout = Layout::new(vec![Column { stored: field.clone(), field }], &[]).unwrap();
    let mut statistics = Statistics::new(&layout);
    batches.iter().for_each(|batch| statistics.add(batch).unwrap());
    let json = statistics.to_json(&layout);
    (json["minValues"]["c"].clone(), json["maxValues"]["c"].clone(), json["nullCount"]["c"].clone())
}

#[test]
fn bounds_hold_all_values_of_all_batches() {
    let floats = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
    assert_eq!(
        of(vec![floats(vec![Some(2.5), None]), floats(vec![None]), floats(vec![Some(-1.0)])]),
        (json!(-1.0), json!(2.5), json!(2))
    );
    let decimals = Decimal128Array::from(vec![-1250, 7]).with_precision_and_scale(9, 2).unwrap();
    assert_eq!(of(vec![Arc::new(decimals)]), (json!(-12.5), json!(0.07), json!(0)));
    assert_eq!(
        of(vec![Arc::new(Date32Array::from(vec![-1, 1]))]),
        (json!("1969-12-31"), json!("1970-01-02"), json!(0))
    );
    let before = TimestampMicrosecondArray::from(vec![-1]);
    assert_eq!(
        of(vec![Arc::new(before)]),
        (json!("1969-12-31T23:59:59.999"), json!("1970-01-01T00:00:00.000"), json!(0))
    );
}

#[test]
fn what_has_no_bound_that_every_reader_takes_has_none() {
    let (nan, none) = (Float64Array::from(vec![1.0, f64::NAN]), Value::Null);
    assert_eq!(
        of(vec![Arc::new(Float64Array::from(vec![0.5])), Arc::new(nan)]),
        (none.clone(), none.clone(), json!(0))
    );
    let long = StringArray::from(vec!["a".to_owned(), "z".repeat(65)]);
    assert_eq!(of(vec![Arc::new(long)]), (json!("a"), none.clone(), json!(0)));
    let large = Decimal128Array::from(vec![1, i128::MAX / 2]).with_precision_and_scale(38, 0).unwrap();
    assert_eq!(of(vec![Arc::new(large)]), (json!(1.0), none.clone(), json!(0)));
    assert_eq!(
        of(vec![Arc::new(BooleanArray::from(vec![Some(true), None]))]),
        (none.clone(), none.clone(), json!(1))
    );
    assert_eq!(of(vec![Arc::new(Date32Array::from(vec![i32::MAX]))]), (none.clone(), none, json!(0)));
}
