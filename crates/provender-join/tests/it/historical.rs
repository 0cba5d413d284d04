//! The rules of the join one by one, its report, its plan and its refusals.

use crate::support::{
    batch, column, ints, join, open, prepare, spine, temp, texts, times, view, write_pages, write_parquet,
};
use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    types::Float64Type,
};
use arrow_schema::{DataType, Field};
use provender_core::offline::{KnownAt, Spine, ViewJoin};
use provender_core::{Error, Kind, Progress, RequestContext, Result};
use provender_join::{HistoricalJoin, JoinOptions, Joined, Source};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// One file of driver rows: (driver, event, created, value).
fn drivers(rows: &[(i64, i64, i64, i64)]) -> (tempfile::TempDir, Arc<Source>) {
    let dir = temp();
    let table = batch(vec![
        ("driver", ints(rows.iter().map(|r| r.0))),
        ("event", times(rows.iter().map(|r| r.1))),
        ("created", times(rows.iter().map(|r| r.2))),
        ("value", ints(rows.iter().map(|r| r.3))),
    ]);
    let source = open(&write_parquet(&dir.path().join("drivers.parquet"), &table, 3)).unwrap();
    (dir, source)
}

fn asked(rows: &[(i64, i64)]) -> Arc<Spine> {
    spine(vec![batch(vec![
        ("driver", ints(rows.iter().map(|r| r.0))),
        ("time", times(rows.iter().map(|r| r.1))),
    ])])
}

fn error(result: Result<Joined>) -> Error {
    result.map(drop).unwrap_err()
}

