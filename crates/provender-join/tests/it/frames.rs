//! Frames: every format there and back, times, and refusals.

use crate::support::{batch, ints, temp, texts, times};
use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch};
use arrow_schema::DataType;
use provender_core::{Error, Kind, Result, timestamp_type};
use provender_join::frame::{self, Frame};
use std::fs;
use std::sync::Arc;

fn sample() -> RecordBatch {
    batch(vec![
        ("id", ints([Some(1), None, Some(3)])),
        ("event_timestamp", times([Some(1_500_000), None, Some(1_767_225_600_000_000)])),
        ("score", Arc::new(Float64Array::from(vec![Some(0.5), Some(-1e300), None]))),
        ("name", texts([Some("a,\"b\""), Some("ü"), None])),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ])
}

fn read_text(name: &str, text: &str) -> Result<Frame> {
    let dir = temp();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    frame::read(path)
}

fn micros(frame: &Frame, column: &str) -> Vec<Option<i64>> {
    let batch = frame.clone().into_batch().unwrap();
    batch.column_by_name(column).unwrap().as_primitive::<TimestampMicrosecondType>().iter().collect()
}

#[test]
fn every_format_reads_back_what_was_written() {
    let dir = temp();
    let sample = sample();
    for name in ["x.parquet", "x.csv", "x.json", "x.jsonl", "x.NDJSON", "x.arrow"] {
        let path = dir.path().join(name);
        let batches = [Ok(sample.slice(0, 2)), Ok(sample.slice(2, 1))];
        assert_eq!(frame::write(&path, &sample.schema(), batches).unwrap(), 3);
        let frame = frame::read(&path).unwrap();
        assert_eq!(frame.rows(), 3, "{name}");
        let back = frame.into_batch().unwrap();
        for (field, expected) in sample.schema().fields().iter().zip(sample.columns()) {
            let found = back.column_by_name(field.name()).unwrap();
            let found = arrow_cast::cast(found, &DataType::Utf8).unwrap();
            let zoneless = |c: &ArrayRef| match c.data_type() {
                DataType::Timestamp(..) => Arc::new(
                    c.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>),
                ) as ArrayRef,
                _ => Arc::clone(c),
            };
            let expected = arrow_cast::cast(&zoneless(expected), &DataType::Utf8).unwrap();
            let found: Vec<_> = found
                .as_string::<i32>()
                .iter()
                .map(|t| t.map(|t| t.trim_end_matches('Z').to_owned()))
                .collect();
            let expected: Vec<_> = expected.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect();
            assert_eq!(found, expected, "{} in {name}", field.name());
        }
    }
}

#[test]
fn a_wide_parquet_file_of_several_row_groups_is_whole() {
    let dir = temp();
    let rows = 300_000_i64;
    let mut lists = ListBuilder::new(Int64Builder::new());
    (0..rows).for_each(|i| lists.append_value([Some(i), None]));
    let table =
        batch(vec![("id", ints(0..rows)), ("at", times(0..rows)), ("list", Arc::new(lists.finish()))]);
    let path = dir.path().join("x.parquet");
    let batches = (0..3).map(|i| Ok(table.slice(i * 100_000, 100_000)));
    assert_eq!(frame::write(&path, &table.schema(), batches).unwrap(), 300_000);
    assert_eq!(frame::read(&path).unwrap().into_batch().unwrap(), table);
    let source = crate::support::open(&path).unwrap();
    assert_eq!(source.schema().fields(), table.schema().fields());
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let dir = temp();
    let path = dir.path().join("x.csv");
    fs::write(&path, "old").unwrap();
    let sample = sample();
    let batches = [Ok(sample.clone()), Err(Error::unavailable("interrupted"))];
    let error = frame::write(&path, &sample.schema(), batches).unwrap_err();
    assert_eq!((error.message(), error.get("file")), ("interrupted", path.to_str()));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    let nowhere = frame::write(dir.path().join("no/x.csv"), &sample.schema(), []).unwrap_err();
    assert_eq!(nowhere.kind(), Kind::NotFound);
}

#[test]
fn no_rows_make_a_file_with_columns() {
    let dir = temp();
    let schema = sample().schema();
    for name in ["x.parquet", "x.csv"] {
        let path = dir.path().join(name);
        assert_eq!(frame::write(&path, &schema, []).unwrap(), 0);
        let frame = frame::read(&path).unwrap();
        assert_eq!((frame.rows(), frame.schema.fields().len()), (0, 5), "{name}");
    }
}

