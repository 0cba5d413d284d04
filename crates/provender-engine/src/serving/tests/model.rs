//! Served values against a model that keeps every write in a list.

use super::*;
use proptest::prelude::*;
use provender_core::value::{ValueRef, read};

/// One written row: key, hours ago, created, and two values.
type Row = (i64, i64, i64, Option<i64>, Option<i64>);

const HOUR: i64 = 3_600_000_000;
/// Five hours and a half: no row is near the border while the test runs.
const TTL: i64 = 5 * HOUR + HOUR / 2;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let value = || prop_oneof![Just(None), (0..100_i64).prop_map(Some)];
    prop::collection::vec((0..4_i64, 0..10_i64, 0..3_i64, value(), value()), 0..30)
}

fn written(rows: &[Row], now: i64) -> arrow_array::RecordBatch {
    let column = |f: &dyn Fn(&Row) -> Option<i64>| ints(&rows.iter().map(f).collect::<Vec<_>>());
    batch(vec![
        ("k", column(&|r| Some(r.0))),
        ("event_timestamp", column(&|r| Some((now - r.1 * HOUR) * 1_000))),
        ("created", column(&|r| Some((now + r.2) * 1_000))),
        ("a", column(&|r| r.3)),
        ("b", column(&|r| r.4)),
    ])
}

/// What must be served: of the rows of a key the newest by event and created, the later of equals.
fn expected(rows: &[Row], key: i64, second: bool, now: i64) -> (Option<i64>, Status, i64) {
    let newest = rows.iter().filter(|r| r.0 == key).max_by_key(|r| (-r.1, r.2));
    let Some(row) = newest else { return (None, Status::NotFound, 0) };
    let value = if second { row.4 } else { row.3 };
    let time = now - row.1 * HOUR;
    match value {
        _ if row.1 * HOUR > TTL => (None, Status::OutsideMaxAge, time),
        None => (None, Status::NullValue, time),
        Some(value) => (Some(value), Status::Present, time),
    }
}

async fn check(rows: Vec<Row>, cut: usize, keys: Vec<i64>) {
    let values = [("a", ValueType::INT64), ("b", ValueType::INT32)];
    let fv = FeatureView { ttl: Some(TTL), ..view("fv", &[("k", ValueType::INT64)], &values) };
    let world = World::new(vec![object(fv)]).await;
    let now = Timestamp::now().0;
    let (first, second) = rows.split_at(cut.min(rows.len()));
    for part in [first, second] {
        let context = RequestContext::local();
        world.store.write_to_online_store("fv", written(part, now), context).await.unwrap();
    }
    let entities = vec![("k", keys.iter().map(|k| EntityValue::Int(*k)).collect())];
    let answer = world.store.online(query(&["fv:b", "fv:a"], entities)).await.unwrap();
    for (row, key) in keys.iter().enumerate() {
        for (column, second) in [(1, true), (2, false)] {
            let cell = answer.cell(column, row);
            let value = match read(cell.value).unwrap().1 {
                ValueRef::Int(value) => Some(value),
                _ => None,
            };
            assert_eq!((value, cell.status, cell.time.0), expected(&rows, *key, second, now));
        }
    }
    assert_json_agrees(&answer);
}

/// The JSON form must say what the cells say.
fn assert_json_agrees(answer: &OnlineAnswer) {
    let parsed: serde_json::Value = serde_json::from_str(&json(answer)).unwrap();
    for column in 0..answer.names().len() {
        for row in 0..answer.rows() {
            let cell = answer.cell(column, row);
            let result = &parsed["results"][column];
            assert_eq!(result["statuses"][row], cell.status.name());
            assert_eq!(result["event_timestamps"][row], cell.time.to_string());
            let value = read(cell.value).unwrap().1;
            assert_eq!(
                result["values"][row].as_i64(),
                if let ValueRef::Int(v) = value { Some(v) } else { None }
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn served_values_are_the_newest_that_were_written(
        rows in rows(),
        cut in 0..30_usize,
        keys in prop::collection::vec(0..6_i64, 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(rows, cut, keys));
    }
}
