use super::*;
use arrow_array::{Date32Array, Int64Array, TimestampNanosecondArray, TimestampSecondArray};
use provender_core::Kind;

fn read(column: &ArrayRef, integers: Integers) -> Result<Vec<Option<i64>>> {
    let times = instants(column, "at", 10, integers)?;
    assert_eq!(times.data_type(), &provender_core::timestamp_type());
    Ok(times.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

#[test]
fn every_form_of_a_time_is_the_same_instant() {
    let noon = Some(1_767_268_800_000_000);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampSecondArray::from(vec![1_767_268_800])),
        Arc::new(TimestampSecondArray::from(vec![1_767_268_800]).with_timezone("America/New_York")),
        Arc::new(TimestampNanosecondArray::from(vec![1_767_268_800_000_000_000]).with_timezone("+02:00")),
        Arc::new(StringArray::from(vec!["2026-01-01 12:00:00"])),
        Arc::new(StringArray::from(vec!["2026-01-01T14:00:00+02:00"])),
    ];
    for column in columns {
        let data_type = column.data_type().clone();
        assert_eq!(read(&column, Integers::Refused).unwrap(), [noon], "{data_type}");
    }
    let midnight = Some(1_767_225_600_000_000);
    let date: ArrayRef = Arc::new(Date32Array::from(vec![20_454]));
    assert_eq!(read(&date, Integers::Refused).unwrap(), [midnight]);
}

#[test]
fn nulls_stay_null() {
    let column: ArrayRef = Arc::new(StringArray::from(vec![None, Some("1970-01-01")]));
    assert_eq!(read(&column, Integers::Refused).unwrap(), [None, Some(0)]);
    assert_eq!(
        read(&arrow_array::new_null_array(&DataType::Null, 2), Integers::Refused).unwrap(),
        [None, None]
    );
}

#[test]
fn text_that_is_no_time_names_its_row_and_value() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["1970-01-01", "soon"]));
    let error = read(&column, Integers::Refused).unwrap_err();
    assert_eq!(
        (error.get("column"), error.get("row"), error.get("value")),
        (Some("at"), Some("11"), Some("soon"))
    );
}

#[test]
fn integers_are_nanoseconds_where_feast_takes_them_so() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(1_795_168_800), Some(-1), None]));
    assert_eq!(read(&column, Integers::Nanoseconds).unwrap(), [Some(1_795_168), Some(-1), None]);
    let error = read(&column, Integers::Refused).unwrap_err();
    assert_eq!((error.kind(), error.get("type")), (Kind::Invalid, Some("Int64")));
}

#[test]
fn times_beyond_the_range_are_refused() {
    let column: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
    assert_eq!(read(&column, Integers::Refused).unwrap_err().message(), "a time is out of range");
}
