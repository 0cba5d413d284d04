use super::*;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use provender_core::{EntityKeyEncoder, EntityKeys, Kind, RequestContext, ValueType};
use std::sync::Arc;

/// Key, event and created time, value.
type Row<'a> = (i64, i64, Option<i64>, &'a [u8]);

fn request(rows: &[Row<'_>]) -> OnlineWrite {
    let encoder = EntityKeyEncoder::new([("driver_id", ValueType::INT64)]).unwrap();
    let mut keys = EntityKeys::default();
    for row in rows {
        encoder.push(&mut keys, |_| KeyValue::Int(row.0)).unwrap();
    }
    let times = |time: fn(&Row<'_>) -> Option<i64>| {
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(time)).with_timezone("UTC")) as ArrayRef
    };
    let values = BinaryArray::from_iter_values(rows.iter().map(|row| row.3));
    let columns: [(&str, ArrayRef); 4] = [
        ("entity_key", Arc::new(keys.into_array().unwrap())),
        ("event_timestamp", times(|row| Some(row.1))),
        ("created_timestamp", times(|row| row.2)),
        ("trips", Arc::new(values)),
    ];
    let table = OnlineTable {
        project: "shop".to_owned(),
        view: "stats".to_owned(),
        join_keys: vec!["driver_id".to_owned()],
        features: vec![("trips".to_owned(), ValueType::BYTES)],
        ttl: None,
        tags: Default::default(),
    };
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    OnlineWrite { table: Arc::new(table), rows, context: RequestContext::local() }
}

#[test]
fn rows_larger_than_an_item_are_refused_with_the_entity() {
    let (fits, large) = (vec![0; 409_000], vec![0; 409_600]);
    let request = request(&[(7, 0, None, &fits), (1001, 0, None, &large)]);
    let batch = Batch::of(&request).unwrap();
    assert!(batch.check(0).is_ok());
    let error = batch.check(1).unwrap_err();
    assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some("stats")));
    assert_eq!(
        (error.get("entity"), error.get("expected")),
        (Some("driver_id=1001"), Some("at most 400 KB"))
    );
}

#[test]
fn times_that_cannot_be_stored_are_refused_with_the_entity() {
    let request = request(&[(1001, i64::MAX, None, b""), (1002, 0, Some(i64::MIN), b"")]);
    let batch = Batch::of(&request).unwrap();
    for (row, entity) in [(0, "driver_id=1001"), (1, "driver_id=1002")] {
        let error = batch.check(row).unwrap_err();
        assert_eq!((error.kind(), error.get("entity")), (Kind::Invalid, Some(entity)));
    }
}
