use super::*;
use arrow_array::{Int64Array, StringArray};
use arrow_schema::Field;
use std::sync::Arc;

fn column(name: &str, data_type: DataType) -> Column {
    let field = Arc::new(Field::new(name, data_type, true));
    Column { stored: Arc::clone(&field), field }
}

#[test]
fn rows_are_cut_by_their_values_and_keep_their_order() {
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("p", Arc::new(StringArray::from(vec![Some("b"), None, Some("b"), Some("a")]))),
    ])
    .unwrap();
    let parts = cut(&batch, &[column("p", DataType::Utf8)]).unwrap();
    let shown: Vec<_> =
        parts.iter().map(|(v, rows)| (v[0].as_deref(), rows.num_rows(), rows.num_columns())).collect();
    assert_eq!(shown, [(Some("b"), 2, 1), (None, 1, 1), (Some("a"), 1, 1)]);
    assert_eq!(parts[0].1.column(0).as_primitive::<arrow_array::types::Int64Type>().values(), &[1, 3]);
}

#[test]
fn an_empty_text_and_a_type_without_text_are_refused_by_column() {
    let texts = |values: ArrayRef, data_type| texts(&column("p", data_type), &values).unwrap_err();
    let empty = texts(Arc::new(StringArray::from(vec![""])), DataType::Utf8);
    assert_eq!(empty.get("column"), Some("p"));
    let float = texts(Arc::new(arrow_array::Float64Array::from(vec![1.0])), DataType::Float64);
    assert_eq!(float.get("type"), Some("Float64"));
}

#[test]
fn names_of_folders_are_escaped() {
    let columns = [column("a b", DataType::Utf8), column("n", DataType::Int64)];
    assert_eq!(
        folder(&columns, &[Some("x/é".into()), None]),
        "a%20b=x%2F%C3%A9/n=__HIVE_DEFAULT_PARTITION__/"
    );
}
