//! The point-in-time cases recorded from Feast, through Parquet files, an apply and the whole engine. Where Feast's engines differ, DuckDB's answer is the right one.
//! The files are the recorded ones, with columns as pairs (their order counts) and without what is not compared.

use crate::support::{CONFIGURATION, Repo};
use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::DataType;
use futures::TryStreamExt;
use provender::engine::{Features, HistoricalQuery, Spines};
use provender::offline::{KnownAt, Spine};
use provender::{FeatureStore, RequestContext, Result, Timestamp, frame};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

#[tokio::test]
async fn every_recorded_case_gives_duckdbs_rows() {
    let mut failures = Vec::new();
    let mut cases: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/pit"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 49);
    for path in cases {
        let case: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if case.get("odfv").is_some() {
            continue;
        }
        let name = case["name"].as_str().unwrap();
        if let Err(difference) = check(&case, expected(name, &case)).await {
            failures.push(format!("{name}: {difference}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The rows that Provender must answer; an object with `error` if it must refuse.
fn expected(name: &str, case: &Value) -> Value {
    match name {
        // The later row of the file wins, which is what dask answers.
        "tie_same_created" | "non_entity_mode_range" => case["expected"]["dask"].clone(),
        _ => case["expected"]["duckdb"].clone(),
    }
}

async fn check(case: &Value, expected: Value) -> Result<(), String> {
    let repo = Repo::new(CONFIGURATION, &definitions(case));
    for view in case["views"].as_array().unwrap() {
        let batch = table(&view["cols"], &view["rows"], None);
        frame::write(
            repo.path(&format!("data/{}.parquet", view["name"].as_str().unwrap())),
            &batch.schema(),
            [Ok(batch.clone())],
        )
        .unwrap();
    }
    let store = repo.applied().await;
    let answer = join(&store, case).await;
    match (answer, expected.get("error")) {
        (Err(_), Some(_)) => Ok(()),
        (Ok(batch), Some(error)) => {
            Err(format!("Feast refuses with {error}, Provender answered {} rows", batch.num_rows()))
        }
        (Err(error), None) => Err(format!("refused: {}", error.report())),
        (Ok(batch), None) => compare(&batch, &expected),
    }
}

async fn join(store: &FeatureStore, case: &Value) -> Result<RecordBatch> {
    let kwargs = &case["kwargs"];
    let time = |key: &str| kwargs.get(key).map(|t| Timestamp::parse(t.as_str().unwrap()).unwrap());
    let spine = match case["entity"].as_object() {
        Some(entity) => {
            let batch = table(&entity["cols"], &entity["rows"], entity.get("tz").and_then(Value::as_str));
            let frame = frame::Frame { schema: batch.schema(), batches: vec![batch] };
            let event_column = frame.event_column()?;
            Spines::Frame(Arc::new(Spine::new(frame.schema, frame.batches, event_column)))
        }
        None => Spines::Snapshot { start: time("start_date"), end: time("end_date").unwrap() },
    };
    let features = match case["features"].as_array() {
        Some(list) => Features::List(list.iter().map(|f| f.as_str().unwrap().to_owned()).collect()),
        None => Features::Service("service".to_owned()),
    };
    let flag = |key: &str| kwargs.get(key).and_then(Value::as_bool).unwrap_or_default();
    let known_at = flag("filter_by_created_timestamp").then_some(KnownAt::Created);
    let query = HistoricalQuery {
        spine,
        features,
        full_feature_names: flag("full_feature_names"),
        known_at,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    };
    let set = store.historical(query).await?.run().await?;
    let schema = set.schema.clone();
    let batches: Vec<RecordBatch> = set.batches.try_collect().await?;
    let columns = (0..schema.fields().len()).map(|i| {
        let parts: Vec<_> = batches.iter().map(|b| b.column(i).as_ref()).collect();
        if parts.is_empty() {
            Ok(arrow_array::new_empty_array(schema.field(i).data_type()))
        } else {
            arrow_select::concat::concat(&parts)
        }
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<std::result::Result<_, _>>()?)?)
}

fn compare(batch: &RecordBatch, expected: &Value) -> Result<(), String> {
    let names: Vec<&str> =
        expected["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let ours: Vec<String> = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    if ours != names {
        return Err(format!("columns {ours:?}, Feast's are {names:?}"));
    }
    let wanted: Vec<Vec<Value>> = expected["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r.as_array().unwrap().iter().map(normal).collect())
        .collect();
    let found: Vec<Vec<Value>> =
        (0..batch.num_rows()).map(|row| batch.columns().iter().map(|c| cell(c, row)).collect()).collect();
    if wanted == found { Ok(()) } else { Err(format!("rows {found:?}, Feast's are {wanted:?}")) }
}

/// Numbers as doubles, instants as UTC text: pandas turns ints with nulls into doubles.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(n) => json!(n.as_f64()),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::String(text) if text.len() >= 19 => {
            Timestamp::parse(text).map_or(value.clone(), |t| json!(t.to_string()))
        }
        _ => value.clone(),
    }
}

fn cell(column: &ArrayRef, row: usize) -> Value {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row) as f64),
        DataType::Int32 => json!(f64::from(column.as_primitive::<Int32Type>().value(row))),
        DataType::Float32 => json!(f64::from(column.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::Timestamp(..) => {
            json!(Timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row)).to_string())
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|i| cell(&items, i)).collect()
        }
        other => panic!("a column of type {other}"),
    }
}