#[test]
fn columns_keep_their_names_types_and_order() {
    let (_dir, source) = drivers(&[(1, 10, 10, 7)]);
    let spine = spine(vec![batch(vec![("id", ints([1, 2])), ("time", times([10, 10]))])]);
    let joined = join(&spine, view(&["id=driver"], &["v=value", "created", "again=value"]), &source).unwrap();
    let fields: Vec<_> =
        joined.schema().fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(fields, ["v Int64", r#"created Timestamp(µs, "UTC")"#, "again Int64"]);
    let found = joined.map(Result::unwrap).next().unwrap();
    assert_eq!(found.column(0).as_ref(), &Int64Array::from(vec![Some(7), None]) as &dyn Array);
    assert_eq!(found.column(0), found.column(2));
}

#[test]
fn known_at_created_takes_what_was_known_and_event_counts_the_leak() {
    let (_dir, source) = drivers(&[(1, 10, 12, 1), (1, 20, 50, 2)]);
    let spine = asked(&[(1, 30), (1, 11), (1, 60)]);
    let by_event = join(&spine, view(&["driver"], &["value"]), &source).unwrap();
    assert_eq!(by_event.report().views[0].leaked, Some(2));
    assert_eq!(column(by_event, "value"), [Some(2), Some(1), Some(2)]);
    let known = ViewJoin { known_at: KnownAt::Created, ..view(&["driver"], &["value"]) };
    let known = join(&spine, known, &source).unwrap();
    assert_eq!(known.report().views[0].leaked, Some(0));
    assert_eq!(column(known, "value"), [Some(1), None, Some(2)]);
}

#[test]
fn of_equal_rows_the_later_file_and_row_win() {
    let dir = temp();
    let part = |name: &str, values: &[i64]| {
        let table = batch(vec![
            ("driver", ints(values.iter().map(|_| 1))),
            ("event", times(values.iter().map(|_| 5))),
            ("created", times(values.iter().map(|_| 5))),
            ("value", ints(values.iter().copied())),
        ]);
        write_parquet(&dir.path().join(name), &table, 2);
    };
    part("b.parquet", &[30, 31, 32]);
    part("a.parquet", &[90, 91, 92, 93, 94]);
    let source = open(dir.path()).unwrap();
    let found = join(&asked(&[(1, 5), (1, 4)]), view(&["driver"], &["value"]), &source).unwrap();
    assert_eq!(column(found, "value"), [Some(32), None]);
}

#[test]
fn nested_values_come_through() {
    let mut lists = ListBuilder::new(Int64Builder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in 0..6_i64 {
        match row {
            2 => lists.append(false),
            _ => lists.append_value((0..row).map(Some)),
        }
        maps.keys().append_value(format!("k{row}"));
        maps.values().append_option((row != 3).then_some(row));
        maps.append(true).unwrap();
    }
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d", "e", "f"]));
    let pair = StructArray::from(vec![
        (Arc::new(Field::new("name", DataType::Utf8, true)), names),
        (Arc::new(Field::new("n", DataType::Int64, true)), ints(0..6)),
    ]);
    let vectors = (0..6).map(|i| Some(vec![Some(f64::from(i)), None]));
    let vectors = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(vectors, 2);
    let nested =
        ListArray::from_iter_primitive::<Float64Type, _, _>((0..6).map(|i| Some(vec![Some(f64::from(i))])));
    let table = batch(vec![
        ("driver", ints(0..6)),
        ("event", times([1; 6])),
        ("created", times([1; 6])),
        ("list", Arc::new(lists.finish())),
        ("map", Arc::new(maps.finish())),
        ("pair", Arc::new(pair)),
        ("vector", Arc::new(vectors)),
        ("nested", Arc::new(nested)),
    ]);
    let dir = temp();
    let source = open(&write_parquet(&dir.path().join("x.parquet"), &table, 2)).unwrap();
    let features = ["list", "map", "pair", "vector", "nested"];
    let found =
        join(&asked(&[(5, 1), (9, 1), (2, 1), (3, 1), (2, 1)]), view(&["driver"], &features), &source)
            .unwrap();
    let found = found.map(Result::unwrap).next().unwrap();
    for name in features {
        let (found, stored) = (found.column_by_name(name).unwrap(), table.column_by_name(name).unwrap());
        for (row, expected) in [(0, 5), (2, 2), (3, 3), (4, 2)] {
            assert_eq!(
                found.slice(row, 1).as_ref(),
                stored.slice(expected, 1).as_ref(),
                "{name} of row {row}"
            );
        }
        assert!(found.is_null(1), "{name} of an unknown driver");
    }
}

#[test]
fn dictionaries_are_unpacked_across_row_groups() {
    let names: arrow_array::DictionaryArray<arrow_array::types::Int8Type> =
        vec!["x", "y", "x", "z"].into_iter().collect();
    let table = batch(vec![
        ("driver", ints(0..4)),
        ("event", times([1; 4])),
        ("created", times([1; 4])),
        ("name", Arc::new(names)),
    ]);
    let dir = temp();
    let source = open(&write_parquet(&dir.path().join("x.parquet"), &table, 1)).unwrap();
    let found = join(&asked(&[(3, 1), (0, 1), (7, 1)]), view(&["driver"], &["name"]), &source).unwrap();
    let found = found.map(Result::unwrap).next().unwrap();
    assert_eq!(found.column(0).as_ref(), &StringArray::from(vec![Some("z"), Some("x"), None]) as &dyn Array);
}

#[test]
fn views_with_different_keys_and_without_any_join_the_same_rows() {
    let (_dir, source) = drivers(&[(1, 10, 10, 7), (2, 20, 20, 8)]);
    let spine = spine(vec![
        batch(vec![("driver", ints([1, 2])), ("other", ints([2, 9])), ("time", times([30, 15]))]),
        batch(vec![("driver", ints([2])), ("other", ints([1])), ("time", times([25]))]),
    ]);
    let named = |name: &str, view: ViewJoin| (ViewJoin { name: name.into(), ..view }, Arc::clone(&source));
    let views = vec![
        named("mine", view(&["driver"], &["a=value"])),
        named("theirs", view(&["other=driver"], &["b=value"])),
        named("all", view(&[], &["c=value"])),
        named("again", view(&["driver"], &["d=driver"])),
    ];
    let join = HistoricalJoin::new(spine, views, JoinOptions::default(), RequestContext::local()).unwrap();
    let joined = join.run().unwrap();
    let names: Vec<_> = joined.report().views.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["mine", "theirs", "all", "again"]);
    let batches: Vec<RecordBatch> = joined.map(Result::unwrap).collect();
    let values = |name: &str| column(batches.iter().cloned().map(Ok), name);
    assert_eq!(values("a"), [Some(7), None, Some(8)]);
    assert_eq!(values("b"), [Some(8), None, Some(7)]);
    assert_eq!(values("c"), [Some(8), Some(7), Some(8)]);
    assert_eq!(values("d"), [Some(1), None, Some(2)]);
}

#[test]
fn statistics_prune_row_groups_by_time_and_key() {
    // Six row groups of three rows: days 0, 0, 0, 1, 1, 1, … and drivers 0..18.
    let rows: Vec<_> = (0..18).map(|i| (i, i / 3 * 100, i, i)).collect();
    let (_dir, source) = drivers(&rows);
    let kept = |spine: &Arc<Spine>, ttl: Option<i64>| {
        let explain =
            prepare(spine, ViewJoin { ttl, ..view(&["driver"], &["value"]) }, &source).unwrap().explain();
        let view = &explain.views[0];
        assert!(view.bytes.1 <= view.bytes.0 && view.files.0 == 1 && explain.memory_bytes > 0);
        (view.row_groups, view.rows)
    };
    let everybody = |at| asked(&(0..18).map(|driver| (driver, at)).collect::<Vec<_>>());
    let all = everybody(500);
    assert_eq!(kept(&all, None), ((6, 6), (18, 18)));
    assert_eq!(kept(&all, Some(100)), ((6, 2), (18, 6)));
    assert_eq!(kept(&everybody(250), None), ((6, 3), (18, 9)));
    assert_eq!(kept(&asked(&[(0, 250), (17, 200)]), None), ((6, 1), (18, 3)));
    assert_eq!(kept(&asked(&[(4, 900), (7, 900)]), None), ((6, 2), (18, 6)));
    assert_eq!(kept(&asked(&[]), None), ((6, 0), (18, 0)));
}

#[test]
fn hive_columns_are_keys_and_features_and_prune() {
    let dir = temp();
    for (city, value) in [("lisbon", 1), ("oslo", 2)] {
        let table = batch(vec![("event", times([5])), ("created", times([5])), ("value", ints([value]))]);
        write_parquet(&dir.path().join(format!("city={city}/x.parquet")), &table, 9);
    }
    let source = open(dir.path()).unwrap();
    let spine = spine(vec![batch(vec![("city", texts(["oslo", "rome"])), ("time", times([9, 9]))])]);
    let join = prepare(&spine, view(&["city"], &["value", "where=city"]), &source).unwrap();
    assert_eq!(join.explain().views[0].files, (2, 1));
    let found = join.run().unwrap().map(Result::unwrap).next().unwrap();
    assert_eq!(found.column(0).as_ref(), &Int64Array::from(vec![Some(2), None]) as &dyn Array);
    assert_eq!(found.column(1).as_ref(), &StringArray::from(vec![Some("oslo"), None]) as &dyn Array);
}

#[test]
fn a_tight_memory_limit_reads_in_passes_and_changes_nothing() {
    let rows: Vec<_> = (0..500).map(|i| (i % 50, i, i + i % 7, i)).collect();
    let (_dir, source) = drivers(&rows);
    let spine = asked(&(0..30_000).map(|i| (i % 60, i * 2 % 700)).collect::<Vec<_>>());
    let wide: Vec<String> = (0..30).map(|i| format!("v{i}=value")).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    let run = |max_memory| {
        let options = JoinOptions { max_memory, ..JoinOptions::default() };
        let views = vec![(view(&["driver"], &wide), Arc::clone(&source))];
        HistoricalJoin::new(Arc::clone(&spine), views, options, RequestContext::local())
    };
    let refused = error(run(Some(1000)).unwrap().run());
    assert_eq!((refused.kind(), refused.get("limit")), (Kind::Invalid, Some("1000")));
    let least =
        refused.get("expected").unwrap().split(' ').find_map(|word| word.parse::<u64>().ok()).unwrap();
    assert!(run(Some(least - 2)).unwrap().run().is_err());
    let whole = run(None).unwrap().run().unwrap();
    let tight = run(Some(least)).unwrap().run().unwrap();
    assert_eq!(tight.report(), whole.report());
    let (audit, whole_audit) = (tight.audit(), whole.audit());
    let (mut tight, mut whole) = (Vec::from_iter(tight), Vec::from_iter(whole));
    assert!(tight.len() > 2 && whole.len() == 1, "values are read in passes");
    assert_eq!(column(tight.drain(..), "v29"), column(whole.drain(..), "v29"));
    assert_eq!(audit.views[0].ages(), whole_audit.views[0].ages());
    assert_eq!(audit.views[0].changed(), whole_audit.views[0].changed());
    assert!(audit.views[0].changed().unwrap()[29] > 0);
}

#[test]
fn progress_is_told_and_a_cancelled_join_stops() {
    let (_dir, source) = drivers(&(0..30).map(|i| (i, i, i, i)).collect::<Vec<_>>());
    let spine = asked(&[(3, 50)]);
    let tasks = Arc::new(Mutex::new(Vec::new()));
    let most = Arc::new(AtomicU64::new(0));
    let mut context = RequestContext::local();
    let (told, done) = (Arc::clone(&tasks), Arc::clone(&most));
    context.progress = Progress::new(move |event| {
        done.fetch_max(event.done, Ordering::Relaxed);
        told.lock().unwrap().push((event.task.to_string(), event.total));
    });
    let views = || vec![(view(&["driver"], &["value"]), Arc::clone(&source))];
    let join =
        HistoricalJoin::new(Arc::clone(&spine), views(), JoinOptions::default(), context.clone()).unwrap();
    assert_eq!(column(join.run().unwrap(), "value"), [Some(3)]);
    let tasks = tasks.lock().unwrap().clone();
    assert!(
        tasks.contains(&("scan view".to_owned(), Some(3)))
            && tasks.contains(&("read view".to_owned(), Some(1)))
    );
    assert_eq!(most.load(Ordering::Relaxed), 3);

    let join =
        HistoricalJoin::new(Arc::clone(&spine), views(), JoinOptions::default(), context.clone()).unwrap();
    let mut joined = join.run().unwrap();
    context.cancel.cancel();
    assert_eq!(joined.next().unwrap().unwrap_err().message(), "interrupted");
    assert!(joined.next().is_none());
    let cancelled = HistoricalJoin::new(spine, views(), JoinOptions::default(), context);
    assert_eq!(cancelled.map(drop).unwrap_err().message(), "interrupted");
}

#[test]
fn mistakes_name_the_view_the_column_and_what_there_is() {
    let (_dir, source) = drivers(&[(1, 10, 10, 7)]);
    let spine = asked(&[(1, 10)]);
    let refused = |view: ViewJoin| {
        let error = error(join(&spine, view, &source));
        assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some("view")));
        error.to_string()
    };
    let columns =
        r#"columns: driver Int64, event Timestamp(µs, "UTC"), created Timestamp(µs, "UTC"), value Int64"#;
    let event = refused(ViewJoin { event_column: "at".into(), ..view(&["driver"], &["value"]) });
    assert_eq!(
        event,
        format!("the source has no such timestamp column (source: stats, column: at, {columns}, view: view)")
    );
    assert!(
        refused(view(&["driver=truck"], &["value"]))
            .contains("no such join key (source: stats, column: truck")
    );
    assert!(
        refused(view(&["driver"], &["speed"]))
            .contains("no such feature column (source: stats, column: speed")
    );
    assert!(
        refused(view(&["truck=driver"], &[]))
            .contains("the entity rows have no such column (column: truck, columns: driver Int64")
    );
    let number = refused(ViewJoin { event_column: "value".into(), ..view(&["driver"], &[]) });
    assert!(number.contains("expected: a timestamp, a date, or ISO 8601 text"), "{number}");
    assert!(
        refused(ViewJoin { ttl: Some(-1), ..view(&["driver"], &[]) })
            .contains("the ttl is negative (ttl: -1")
    );
    let kinds = refused(view(&["time=value"], &[]));
    assert!(kinds.contains("(timestamp or date)") && kinds.contains("expected: Int64 (integer)"), "{kinds}");
}

