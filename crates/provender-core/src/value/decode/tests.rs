use super::super::{IntegerTime, check, encode, json_column, to_text, write_json};
use super::*;
use arrow_array::cast::AsArray;
use proptest::prelude::*;
use serde_json::json;

/// Every type that an Arrow column of its own holds.
fn flat_types() -> Vec<ValueType> {
    ValueType::all().filter(|t| t.arrow().is_some()).collect()
}

/// A JSON value that is certain to fit the type.
fn value_of(value_type: ValueType) -> BoxedStrategy<serde_json::Value> {
    if let Some(item) = value_type.item() {
        return prop::collection::vec(value_of(item), 0..5)
            .prop_map(|mut items| {
                let mut seen = std::collections::HashSet::new();
                items.retain(|item| seen.insert(item.to_string()));
                items.into()
            })
            .boxed();
    }
    match value_type {
        ValueType::INT32 => any::<i32>().prop_map(Into::into).boxed(),
        ValueType::INT64 => any::<i64>().prop_map(Into::into).boxed(),
        ValueType::UNIX_TIMESTAMP => (-10_000_000_000..10_000_000_000_i64).prop_map(Into::into).boxed(),
        ValueType::ZONED_TIMESTAMP => {
            (0..2_000_000_000_i64).prop_map(|t| crate::Timestamp::from_seconds(t).to_string().into()).boxed()
        }
        ValueType::DOUBLE => prop::num::f64::NORMAL.prop_map(Into::into).boxed(),
        ValueType::FLOAT => prop::num::f32::NORMAL.prop_map(Into::into).boxed(),
        ValueType::BOOL => any::<bool>().prop_map(Into::into).boxed(),
        ValueType::BYTES | ValueType::PDF_BYTES | ValueType::IMAGE_BYTES => {
            prop::collection::vec(any::<u8>(), 0..200)
                .prop_map(|bytes| {
                    use base64::Engine;
                    base64::prelude::BASE64_STANDARD.encode(bytes).into()
                })
                .boxed()
        }
        ValueType::UUID | ValueType::TIME_UUID => any::<u128>()
            .prop_map(|bits| {
                let hex = format!("{bits:032x}");
                [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-").into()
            })
            .boxed(),
        ValueType::DECIMAL => {
            (any::<i64>(), 0..6_u32).prop_map(|(n, d)| format!("{n}.{d:05}").into()).boxed()
        }
        ValueType::JSON => "\\PC{0,20}".prop_map(|text| json!({ "k": text }).to_string().into()).boxed(),
        _ => "\\PC{0,300}".prop_map(Into::into).boxed(),
    }
}

fn column_of(value_type: ValueType) -> BoxedStrategy<Vec<serde_json::Value>> {
    let cell = prop_oneof![1 => Just(serde_json::Value::Null), 9 => value_of(value_type)];
    prop::collection::vec(cell, 0..20).boxed()
}

proptest! {
    #[test]
    fn encoded_columns_decode_to_themselves(
        (value_type, cells) in prop::sample::select(flat_types()).prop_flat_map(|t| (Just(t), column_of(t)))
    ) {
        let column = json_column(&cells, value_type, IntegerTime::Seconds).unwrap();
        let values = encode(&column, value_type).unwrap();
        let back = decode(&values, value_type).unwrap();
        check(back.data_type(), value_type).unwrap();
        prop_assert_eq!(back.data_type(), &value_type.arrow().unwrap());
        prop_assert_eq!(encode(&back, value_type).unwrap(), values);
        if value_type != ValueType::ZONED_TIMESTAMP {
            prop_assert_eq!(&back, &column);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut out = Vec::new();
        let _ = write_json(&bytes, NonFinite::Null, &mut out);
        let _ = to_text(&bytes);
        let column = BinaryArray::from(vec![&bytes[..]]);
        for value_type in ValueType::all() {
            let _ = decode(&column, value_type);
        }
    }

    #[test]
    fn damaged_values_never_panic(
        value_type in prop::sample::select(ValueType::all().collect::<Vec<_>>()),
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        // A right tag in front gets past the first check.
        let mut value = vec![];
        super::super::wire::put_bytes(&mut value, value_type.0.unsigned_abs().max(1), &bytes);
        let mut out = Vec::new();
        if write_json(&value, NonFinite::Null, &mut out).is_ok() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
        }
        let _ = decode(&BinaryArray::from(vec![&value[..]]), value_type);
    }
}

#[test]
fn unpacked_numbers_are_read_too() {
    // int64_list_val with items 1 unpacked, [2, 3] packed.
    let value = [0x72, 6, 0x08, 1, 0x0a, 2, 2, 3];
    let column = decode(&BinaryArray::from(vec![&value[..]]), ValueType::INT64_LIST).unwrap();
    let expected = json_column(&[json!([1, 2, 3])], ValueType::INT64_LIST, IntegerTime::Seconds).unwrap();
    assert_eq!(&column, &expected);
}

#[test]
fn last_field_counts_and_unknown_ones_are_null() {
    let mut out = Vec::new();
    write_json(&[0x20, 1, 0x20, 2], NonFinite::Null, &mut out).unwrap();
    write_json(&[0x98, 0x06, 1], NonFinite::Null, &mut out).unwrap();
    write_json(&[0x98, 0x01, 0], NonFinite::Null, &mut out).unwrap();
    assert_eq!(out, b"2nullnull");
    for damaged in [&[0x20][..], &[0x12, 5, b'a'], &[0x22, 0], &[0x12, 1, 0xff], &[0x00, 0], &[0x0f]] {
        let error = write_json(damaged, NonFinite::Null, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal, "{damaged:?}");
    }
}

#[test]
fn stored_value_of_another_type_is_named() {
    let integers: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(3)]));
    let values = encode(&integers, ValueType::INT64).unwrap();
    let doubles = decode(&values, ValueType::DOUBLE).unwrap();
    assert_eq!(doubles.as_primitive::<arrow_array::types::Float64Type>().value(1), 3.0);
    let error = decode(&values, ValueType::STRING).unwrap_err();
    assert_eq!((error.get("row"), error.get("expected")), (Some("1"), Some("String")));
}

