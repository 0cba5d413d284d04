use super::*;
use crate::resolve::{Column, JoinKey};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field};
use provender_core::Kind;
use provender_core::model::FeatureView;

fn resolved(keys: &[(&str, ValueType)], columns: &[&str]) -> Resolved {
    let keys = keys.iter().map(|(column, value_type)| JoinKey {
        name: (*column).into(),
        column: (*column).into(),
        value_type: *value_type,
    });
    let view = ViewUse {
        view: Arc::new(FeatureView::default()),
        name: "fv".into(),
        keys: keys.collect(),
        features: (0..columns.len()).collect(),
    };
    let columns = columns.iter().enumerate();
    Resolved {
        uses: vec![view],
        columns: columns.map(|(feature, name)| Column { used: 0, feature, name: (*name).into() }).collect(),
    }
}

fn frame(columns: Vec<(&str, ArrayRef)>) -> Spine {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    Spine::new(schema, vec![batch], "event_timestamp")
}

fn times(rows: usize) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_value(1_000, rows))
}

fn one_key(column: ArrayRef, declared: ValueType) -> Result<PreparedSpine> {
    let frame = frame(vec![("event_timestamp", times(column.len())), ("k", column)]);
    prepare(&frame, &resolved(&[("k", declared)], &["f"]))
}

#[test]
fn stores_get_keys_and_time_and_the_answer_keeps_everything() {
    let frame = frame(vec![
        ("note", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("event_timestamp", Arc::new(StringArray::from(vec![Some("1970-01-01T00:00:01"), None]))),
        ("k", Arc::new(Int32Array::from(vec![1, 2]))),
    ]);
    let spine = prepare(&frame, &resolved(&[("k", ValueType::INT64)], &["f"])).unwrap();
    let names = |spine: &Spine| spine.schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    assert_eq!(names(&spine.entity), ["note", "event_timestamp", "k"]);
    assert_eq!(names(&spine.join), ["event_timestamp", "k"]);
    let instants = spine.entity.held().unwrap()[0].column(1).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(instants.iter().collect::<Vec<_>>(), [Some(1_000_000), None]);
    assert_eq!(spine.join.event_column, "event_timestamp");
}

#[test]
fn floats_of_pandas_match_integer_keys() {
    let floats = Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(1.5), Some(1e300)]);
    let spine = one_key(Arc::new(floats), ValueType::INT64).unwrap();
    let keys = spine.join.held().unwrap()[0].column(1).as_primitive::<Int64Type>();
    assert_eq!(keys.iter().collect::<Vec<_>>(), [Some(1), None, None, None, None]);
    assert_eq!(spine.entity.held().unwrap()[0].column(1).data_type(), &DataType::Float64);
}

#[test]
fn dictionaries_are_laid_out_and_untyped_nulls_get_a_type() {
    let text: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    let spine = one_key(Arc::new(text), ValueType::STRING).unwrap();
    assert_eq!(spine.join.held().unwrap()[0].column(1).data_type(), &DataType::Utf8);
    let nulls = arrow_array::new_null_array(&DataType::Null, 2);
    let spine = one_key(nulls, ValueType::INT64).unwrap();
    assert_eq!(spine.join.schema.field(1).data_type(), &DataType::Int64);
    assert_eq!(spine.join.held().unwrap()[0].column(1).null_count(), 2);
}

#[test]
fn text_for_an_integer_key_is_refused() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let error = one_key(text, ValueType::INT64).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(
        error.to_string(),
        "a join key of the entity rows has another type than its declaration (view: fv, column: k, type: Utf8, expected: Int64)"
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert!(one_key(numbers, ValueType::STRING).is_err());
}

#[test]
fn missing_columns_are_named_with_those_that_there_are() {
    let other = frame(vec![("event_timestamp", times(1)), ("other", Arc::new(Int64Array::from(vec![1])))]);
    let asked = resolved(&[("driver_id", ValueType::INT64)], &["f"]);
    let error = prepare(&other, &asked).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the entity rows lack the join key driver_id (view: fv, column: driver_id, expected: driver_id, columns: event_timestamp, other)"
    );
    let timeless = frame(vec![("driver_id", Arc::new(Int64Array::from(vec![1])))]);
    let error = prepare(&timeless, &asked).unwrap_err();
    assert_eq!((error.get("column"), error.get("columns")), (Some("event_timestamp"), Some("driver_id")));
}

#[test]
fn an_event_column_without_times_is_refused() {
    let numbers = frame(vec![("event_timestamp", Arc::new(Int64Array::from(vec![1])))]);
    let error = prepare(&numbers, &resolved(&[], &["f"])).unwrap_err();
    assert_eq!((error.kind(), error.get("column")), (Kind::Invalid, Some("event_timestamp")));
}

#[test]
fn a_column_named_like_a_feature_is_refused_unless_full_names_tell_them_apart() {
    let frame = || frame(vec![("event_timestamp", times(1)), ("f", Arc::new(Int64Array::from(vec![1])))]);
    let error = prepare(&frame(), &resolved(&[], &["f"])).unwrap_err();
    assert_eq!((error.get("view"), error.get("column")), (Some("fv"), Some("f")));
    assert!(prepare(&frame(), &resolved(&[], &["fv__f"])).is_ok());
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let frame = frame(vec![("event_timestamp", times(1)), ("k", times(1)), ("k", times(1))]);
    assert_eq!(prepare(&frame, &resolved(&[], &["f"])).unwrap_err().get("column"), Some("k"));
}

#[test]
fn a_frame_without_batches_keeps_its_schema() {
    let filled = frame(vec![("event_timestamp", times(1)), ("k", Arc::new(Float64Array::from(vec![1.0])))]);
    let empty = Spine::new(filled.schema, Vec::new(), filled.event_column);
    let spine = prepare(&empty, &resolved(&[("k", ValueType::INT64)], &["f"])).unwrap();
    assert_eq!((spine.entity.rows(), spine.entity.schema.fields().len()), (0, 2));
    assert_eq!(spine.join.schema.field(1).data_type(), &DataType::Int64);
}

/// Rows that claim to be elsewhere.
#[derive(Debug)]
struct Elsewhere(Spine);

impl StoredRows for Elsewhere {
    fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn read(&self, rows: Range<usize>) -> RowBatches<'_> {
        self.0.read(rows)
    }
}

#[test]
fn stored_rows_are_converted_as_they_are_read() {
    let texts = StringArray::from(vec!["1970-01-01T00:00:01", "1970-01-01T00:00:02", "soon"]);
    let keys = Float64Array::from(vec![Some(1.0), None, Some(3.0)]);
    let frame = frame(vec![("event_timestamp", Arc::new(texts)), ("k", Arc::new(keys))]);
    let stored = Spine::stored(Arc::new(Elsewhere(frame)), "event_timestamp");
    let spine = prepare(&stored, &resolved(&[("k", ValueType::INT64)], &["f"])).unwrap();
    assert_eq!((spine.join.rows(), spine.join.memory()), (3, 0));
    let batch = spine.join.read(1..2).next().unwrap().unwrap();
    assert_eq!(batch.schema(), spine.join.schema);
    assert_eq!(batch.column(0).as_primitive::<TimestampMicrosecondType>().values(), &[2_000_000]);
    assert_eq!(spine.entity.read(1..2).next().unwrap().unwrap().column(1).null_count(), 1);
    let error = spine.join.read(2..3).next().unwrap().unwrap_err();
    assert_eq!(error.get("row"), Some("2"));
}