#[test]
fn csv_refuses_nested_columns() {
    let lists = ListBuilder::new(Int64Builder::new()).finish();
    let table = batch(vec![("list", Arc::new(lists))]);
    let dir = temp();
    let error = frame::write(dir.path().join("x.csv"), &table.schema(), [Ok(table.clone())]).unwrap_err();
    assert_eq!((error.kind(), error.get("column")), (Kind::Invalid, Some("list")));
}

#[test]
fn times_in_text_become_instants() {
    let csv =
        read_text("x.csv", "id,event_timestamp\n1,1970-01-01T02:00:01+02:00\n2,1970-01-01 00:00:02.5\n3,\n")
            .unwrap();
    let column = csv.schema.field_with_name("event_timestamp").unwrap().data_type().clone();
    assert!(matches!(column, DataType::Timestamp(_, None)), "{column}");
    let lines = "{\"a\": 1, \"at\": \"1970-01-01T00:00:01Z\", \"word\": \"x\"}\n{\"a\": 2.5, \"at\": null}\n";
    let json = read_text("x.jsonl", lines).unwrap();
    assert_eq!(json.schema.field_with_name("at").unwrap().data_type(), &timestamp_type());
    assert_eq!(json.schema.field_with_name("a").unwrap().data_type(), &DataType::Float64);
    assert_eq!(micros(&json, "at"), [Some(1_000_000), None]);
    let dates =
        frame::read_json(br#"[{"event_timestamp": "1970-01-02"}, {"event_timestamp": "1970-01-01"}]"#)
            .unwrap();
    assert_eq!(micros(&dates, "event_timestamp"), [Some(86_400_000_000), Some(0)]);
    let text = batch(vec![("event_timestamp", texts(["1970-01-01 00:00:01"]))]);
    let dir = temp();
    frame::write(dir.path().join("x.parquet"), &text.schema(), [Ok(text.clone())]).unwrap();
    assert_eq!(
        micros(&frame::read(dir.path().join("x.parquet")).unwrap(), "event_timestamp"),
        [Some(1_000_000)]
    );
}

#[test]
fn json_columns_stay_in_the_order_in_which_they_first_appear() {
    let rows = [
        r#"{"x": 1, "k": null, "event_timestamp": "2026-01-31T00:00:00Z", "at": {"lon": 1, "lat": 2}}"#,
        r#"{"b": [], "k": null, "x": 2, "a": true}"#,
    ];
    let array = format!("[{}]", rows.join(","));
    let frames = [
        read_text("x.jsonl", &rows.join("\n")),
        read_text("x.json", &array),
        frame::read_json(array.as_bytes()),
    ];
    for frame in frames.map(Result::unwrap) {
        let names: Vec<_> = frame.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["x", "k", "event_timestamp", "at", "b", "a"]);
        let batch = frame.into_batch().unwrap();
        let xs = arrow_cast::cast(&batch["x"], &DataType::Utf8).unwrap();
        assert_eq!(xs.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("1"), Some("2")]);
    }
}

#[test]
fn json_that_is_no_rows_is_refused_with_its_place() {
    let refusal = |text: &str| frame::read_json(text.as_bytes()).unwrap_err();
    for (text, row) in [("[{\"a\": 1}, 2]", "2"), ("{\"a\": 1}\n\"x\"", "2"), ("null", "1"), ("[[{}]]", "1")]
    {
        assert_eq!(refusal(text).get("row"), Some(row), "{text}");
    }
    for text in ["", "[]"] {
        assert_eq!(refusal(text).message(), "there are no rows", "{text}");
    }
    for text in ["{\"a\": 1}\n{\"a\": }", "{\"a\": 1}\n[", "[{\"a\": 1},\n"] {
        assert_eq!(
            (refusal(text).kind(), refusal(text).get("at")),
            (Kind::Invalid, Some("line 2")),
            "{text}"
        );
    }
}