#[test]
fn pushed_values_that_do_not_fit_are_named() {
    let column = |values: &[serde_json::Value], t| json_column(values, t, IntegerTime::Nanoseconds);
    for (value, value_type) in [
        (json!("x"), ValueType::INT64),
        (json!(1.5), ValueType::INT64),
        (json!(3_000_000_000_i64), ValueType::INT32),
        (json!("1.5"), ValueType::DOUBLE),
        (json!(1e300), ValueType::FLOAT),
        (json!(2), ValueType::BOOL),
        (json!([1]), ValueType::STRING),
        (json!("%"), ValueType::BYTES),
        (json!("soon"), ValueType::UNIX_TIMESTAMP),
        (json!(1), ValueType::INT64_LIST),
    ] {
        let error = column(&[json!(null), value.clone()], value_type).unwrap_err();
        assert_eq!(error.get("row"), Some("1"), "{value} {value_type}: {error}");
        assert!(error.get("value").is_some());
    }
    let error = column(&[json!([]), json!([1, 2]), json!([3, "x"])], ValueType::INT64_LIST).unwrap_err();
    assert_eq!(
        (error.get("row"), error.get("value"), error.get("expected")),
        (Some("2"), Some("\"x\""), Some("Array(Int64)"))
    );
}

#[test]
fn numbers_as_timestamps_are_in_the_unit_asked() {
    for (numbers, micros) in [
        (IntegerTime::Seconds, 7_000_000),
        (IntegerTime::Milliseconds, 7_000),
        (IntegerTime::Microseconds, 7),
        (IntegerTime::Nanoseconds, 0),
    ] {
        let column =
            json_column(&[json!(7), json!("1970-01-01 00:00:01")], ValueType::UNIX_TIMESTAMP, numbers)
                .unwrap();
        let column = column.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
        assert_eq!((column.value(0), column.value(1)), (micros, 1_000_000));
    }
}