#[test]
fn a_view_without_features_and_a_join_without_views_still_count_rows() {
    let (_dir, source) = drivers(&[(1, 10, 10, 7)]);
    let spine = asked(&[(1, 10), (2, 10)]);
    let joined = join(&spine, view(&["driver"], &[]), &source).unwrap();
    assert_eq!(joined.report().views[0].matched, 1);
    assert_eq!(joined.map(|b| b.unwrap().num_rows()).sum::<usize>(), 2);
    let none = HistoricalJoin::new(spine, vec![], JoinOptions::default(), RequestContext::local()).unwrap();
    assert_eq!(none.run().unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>(), 2);
}

#[test]
fn pages_outside_of_the_times_asked_for_are_left_out() {
    let dir = temp();
    let rows = 200;
    let table = batch(vec![
        ("driver", ints((0..rows).map(|i| i % 7))),
        ("event", times(0..rows)),
        ("created", times(0..rows)),
        ("value", ints(0..rows)),
    ]);
    let path = write_pages(&dir.path().join("x.parquet"), &table, 100, 10);
    let source = open(&path).unwrap();
    let spine = asked(&(0..7).map(|driver| (driver, 155)).collect::<Vec<_>>());
    let join = prepare(&spine, ViewJoin { ttl: Some(10), ..view(&["driver"], &["value"]) }, &source).unwrap();
    let explain = join.explain().views.remove(0);
    assert_eq!((explain.row_groups, explain.rows), ((2, 1), (200, 20)));
    let told: Vec<_> = explain.pruned.iter().map(|p| (p.what, p.by, p.count)).collect();
    assert_eq!(told, [("row groups", "statistics of the event time", 1), ("pages", "page index", 8)]);
    let newest = |driver: i64| (0..=155).rev().find(|i| i % 7 == driver);
    assert_eq!(column(join.run().unwrap(), "value"), (0..7).map(newest).collect::<Vec<_>>());
}