#[test]
fn the_event_column_is_named_or_the_only_one() {
    let event_column = |columns: Vec<(&str, ArrayRef)>| {
        let table = batch(columns);
        Frame { schema: table.schema(), batches: vec![table] }.event_column()
    };
    let day = || Arc::new(arrow_array::Date32Array::from(vec![1])) as ArrayRef;
    assert_eq!(
        event_column(vec![("a", times([1])), ("event_timestamp", times([1]))]).unwrap(),
        "event_timestamp"
    );
    assert_eq!(event_column(vec![("id", ints([1])), ("at", times([1])), ("born", day())]).unwrap(), "at");
    assert_eq!(event_column(vec![("id", ints([1])), ("day", day())]).unwrap(), "day");
    let several = event_column(vec![("a", times([1])), ("b", times([1]))]).unwrap_err();
    assert_eq!((several.kind(), several.get("columns")), (Kind::Invalid, Some("a, b")));
    assert!(
        event_column(vec![("id", ints([1]))]).unwrap_err().to_string().contains("no column of timestamps")
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let refused = |name: &str, text: &str| {
        let error = read_text(name, text).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.get("file").unwrap().ends_with(name), "{error}");
        error.report()
    };
    assert!(refused("x.txt", "1").contains("expected: a name that ends with .parquet"));
    assert!(refused("x.csv", "").contains("the file is empty"));
    assert!(refused("x.parquet", "PAR1 not").contains("not a readable Parquet file"));
    assert!(refused("x.json", "[{\"a\": 1},").contains("not readable JSON"));
    assert!(refused("x.json", "[1, 2]").contains("a row is not a JSON object (row: 1"));
    assert!(refused("x.jsonl", "").contains("the file is empty"));
    assert!(refused("x.jsonl", "{\"event_timestamp\": \"soon\"}").contains("value: soon"));
    let missing = frame::read("/nowhere/x.csv").unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    let dir = temp();
    fs::create_dir(dir.path().join("x.parquet")).unwrap();
    assert!(
        frame::read(dir.path().join("x.parquet"))
            .unwrap_err()
            .to_string()
            .contains("not a file but a folder")
    );
}

#[test]
fn an_ipc_stream_with_dictionaries_is_read_as_plain_columns() {
    let dir = temp();
    let path = dir.path().join("x.arrows");
    let words: arrow_array::DictionaryArray<arrow_array::types::Int32Type> =
        vec!["a", "b", "a"].into_iter().collect();
    let rows = batch(vec![("word", Arc::new(words)), ("at", times(0..3))]);
    let file = fs::File::create(&path).unwrap();
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(file, &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    let frame = frame::read(&path).unwrap();
    assert_eq!(frame.schema.field(0).data_type(), &DataType::Utf8);
    let words = frame.into_batch().unwrap().column(0).as_string::<i32>().clone();
    assert_eq!(words.iter().flatten().collect::<Vec<_>>(), ["a", "b", "a"]);
    fs::write(&path, b"ARROW1 and then nothing").unwrap();
    assert!(frame::read(&path).unwrap_err().to_string().contains("not a readable Arrow IPC file"));
}

#[test]
fn entity_rows_beyond_the_bound_are_stored_and_read_back_from_any_row() {
    let dir = temp();
    let rows = 40_000_i64;
    let table = batch(vec![("event_timestamp", times(0..rows)), ("id", ints(0..rows))]);
    let path = dir.path().join("x.parquet");
    frame::write(&path, &table.schema(), [Ok(table.clone())]).unwrap();
    let spill = temp();
    let held = frame::entity_rows(frame::open(&path).unwrap(), None, None).unwrap();
    let stored = frame::entity_rows(frame::open(&path).unwrap(), Some(1000), Some(spill.path())).unwrap();
    assert!(held.held().is_some() && stored.held().is_none());
    assert_eq!((stored.rows(), stored.memory()), (40_000, 0));
    let ids = |spine: &provender_core::offline::Spine, rows: std::ops::Range<usize>| -> Vec<i64> {
        let batches = spine.read(rows).map(Result::unwrap);
        batches.flat_map(|b| b.column(1).as_primitive::<Int64Type>().values().to_vec()).collect()
    };
    for range in [0..40_000, 16_000..17_000, 16_384..16_385, 39_999..40_000, 7..7, 40_000..40_000] {
        assert_eq!(ids(&stored, range.clone()), ids(&held, range));
    }
    assert_eq!(fs::read_dir(spill.path()).unwrap().count(), 0, "the file has no name");
    let error =
        frame::entity_rows(frame::open(&path).unwrap(), Some(1), Some(&dir.path().join("no"))).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

#[test]
fn row_groups_read_ahead_come_in_the_files_order() {
    let dir = temp();
    let path = dir.path().join("x.parquet");
    let part = |first: i64| batch(vec![("id", ints((first..first + 100_000).map(Some)))]);
    let batches = (0..4).map(|i| Ok(part(i * 100_000)));
    frame::write(&path, &part(0).schema(), batches).unwrap();
    let ahead = frame::open_ahead(&path).unwrap();
    let rows = ahead.batches.map(Result::unwrap);
    let ids: Vec<i64> =
        rows.flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    assert_eq!(ids, (0..400_000).collect::<Vec<_>>());
}
