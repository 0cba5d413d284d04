use super::*;
use crate::ValueType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Float64Array, Int8Array, Int64Array, LargeStringArray, StringArray,
    StringViewArray, TimestampMillisecondArray, UInt64Array,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use std::sync::Arc;

const GOLDEN: &str = include_str!("../../testdata/entity_keys.json");

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

struct Case {
    name: String,
    version: u64,
    join_keys: Vec<(String, ValueType)>,
    /// One row each.
    columns: Vec<ArrayRef>,
    values: Vec<Value>,
    key: Vec<u8>,
    prefix: Vec<u8>,
}

/// Keys recorded from Feast.
fn cases() -> Vec<Case> {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let case = |case: &Value| {
        let (mut join_keys, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in
            case["join_keys"].as_array().unwrap().iter().zip(case["values"].as_array().unwrap())
        {
            let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
            let (value_type, column): (_, ArrayRef) = match kind.as_str() {
                "string_val" => {
                    (ValueType::STRING, Arc::new(StringArray::from(vec![value.as_str().unwrap()])))
                }
                "bytes_val" => {
                    let bytes = hex(value.as_str().unwrap());
                    values.push(BASE64_STANDARD.encode(&bytes).into());
                    (ValueType::BYTES, Arc::new(BinaryArray::from(vec![&bytes[..]])) as ArrayRef)
                }
                "int32_val" => (ValueType::INT32, Arc::new(Int64Array::from(vec![value.as_i64().unwrap()]))),
                "int64_val" => (ValueType::INT64, Arc::new(Int64Array::from(vec![value.as_i64().unwrap()]))),
                "unix_timestamp_val" => {
                    (ValueType::UNIX_TIMESTAMP, Arc::new(Int64Array::from(vec![value.as_i64().unwrap()])))
                }
                other => panic!("{other}"),
            };
            if value_type != ValueType::BYTES {
                values.push(value.clone());
            }
            join_keys.push((name.as_str().unwrap().to_owned(), value_type));
            columns.push(column);
        }
        Case {
            name: case["name"].as_str().unwrap().to_owned(),
            version: case["version"].as_u64().unwrap(),
            join_keys,
            columns,
            values,
            key: hex(case["hex"].as_str().unwrap()),
            prefix: hex(case["prefix_hex"].as_str().unwrap()),
        }
    };
    golden["cases"].as_array().unwrap().iter().map(case).collect()
}

fn key_value(value: &Value) -> KeyValue<'_> {
    match value {
        Value::String(text) => KeyValue::Text(text),
        other => KeyValue::Int(other.as_i64().unwrap()),
    }
}

#[test]
fn keys_are_those_of_feast() {
    let cases: Vec<_> = cases().into_iter().filter(|case| case.version == 3).collect();
    assert!(cases.len() >= 20, "{}", cases.len());
    for case in cases {
        let encoder = EntityKeyEncoder::new(case.join_keys.clone()).unwrap();
        assert_eq!(encoder.prefix(), case.prefix, "{}", case.name);
        let batch = encoder.encode(&case.columns, 1).unwrap();
        assert_eq!(batch.keys.iter().collect::<Vec<_>>(), [&case.key[..]], "{}", case.name);
        let mut keys = EntityKeys::default();
        assert!(encoder.push(&mut keys, |i| key_value(&case.values[i])).unwrap());
        assert_eq!(keys, batch.keys, "{}", case.name);
    }
}

#[test]
fn keys_read_back() {
    for case in cases() {
        if case.version == 2 {
            let error = decode_entity_key(&case.key).unwrap_err();
            assert!(error.to_string().contains("version 3"), "{}: {error}", case.name);
            continue;
        }
        let parts = decode_entity_key(&case.key).unwrap();
        let mut expected: Vec<_> = case.join_keys.iter().map(|(name, t)| (name.as_str(), *t)).collect();
        expected.sort();
        assert_eq!(parts.iter().map(|(name, t, _)| (*name, *t)).collect::<Vec<_>>(), expected);
        let encoder = EntityKeyEncoder::new(parts.iter().map(|(name, t, _)| (*name, *t))).unwrap();
        let mut keys = EntityKeys::default();
        encoder.push(&mut keys, |i| parts[i].2).unwrap();
        assert_eq!(keys.key(0), case.key);
    }
    assert!(decode_entity_key(&[1, 0, 0, 0, 2]).is_err());
    assert!(decode_entity_key(&[255; 12]).is_err());
}

#[test]
fn entity_less_key_is_that_of_the_dummy() {
    let encoder = EntityKeyEncoder::new(Vec::<(String, ValueType)>::new()).unwrap();
    let dummy = cases().into_iter().find(|c| c.name == "entity_less_dummy" && c.version == 3).unwrap();
    let batch = encoder.encode(&[], 3).unwrap();
    assert_eq!(batch.keys.iter().collect::<Vec<_>>(), [&dummy.key[..]; 3]);
    assert_eq!(encoder.prefix(), dummy.prefix);
    let mut keys = EntityKeys::default();
    assert!(encoder.push(&mut keys, |_| KeyValue::Null).unwrap());
    assert_eq!(keys.key(0), dummy.key);
}