#[test]
fn a_bloom_filter_leaves_out_row_groups_without_the_keys() {
    let dir = temp();
    let table = batch(vec![
        ("driver", ints((0..300).map(|i| i * 2))),
        ("name", Arc::new(StringArray::from_iter_values((0..300).map(|i| format!("n{:03}", i * 2))))),
        ("event", times(0..300)),
        ("created", times(0..300)),
        ("value", ints(0..300)),
    ]);
    let path = dir.path().join("x.parquet");
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(100))
        .set_bloom_filter_enabled(true)
        .set_bloom_filter_fpp(1e-9);
    let file = std::fs::File::create(&path).unwrap();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(file, table.schema(), Some(properties.build())).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
    let source = open(&path).unwrap();
    let told = |join: &HistoricalJoin| {
        let pruned = join.explain().views.remove(0).pruned;
        pruned.iter().map(|p| (p.by, p.count)).collect::<Vec<_>>()
    };
    // 31 lies between keys of the first row group, 250 is in the second.
    let join = prepare(&asked(&[(31, 900), (250, 900)]), view(&["driver"], &["value"]), &source).unwrap();
    assert_eq!(told(&join), [("statistics of the join key", 1), ("bloom filter of the join key", 1)]);
    assert_eq!(column(join.run().unwrap(), "value"), [None, Some(125)]);
    let named = spine(vec![batch(vec![("name", texts(["n031", "n250"])), ("time", times([900, 900]))])]);
    let join = prepare(&named, view(&["name"], &["value"]), &source).unwrap();
    assert_eq!(told(&join), [("statistics of the join key", 1), ("bloom filter of the join key", 1)]);
    assert_eq!(column(join.run().unwrap(), "value"), [None, Some(125)]);
}
