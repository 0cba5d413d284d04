use super::*;
use arrow_array::cast::AsArray;
use arrow_array::{Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use provender_core::{ValueType, decode_entity_key};

fn view() -> FeatureView {
    FeatureView {
        name: "fv".into(),
        features: vec![Field::new("f", ValueType::DOUBLE), Field::new("s", ValueType::STRING)],
        ..FeatureView::default()
    }
}

fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

fn encoder(keys: &[Field]) -> RowEncoder {
    RowEncoder::new("shop", &view(), keys).unwrap()
}

#[test]
fn rows_become_keys_times_and_value_bytes() {
    let encoder = encoder(&[Field::new("k", ValueType::INT64)]);
    let features: [ArrayRef; 2] = [
        Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None])),
        Arc::new(StringArray::from(vec![Some("a"), Some("b"), Some("c")])),
    ];
    let rows = RowColumns {
        rows: 3,
        keys: &[Arc::new(Int64Array::from(vec![Some(7), None, Some(9)]))],
        features: &features,
        event: times(vec![1, 2, 3]),
        created: None,
    };
    let encoded = encoder.encode(&rows).unwrap();
    assert_eq!((encoded.batch.num_rows(), encoded.null_keys), (2, 1));
    let names: Vec<_> = encoded.batch.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["entity_key", "event_timestamp", "created_timestamp", "f", "s"]);
    let keys = encoded.batch.column(0).as_binary::<i32>();
    assert_eq!(decode_entity_key(keys.value(1)).unwrap()[0].0, "k");
    let f = encoded.batch.column(3).as_binary::<i32>();
    assert_eq!((f.value(0).len(), f.value(1).len(), f.null_count()), (9, 0, 0));
    assert_eq!(encoded.batch.column(2).null_count(), 2);
}

#[test]
fn an_entityless_view_has_the_dummy_key() {
    let encoder = encoder(&[]);
    let features: [ArrayRef; 2] =
        [Arc::new(Float64Array::from(vec![1.0])), Arc::new(StringArray::from(vec!["a"]))];
    let rows = RowColumns { rows: 1, keys: &[], features: &features, event: times(vec![1]), created: None };
    let batch = encoder.encode(&rows).unwrap().batch;
    let key = batch.column(0).as_binary::<i32>().value(0);
    assert_eq!(decode_entity_key(key).unwrap()[0].0, "__dummy_id");
    assert_eq!(encoder.table.join_keys, ["__dummy_id"]);
}

#[test]
fn what_does_not_fit_names_view_source_and_column() {
    let mut view = view();
    let kind = provender_core::model::SourceKind::Request { schema: Vec::new() };
    view.batch_source = Some(provender_core::model::DataSource::new("src", kind));
    let encoder = RowEncoder::new("shop", &view, &[]).unwrap();
    let error = encoder.check([DataType::Boolean, DataType::Utf8].iter()).unwrap_err();
    assert_eq!(
        (error.get("view"), error.get("source"), error.get("column")),
        (Some("fv"), Some("src"), Some("f"))
    );
    assert!(encoder.check([DataType::Int64, DataType::LargeUtf8].iter()).is_ok());
}

#[test]
fn a_join_key_of_an_impossible_type_is_refused() {
    let error = RowEncoder::new("shop", &view(), &[Field::new("k", ValueType::DOUBLE)]).unwrap_err();
    assert_eq!((error.get("view"), error.get("join key")), (Some("fv"), Some("k")));
}
