//! Windows of a source: what comes back, in which columns, and what is refused.

use crate::support::{batch, column, ints, open, range, temp, times, write_parquet};
use arrow_array::RecordBatch;
use provender_core::offline::RangeRequest;
use provender_join::{Source, Window};
use std::sync::Arc;

/// 40,000 rows of 10,000 keys in four files.
fn source() -> (tempfile::TempDir, Arc<Source>) {
    let dir = temp();
    for file in 0..4_i64 {
        let rows = 0..10_000_i64;
        let table = batch(vec![
            ("id", ints(rows.clone().map(|i| if i == 77 { None } else { Some(i) }))),
            ("event", times(rows.clone().map(|_| file * 10))),
            ("created", times(rows.clone().map(|i| (i % 2 == 0).then_some(file)))),
            ("value", ints(rows.map(|i| file * 100_000 + i))),
        ]);
        write_parquet(&dir.path().join(format!("{file}.parquet")), &table, 4096);
    }
    let source = open(dir.path()).unwrap();
    (dir, source)
}

fn batches(batches: impl Iterator<Item = provender_core::Result<RecordBatch>>) -> Vec<RecordBatch> {
    batches.map(Result::unwrap).collect()
}

#[test]
fn latest_has_one_row_a_key_in_named_columns_and_counts_null_keys() {
    let (_dir, source) = source();
    let window = Window::new(range(&["driver=id"], &["v=value"], 0, 20), source).unwrap();
    let fields: Vec<_> = window.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(fields, ["driver", "v", "event_timestamp", "created_timestamp"]);
    let counters = window.counters();
    let latest = window.latest(2).unwrap();
    assert_eq!(latest.keys(), 9_999);
    let rows = batches(latest);
    assert!(rows.len() < 3, "small reads are joined into batches worth sending");
    let values = column(rows.into_iter().map(Ok), "v");
    assert_eq!(values.len(), 9_999);
    assert!(values.iter().all(|v| v.unwrap() / 100_000 == 2));
    assert_eq!((counters.null_keys(), counters.rows.load(std::sync::atomic::Ordering::Relaxed)), (3, 30_000));
}

#[test]
fn a_range_has_every_row_null_keys_included() {
    let (_dir, source) = source();
    let window = Window::new(range(&["id"], &[], 10, 20), source).unwrap();
    let counters = window.counters();
    let ids = column(window.range(2), "id");
    assert_eq!((ids.len(), ids.iter().filter(|id| id.is_none()).count()), (20_000, 2));
    assert_eq!(counters.rows.load(std::sync::atomic::Ordering::Relaxed), 20_000);
}

#[test]
fn entity_less_windows_have_one_latest_row() {
    let (_dir, source) = source();
    let latest = Window::new(range(&[], &["value"], 0, 100), source).unwrap().latest(2).unwrap();
    // Of the newest rows, those with a created time, and of them the last.
    assert_eq!(column(latest, "value"), [Some(309_998)]);
}

#[test]
fn an_empty_or_inverted_window_has_no_rows() {
    let (_dir, source) = source();
    for (start, end) in [(50, 90), (20, 10)] {
        let window = || Window::new(range(&["id"], &["value"], start, end), Arc::clone(&source)).unwrap();
        assert!(window().range(2).next().is_none());
        assert!(window().latest(1).unwrap().next().is_none());
    }
}

#[test]
fn a_cancelled_window_stops_with_an_error() {
    let (_dir, source) = source();
    let request = range(&["id"], &["value"], 0, 100);
    let window = || Window::new(request.clone(), Arc::clone(&source)).unwrap();
    let (latest, range) = (window(), window());
    request.context.cancel.cancel();
    assert_eq!(latest.latest(1).unwrap_err().message(), "interrupted");
    let mut range = range.range(2);
    assert_eq!(range.next().unwrap().unwrap_err().message(), "interrupted");
    assert!(range.next().is_none());
}

#[test]
fn mistakes_name_the_source_and_the_column() {
    let (_dir, source) = source();
    let refused = |request: RangeRequest| Window::new(request, Arc::clone(&source)).unwrap_err().to_string();
    assert!(refused(range(&["x"], &[], 0, 1)).contains("no such join key (source: stats, column: x"));
    assert!(refused(range(&[], &["x"], 0, 1)).contains("no such feature column (source: stats, column: x"));
    let created = RangeRequest { created_column: Some("made".into()), ..range(&[], &[], 0, 1) };
    assert!(refused(created).contains("no such created timestamp column (source: stats, column: made"));
}