#[test]
fn columns_of_any_width_make_the_same_key() {
    let encoder = EntityKeyEncoder::new([("id", ValueType::INT64)]).unwrap();
    let expected = encoder.encode(&[Arc::new(Int64Array::from(vec![7]))], 1).unwrap().keys;
    let columns: [ArrayRef; 4] = [
        Arc::new(Int8Array::from(vec![7])),
        Arc::new(UInt64Array::from(vec![7])),
        Arc::new(Float64Array::from(vec![7.0])),
        Arc::new(Int64Array::from(vec![7])),
    ];
    for column in columns {
        assert_eq!(encoder.encode(&[column], 1).unwrap().keys, expected);
    }
    let encoder = EntityKeyEncoder::new([("id", ValueType::STRING)]).unwrap();
    let expected = encoder.encode(&[Arc::new(StringArray::from(vec!["zoë"]))], 1).unwrap().keys;
    let columns: [ArrayRef; 2] =
        [Arc::new(LargeStringArray::from(vec!["zoë"])), Arc::new(StringViewArray::from(vec!["zoë"]))];
    for column in columns {
        assert_eq!(encoder.encode(&[column], 1).unwrap().keys, expected);
    }
    let encoder = EntityKeyEncoder::new([("at", ValueType::UNIX_TIMESTAMP)]).unwrap();
    let at = TimestampMillisecondArray::from(vec![-1]).with_timezone("+02:00");
    let batch = encoder.encode(&[Arc::new(at)], 1).unwrap();
    assert_eq!(decode_entity_key(batch.keys.key(0)).unwrap()[0].2, KeyValue::Int(-1));
    let mut keys = EntityKeys::default();
    encoder.push(&mut keys, |_| KeyValue::Text("1970-01-01T00:00:10Z")).unwrap();
    assert_eq!(decode_entity_key(keys.key(0)).unwrap()[0].2, KeyValue::Int(10));
}

#[test]
fn row_with_a_null_key_is_marked() {
    let encoder = EntityKeyEncoder::new([("b", ValueType::INT64), ("a", ValueType::STRING)]).unwrap();
    let columns: [ArrayRef; 2] = [
        Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])),
        Arc::new(StringArray::from(vec![Some("x"), Some("y"), None])),
    ];
    let batch = encoder.encode(&columns, 3).unwrap();
    assert_eq!(batch.null_count(), 2);
    assert_eq!(batch.valid.unwrap().iter().collect::<Vec<_>>(), [true, false, false]);
    assert!(!batch.keys.key(0).is_empty() && batch.keys.key(1).is_empty());
    let mut keys = EntityKeys::default();
    assert!(!encoder.push(&mut keys, |i| if i == 0 { KeyValue::Int(1) } else { KeyValue::Null }).unwrap());
    assert!(keys.is_empty());
}

#[test]
fn unfit_types_and_values_name_the_join_key() {
    for value_type in
        [ValueType::BOOL, ValueType::DOUBLE, ValueType::FLOAT, ValueType::UUID, ValueType::UNKNOWN]
    {
        let error = EntityKeyEncoder::new([("id", value_type)]).unwrap_err();
        assert!(error.to_string().contains("join key: id") && error.to_string().contains("Int32, Int64"));
    }
    assert!(EntityKeyEncoder::new([("id", ValueType::INT64), ("id", ValueType::INT64)]).is_err());

    let encoder = EntityKeyEncoder::new([("id", ValueType::INT32)]).unwrap();
    let columns: [ArrayRef; 1] = [Arc::new(Int64Array::from(vec![1, 1 << 40]))];
    let error = encoder.encode(&columns, 2).unwrap_err();
    assert_eq!(
        (error.get("join key"), error.get("row"), error.get("value")),
        (Some("id"), Some("1"), Some("1099511627776"))
    );
    let columns: [ArrayRef; 1] = [Arc::new(StringArray::from(vec!["1"]))];
    let error = encoder.encode(&columns, 1).unwrap_err();
    assert_eq!((error.get("type"), error.get("expected")), (Some("Utf8"), Some("Int32")));

    let mut keys = EntityKeys::default();
    for bad in [KeyValue::Text("x"), KeyValue::Float(1.5), KeyValue::Int(1 << 40), KeyValue::Bool(true)] {
        assert_eq!(encoder.push(&mut keys, |_| bad).unwrap_err().get("join key"), Some("id"), "{bad:?}");
    }
    assert!(keys.is_empty() && keys.bytes.is_empty());
    assert!(encoder.push(&mut keys, |_| KeyValue::Text("5")).unwrap());
    assert!(encoder.push(&mut keys, |_| KeyValue::Float(5.0)).unwrap());
    assert_eq!(keys.key(0), keys.key(1));
}

#[test]
fn keys_become_a_column() {
    let keys: EntityKeys = ["a", "", "ccc"].into_iter().collect();
    let array = keys.clone().into_array().unwrap();
    assert_eq!(array.iter().map(Option::unwrap).collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    assert_eq!(EntityKeys::default().into_array().unwrap().len(), 0);
}
