use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_schema::DataType;
use provender_core::model::{
    DataSource, Entity, FeatureView, Field as Column, FileFormat, Object, SourceKind,
};
use provender_core::registry::{RegistrySnapshot, Stored};
use provender_core::{Kind, ValueType};

fn snapshot() -> RegistrySnapshot {
    let file = SourceKind::File {
        path: "x".into(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let mut batch = DataSource::new("history", file);
    batch.timestamp_field = "at".into();
    batch.created_timestamp_column = "made".into();
    let mut push = DataSource::new("inlet", SourceKind::Push { batch: Some(Box::new(batch.clone())) });
    push.timestamp_field = "at".into();
    let view = FeatureView {
        name: "stats".into(),
        entity_columns: vec![Column::new("driver_id", ValueType::INT64)],
        features: vec![Column::new("lat", ValueType::DOUBLE), Column::new("seen", ValueType::UNIX_TIMESTAMP)],
        batch_source: Some(batch),
        stream_source: Some(push),
        ..Default::default()
    };
    let old = FeatureView { name: "old".into(), entities: vec!["shop".into()], ..Default::default() };
    let shop = Entity {
        name: "shop".into(),
        join_key: "shop_id".into(),
        value_type: ValueType::STRING,
        ..Default::default()
    };
    let objects = [
        Object::FeatureView(Arc::new(view)),
        Object::FeatureView(Arc::new(old)),
        Object::Entity(Arc::new(shop)),
    ];
    let stored = objects.map(|object| Arc::new(Stored::decoded("shop".into(), object)));
    RegistrySnapshot::new(stored, None)
}

fn read(types: &ColumnTypes, df: &str) -> Result<RecordBatch> {
    let raw: Vec<(String, Box<RawValue>)> = serde_json::from_str(df).unwrap();
    let sent: Vec<(Cow<'_, str>, &RawValue)> = raw.iter().map(|(name, raw)| (name.into(), &**raw)).collect();
    frame(&sent, types)
}

fn of_source() -> ColumnTypes {
    ColumnTypes::of_source(&snapshot(), "shop", "inlet", false).unwrap()
}

fn of_view() -> ColumnTypes {
    ColumnTypes::of_view(&snapshot(), "shop", "stats").unwrap()
}

#[test]
fn declared_type_decides_not_the_json() {
    let batch =
        read(&of_source(), r#"[["driver_id", [1, null]], ["lat", [1, 2.5]], ["unknown", ["a", {}]]]"#)
            .unwrap();
    assert_eq!(batch.num_columns(), 2);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
    assert_eq!(batch.column(1).data_type(), &DataType::Float64);
}

#[test]
fn numbers_are_nanoseconds_in_time_columns_and_seconds_elsewhere() {
    let batch =
        read(&of_source(), r#"[["at", [2000]], ["made", ["1970-01-01 00:00:01"]], ["seen", [2]]]"#).unwrap();
    let micros = |i: usize| batch.column(i).as_primitive::<TimestampMicrosecondType>().value(0);
    assert_eq!((micros(0), micros(1), micros(2)), (2, 1_000_000, 2_000_000));
}

#[test]
fn remote_names_of_time_columns_are_understood_where_the_own_are_missing() {
    let batch = read(&of_view(), r#"[["event_timestamp", ["1970-01-01"]], ["created", [null]]]"#).unwrap();
    assert_eq!(
        (batch.schema().field(0).name().as_str(), batch.schema().field(1).name().as_str()),
        ("at", "made")
    );
    let batch = read(&of_view(), r#"[["at", ["1970-01-01"]], ["event_timestamp", ["1970-01-02"]]]"#).unwrap();
    assert_eq!((batch.num_columns(), batch.schema().field(0).name().as_str()), (1, "at"));
    assert_eq!(read(&of_source(), r#"[["event_timestamp", ["1970-01-01"]]]"#).unwrap().num_columns(), 0);
}

#[test]
fn misfit_names_its_column() {
    let field = |df| read(&of_source(), df).unwrap_err().get("field").map(str::to_owned);
    assert_eq!(field(r#"[["lat", ["far"]]]"#).as_deref(), Some("df.lat"));
    assert_eq!(field(r#"[["lat", 1]]"#).as_deref(), Some("df.lat"));
    let error = read(&of_source(), r#"[["driver_id", [1, 2]], ["lat", [1]]]"#).unwrap_err();
    assert_eq!((error.get("field"), error.get("expected")), (Some("df.lat"), Some("2, as df.driver_id")));
}

#[test]
fn what_does_not_exist_has_no_columns_but_rows() {
    for types in [
        ColumnTypes::of_source(&snapshot(), "shop", "nope", true).unwrap(),
        ColumnTypes::of_view(&snapshot(), "shop", "nope").unwrap(),
        ColumnTypes::of_view(&snapshot(), "other", "stats").unwrap(),
    ] {
        assert_eq!(read(&types, r#"[["driver_id", [null, null]]]"#).unwrap().num_rows(), 2);
    }
    assert_eq!(read(&of_source(), "[]").unwrap().num_rows(), 0);
}

#[test]
fn join_key_of_an_old_registry_has_the_type_of_its_entity() {
    let types = ColumnTypes::of_view(&snapshot(), "shop", "old").unwrap();
    let batch = read(&types, r#"[["shop_id", [7]]]"#).unwrap();
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "7");
}

#[test]
fn undeclared_column_is_kept_for_the_offline_store_as_what_it_looks_like() {
    let types = ColumnTypes::of_source(&snapshot(), "shop", "inlet", true).unwrap();
    let df = r#"[["i", [1, null]], ["f", [1, 1.5]], ["b", [true, null]], ["t", ["x", null]], ["n", [null, null]]]"#;
    let batch = read(&types, df).unwrap();
    let seen: Vec<(String, DataType)> =
        batch.schema().fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect();
    let expected =
        [("i", DataType::Int64), ("f", DataType::Float64), ("b", DataType::Boolean), ("t", DataType::Utf8)];
    assert_eq!(seen, expected.map(|(name, t)| (name.to_owned(), t)));
    assert_eq!(read(&types, r#"[["m", [1, "x"]]]"#).unwrap_err().get("field"), Some("df.m"));
}

/// A row of values by name, for the view `stats`.
fn row(cells: &[(&str, &[u8])], as_feast: bool) -> Result<RecordBatch> {
    let cells = cells.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
    SentRow::of_values(cells.collect(), as_feast).frame(&of_view())
}

#[test]
fn instants_of_a_row_are_seconds_and_for_feast_nanoseconds() {
    // unix_timestamp_val: 2
    let two: &[u8] = &[0x40, 2];
    for (as_feast, micros) in [(false, 2_000_000), (true, 0)] {
        let batch = row(&[("at", two), ("seen", two)], as_feast).unwrap();
        let of = |name: &str| batch[name].as_primitive::<TimestampMicrosecondType>().value(0);
        assert_eq!((of("at"), of("seen")), (micros, 2_000_000), "as_feast: {as_feast}");
    }
    // int64_val in a time column is nanoseconds, as a number of JSON is
    let batch = row(&[("at", &[0x20, 0xd0, 0x0f])], false).unwrap();
    assert_eq!(batch["at"].as_primitive::<TimestampMicrosecondType>().value(0), 2);
}

#[test]
fn values_of_a_row_fit_the_declared_types_or_are_named() {
    // int64_val: 7, for a double; a text that is a number, for a key
    let batch = row(&[("lat", &[0x20, 7]), ("driver_id", &[0x12, 2, b'4', b'2'])], false).unwrap();
    assert_eq!(batch["lat"].as_primitive::<arrow_array::types::Float64Type>().value(0), 7.0);
    assert_eq!(batch["driver_id"].as_primitive::<Int64Type>().value(0), 42);
    let error = row(&[("lat", &[0x38, 1])], false).unwrap_err();
    assert_eq!(error.get("field"), Some("typed_features.lat"));
    let error = row(&[("lat", &[0xff])], false).unwrap_err();
    assert_eq!((error.kind(), error.get("field")), (Kind::Invalid, Some("typed_features.lat")));
    let empty = row(&[("unknown", &[0x20, 7])], false).unwrap();
    assert_eq!((empty.num_columns(), empty.num_rows()), (0, 1));
}
