use super::*;
use crate::manifest::{EntityOrigin, Recorder, testing};
use arrow_array::{Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema};
use std::sync::Arc;

const ROWS: i64 = 70_000;

/// A key, a time, and a feature that `f` makes of the row's number.
fn rows(f: impl Fn(i64) -> Option<f64>) -> RecordBatch {
    let times =
        TimestampMicrosecondArray::from_iter_values((0..ROWS).map(|i| i * 1_000_000)).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("event_timestamp", Arc::new(times)),
        ("f", Arc::new(Float64Array::from_iter((0..ROWS).map(f)))),
    ];
    let fields: Vec<_> = columns.iter().map(|(n, c)| Field::new(*n, c.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn number(i: i64) -> Option<f64> {
    (i % 5 != 0).then_some(i as f64)
}

fn manifest() -> Manifest {
    let rows = rows(number);
    let mut recorder: Recorder = testing::recorder(&rows.schema(), "driver_id", 2);
    recorder.add(&rows).unwrap();
    recorder.finish(EntityOrigin::Given, &Default::default(), &Default::default(), None)
}

/// Compares rows in batches of an odd size, with what was written if it is given.
fn compare(now: &RecordBatch, before: Option<&RecordBatch>) -> Verdict {
    let manifest = manifest();
    let mut comparison = Comparison::new(&manifest, &now.schema());
    for start in (0..now.num_rows()).step_by(9_999) {
        let part = now.slice(start, 9_999.min(now.num_rows() - start));
        let old = before.map(|before| before.slice(start, part.num_rows()).columns().to_vec());
        let old = old.map_or_else(Vec::new, |old| old.into_iter().map(Some).collect());
        comparison.add(&part, &old).unwrap();
    }
    comparison.finish()
}

#[test]
fn the_same_rows_are_equal() {
    let verdict = compare(&rows(number), Some(&rows(number)));
    assert!(verdict.equal && verdict.same_entity_rows);
    assert_eq!((verdict.block, verdict.cell, verdict.altered, verdict.columns.len()), (None, None, None, 0));
}

#[test]
fn the_first_cell_that_differs_is_named_with_its_entity() {
    let now = rows(|i| if i == 66_001 || i == 66_005 { Some(-1.0) } else { number(i) });
    let verdict = compare(&now, Some(&rows(number)));
    assert!(!verdict.equal && verdict.same_entity_rows);
    let cell = verdict.cell.unwrap();
    assert_eq!(
        (cell.row, cell.column.as_str(), cell.before.as_str(), cell.now.as_str()),
        (66_001, "f", "66001.0", "-1.0")
    );
    let entity: Vec<_> = cell.entity.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(entity, [("driver_id", "66001"), ("event_timestamp", "1970-01-01T18:20:01Z")]);
    assert_eq!(
        verdict.block.unwrap(),
        DifferentBlock { first: 65_536, last: 69_999, columns: vec!["f".into()] }
    );
}

#[test]
fn without_the_old_rows_the_block_is_named() {
    let verdict = compare(&rows(|i| if i == 3 { None } else { number(i) }), None);
    assert_eq!(verdict.cell, None);
    assert_eq!(verdict.block.unwrap(), DifferentBlock { first: 0, last: 65_535, columns: vec!["f".into()] });
}

#[test]
fn a_file_that_was_changed_later_is_told_apart_from_rows_that_differ() {
    let file = rows(|i| if i == 7 { Some(0.5) } else { number(i) });
    let verdict = compare(&rows(number), Some(&file));
    assert!(verdict.equal);
    let cell = verdict.altered.unwrap();
    assert_eq!((cell.row, cell.before.as_str(), cell.now.as_str()), (7, "0.5", "7.0"));
}

#[test]
fn missing_rows_and_other_columns_are_told() {
    let fewer = rows(number).slice(0, 65_536);
    let verdict = compare(&fewer, None);
    assert_eq!((verdict.equal, verdict.rows), (false, (70_000, 65_536)));
    let other = rows(number);
    let fields = vec![Field::new("f", other.column(0).data_type().clone(), true)];
    let other = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![other.column(0).clone()]).unwrap();
    let verdict = compare(&other, None);
    assert_eq!(
        verdict.columns,
        ["driver_id is missing", "event_timestamp is missing", "f was float64 and is int64"]
    );
    assert!(!verdict.equal && !verdict.same_entity_rows);
}