fn table(columns: &Value, rows: &Value, zone: Option<&str>) -> RecordBatch {
    let rows = rows.as_array().unwrap();
    let arrays = columns.as_array().unwrap().iter().enumerate().map(|(i, pair)| {
        let cells = || rows.iter().map(move |row| &row[i]);
        (pair[0].as_str().unwrap().to_owned(), column(pair[1].as_str().unwrap(), cells, zone), true)
    });
    RecordBatch::try_from_iter_with_nullable(arrays.collect::<Vec<_>>()).unwrap()
}

fn column<'a, I: Iterator<Item = &'a Value>>(
    kind: &str,
    cells: impl Fn() -> I,
    zone: Option<&str>,
) -> ArrayRef {
    let times = || {
        TimestampMicrosecondArray::from_iter(
            cells().map(|v| v.as_str().map(|t| Timestamp::parse(t).unwrap().0)),
        )
    };
    match kind {
        "i64" => Arc::new(Int64Array::from_iter(cells().map(Value::as_i64))),
        "i32" => Arc::new(Int32Array::from_iter(cells().map(|v| v.as_i64().map(|n| n as i32)))),
        "f64" => Arc::new(Float64Array::from_iter(cells().map(Value::as_f64))),
        "f32" => Arc::new(Float32Array::from_iter(cells().map(|v| v.as_f64().map(|n| n as f32)))),
        "bool" => Arc::new(BooleanArray::from_iter(cells().map(Value::as_bool))),
        "str" => Arc::new(StringArray::from_iter(cells().map(Value::as_str))),
        "ts_utc" => Arc::new(times().with_timezone(zone.unwrap_or("UTC"))),
        "ts_naive" => Arc::new(times()),
        "l_i64" => {
            let mut lists = ListBuilder::new(Int64Builder::new());
            cells().for_each(|v| {
                lists.append_option(
                    v.as_array().map(|items| items.iter().map(Value::as_i64).collect::<Vec<_>>()),
                )
            });
            Arc::new(lists.finish())
        }
        other => panic!("a column of kind {other}"),
    }
}

/// The case's views, entities and service as definitions.
fn definitions(case: &Value) -> String {
    let mut yaml = String::new();
    let keys = ["driver", "customer", "area"];
    let used = |entity: &str| {
        case["views"]
            .as_array()
            .unwrap()
            .iter()
            .any(|v| v["entities"].as_array().unwrap().iter().any(|e| e == entity))
    };
    for entity in keys.iter().filter(|e| used(e)) {
        write!(yaml, "kind: Entity\nname: {entity}\njoin_keys: [{entity}_id]\n---\n").unwrap();
    }
    for view in case["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let created = view["created_timestamp_column"]
            .as_str()
            .map(|c| format!("created_timestamp_column: {c}\n"))
            .unwrap_or_default();
        write!(
            yaml,
            "kind: FileSource\nname: {name}_source\npath: data/{name}.parquet\ntimestamp_field: {}\n{created}field_mapping: {}\n---\nkind: FeatureView\nname: {name}\nentities: {}\nttl: {}s\nsource: {name}_source\nschema: {}\n---\n",
            view["timestamp_field"].as_str().unwrap(),
            view["field_mapping"],
            view["entities"],
            view["ttl_seconds"].as_i64().unwrap_or_default(),
            schema(view),
        )
        .unwrap();
    }
    if let Some(service) = case.get("service").and_then(Value::as_array) {
        let features: Vec<Value> = service
            .iter()
            .map(|p| json!({"view": p["view"], "name_alias": p["alias"], "join_key_map": p["join_key_map"]}))
            .collect();
        write!(yaml, "kind: FeatureService\nname: service\nfeatures: {}\n", json!(features)).unwrap();
    }
    yaml
}

fn schema(view: &Value) -> Value {
    let dtype = |feature: &Value| {
        let mapped = view["field_mapping"]
            .as_object()
            .unwrap()
            .iter()
            .find(|(_, to)| *to == feature)
            .map(|(from, _)| from.as_str());
        let column = mapped.unwrap_or(feature.as_str().unwrap());
        let pair = view["cols"].as_array().unwrap().iter().find(|pair| pair[0] == column).unwrap();
        match pair[1].as_str().unwrap() {
            "i64" => "Int64",
            "i32" => "Int32",
            "f32" => "Float32",
            "str" => "String",
            "bool" => "Bool",
            "l_i64" => "Array(Int64)",
            _ => "Float64",
        }
    };
    view["features"].as_array().unwrap().iter().map(|f| json!({"name": f, "dtype": dtype(f)})).collect()
}
