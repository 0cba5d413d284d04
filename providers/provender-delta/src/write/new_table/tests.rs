use super::*;
use provender_core::Kind;

fn made(data_type: DataType) -> Result<DataType> {
    let schema = Schema::new(vec![Field::new("c", data_type, false)]);
    let layout = NewTable::of(&schema)?.layout()?;
    assert!(layout.columns[0].field.is_nullable());
    Ok(layout.columns[0].field.data_type().clone())
}

#[test]
fn columns_become_what_delta_has() {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let kept =
        [DataType::Utf8, DataType::Int8, DataType::Float64, DataType::Decimal128(9, 2), micros.clone()];
    for same in kept {
        assert_eq!(made(same.clone()).unwrap(), same);
    }
    assert_eq!(made(DataType::UInt32).unwrap(), DataType::Int64);
    assert_eq!(made(DataType::Timestamp(TimeUnit::Nanosecond, None)).unwrap(), micros);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8));
    assert_eq!(made(dictionary).unwrap(), DataType::Utf8);
}

#[test]
fn columns_that_delta_cannot_hold_are_named() {
    for data_type in [DataType::UInt64, DataType::Time64(TimeUnit::Microsecond), DataType::Null] {
        let error = made(data_type).unwrap_err();
        assert_eq!((error.kind(), error.get("column")), (Kind::Invalid, Some("c")));
    }
    let blank = NewTable::of(&Schema::new(vec![Field::new("a b", DataType::Int64, true)])).unwrap_err();
    assert_eq!(blank.get("column"), Some("a b"));
}
