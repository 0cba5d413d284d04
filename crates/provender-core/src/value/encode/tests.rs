use super::super::{IntegerTime, NonFinite, decode, json_column, read, to_text, write_json};
use super::*;
use arrow_array::builder::{Int64Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{Field, TimeUnit};
use serde_json::Value;
use std::sync::Arc;

const GOLDEN: &str = include_str!("../../../testdata/values.json");

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn json_text(value: &[u8]) -> String {
    let mut out = Vec::new();
    write_json(value, NonFinite::Error, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(value: &[u8]) -> Value {
    serde_json::from_str(&json_text(value)).unwrap()
}

/// Values of one column as JSON texts.
#[expect(clippy::needless_pass_by_value)]
fn jsons(column: ArrayRef, value_type: ValueType) -> Vec<String> {
    encode(&column, value_type).unwrap().iter().map(|value| json_text(value.unwrap())).collect()
}

#[expect(clippy::needless_pass_by_value)]
fn refusal(column: ArrayRef, value_type: ValueType) -> Error {
    encode(&column, value_type).unwrap_err()
}

#[test]
fn values_of_every_type_are_those_of_feast() {
    let golden = golden();
    let rows = golden["rows"].as_array().unwrap();
    assert!(rows.len() > 80);
    for row in rows {
        let name = row["feature"].as_str().unwrap();
        let value_type = ValueType::parse(row["type"].as_str().unwrap()).unwrap();
        let bytes = hex(row["value"].as_str().unwrap());
        assert_eq!(json(&bytes), row["json"], "{name}");
        assert_eq!(to_text(&bytes).unwrap().as_deref(), row["value_text"].as_str(), "{name}");
        let column = decode(&BinaryArray::from(vec![&bytes[..]]), value_type).unwrap();
        if matches!(value_type, ValueType::SCALAR_MAP) {
            continue;
        }
        let again = encode(&column, value_type).unwrap();
        if matches!(name, "st" | "f_map" | "l_l_int64" | "l_map" | "l_st" | "f_zoned_ts") {
            // Maps have no order; an empty list inside a list is kept; a column has one zone.
            if name != "f_zoned_ts" {
                assert_eq!(json(again.value(0)), json(&bytes), "{name}");
            }
        } else {
            assert_eq!(again.value(0), bytes, "{name}");
        }
    }
}

#[test]
fn numbers_print_as_in_feast() {
    for case in golden()["numbers"].as_array().unwrap() {
        let body = case["body"].as_str().unwrap();
        let bits = case["bits"].as_str().map(|bits| u64::from_str_radix(bits, 16).unwrap());
        let column: ArrayRef = match (case["kind"].as_str().unwrap(), bits) {
            ("double_val", Some(bits)) => Arc::new(Float64Array::from(vec![f64::from_bits(bits)])),
            ("float_val", Some(bits)) => Arc::new(Float32Array::from(vec![f32::from_bits(bits as u32)])),
            ("int64_max", _) => Arc::new(Int64Array::from(vec![i64::MAX])),
            ("unix_ts_neg", _) => Arc::new(Int64Array::from(vec![-1])),
            ("bool", _) => Arc::new(BooleanArray::from(vec![false])),
            ("empty_string", _) => Arc::new(StringArray::from(vec![""])),
            ("string_unicode_quotes", _) => Arc::new(StringArray::from(vec!["é\"\\\n\u{2028}"])),
            ("unset" | "null_val", _) => Arc::new(Int64Array::new_null(1)),
            _ => continue,
        };
        let value_type = ValueType::of_arrow(column.data_type()).unwrap();
        let values = encode(&column, value_type).unwrap();
        let mut out = Vec::new();
        let written = write_json(values.value(0), NonFinite::Error, &mut out);
        if body.starts_with("ValueError") {
            assert_eq!(written.unwrap_err().kind(), crate::Kind::Invalid);
            out.clear();
            write_json(values.value(0), NonFinite::Null, &mut out).unwrap();
            assert_eq!(out, b"null");
        } else {
            let text = String::from_utf8(out).unwrap();
            assert!(
                body.starts_with(&format!("{{\"results\":[{{\"values\":[{text}],")),
                "{text} not in {body}"
            );
        }
    }
}

#[test]
fn any_integer_width_will_do() {
    let columns: [ArrayRef; 4] = [
        Arc::new(Int8Array::from(vec![Some(-1), None])),
        Arc::new(Int64Array::from(vec![Some(-1), None])),
        Arc::new(Float64Array::from(vec![Some(-1.0), None])),
        Arc::new(DictionaryArray::<Int32Type>::new(
            Int32Array::from(vec![Some(0), None]),
            Arc::new(Int16Array::from(vec![-1])),
        )),
    ];
    for column in columns {
        assert_eq!(jsons(column, ValueType::INT32), ["-1", "null"]);
    }
    assert_eq!(jsons(Arc::new(Int32Array::from(vec![3])), ValueType::FLOAT), ["3.0"]);
    assert_eq!(jsons(Arc::new(UInt8Array::from(vec![0, 1])), ValueType::BOOL), ["false", "true"]);
    assert_eq!(jsons(Arc::new(Int32Array::from(vec![3])), ValueType::STRING), ["\"3\""]);
}

#[test]
fn value_that_does_not_fit_is_named() {
    let error = refusal(Arc::new(Int64Array::from(vec![1, 5_000_000_000])), ValueType::INT32);
    assert_eq!((error.get("row"), error.get("value")), (Some("1"), Some("5000000000")));
    assert_eq!(error.get("expected"), Some("Int32"));
    let error = refusal(Arc::new(UInt64Array::from(vec![u64::MAX])), ValueType::INT64);
    assert_eq!(error.get("row"), Some("0"));
    let error = refusal(Arc::new(Float64Array::from(vec![None, Some(1.5)])), ValueType::INT64);
    assert!(error.to_string().contains("not a whole number") && error.get("row") == Some("1"));
    let error = refusal(Arc::new(Float64Array::from(vec![1e300])), ValueType::FLOAT);
    assert_eq!(error.get("row"), Some("0"));
    let error = refusal(Arc::new(StringArray::from(vec!["{"])), ValueType::JSON);
    assert!(error.to_string().contains("not JSON"));
    let error = refusal(Arc::new(StringArray::from(vec!["x"])), ValueType::UUID);
    assert!(error.to_string().contains("not a UUID"));
    let error = refusal(Arc::new(StringArray::from(vec!["yesterday"])), ValueType::UNIX_TIMESTAMP);
    assert!(error.to_string().contains("ISO 8601"));
    let lists = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>([
        Some(vec![Some(1)]),
        Some(vec![]),
        Some(vec![Some(2), Some(1 << 40)]),
    ]);
    let error = refusal(Arc::new(lists), ValueType::INT32_LIST);
    assert_eq!((error.get("row"), error.get("value")), (Some("2"), Some("1099511627776")));
}

#[test]
fn type_that_cannot_fit_is_refused_before_any_data() {
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    for (data_type, value_type) in [
        (DataType::Utf8, ValueType::INT64),
        (DataType::Float64, ValueType::STRING),
        (DataType::Boolean, ValueType::INT64),
        (seconds.clone(), ValueType::INT64),
        (DataType::Utf8, ValueType::STRING_LIST),
        (DataType::new_list(DataType::Utf8, true), ValueType::INT64_LIST),
        (DataType::Int64, ValueType::MAP),
        (DataType::Int64, ValueType::UNKNOWN),
        (DataType::Duration(TimeUnit::Second), ValueType::STRING),
        (DataType::new_list(DataType::Int64, true), ValueType::INT64),
    ] {
        let error = check(&data_type, value_type).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Invalid, "{data_type} {value_type}: {error}");
        assert!(error.get("type").is_some() && error.get("expected").is_some());
    }
    for (data_type, value_type) in [
        (DataType::Utf8View, ValueType::STRING),
        (DataType::Decimal128(10, 2), ValueType::DOUBLE),
        (DataType::Decimal256(40, 2), ValueType::DECIMAL),
        (seconds, ValueType::UNIX_TIMESTAMP),
        (DataType::Date32, ValueType::UNIX_TIMESTAMP),
        (DataType::FixedSizeBinary(16), ValueType::UUID),
        (DataType::LargeList(Arc::new(Field::new("x", DataType::LargeUtf8, true))), ValueType::STRING_SET),
        (DataType::Null, ValueType::STRING_LIST),
        (DataType::Null, ValueType::MAP),
        (DataType::Null, ValueType::ZONED_TIMESTAMP),
    ] {
        check(&data_type, value_type).unwrap();
    }
}

#[test]
fn timestamps_become_whole_seconds_rounded_down() {
    let columns: [ArrayRef; 5] = [
        Arc::new(TimestampSecondArray::from(vec![-2])),
        Arc::new(TimestampMillisecondArray::from(vec![-1_500]).with_timezone("America/New_York")),
        Arc::new(TimestampMicrosecondArray::from(vec![-1_000_001])),
        Arc::new(TimestampNanosecondArray::from(vec![-1_999_999_999]).with_timezone("+02:00")),
        Arc::new(StringArray::from(vec!["1970-01-01T01:59:58.5+02:00"])),
    ];
    for column in columns {
        assert_eq!(jsons(column, ValueType::UNIX_TIMESTAMP), ["-2"]);
    }
    assert_eq!(jsons(Arc::new(Date32Array::from(vec![1])), ValueType::UNIX_TIMESTAMP), ["86400"]);
    assert_eq!(jsons(Arc::new(Date64Array::from(vec![-1])), ValueType::UNIX_TIMESTAMP), ["-1"]);
}

#[test]
fn zoned_timestamp_keeps_its_zone() {
    let texts = StringArray::from(vec![
        Some("2026-11-20T01:02:03+02:00"),
        Some("2026-11-20T01:02:03Z"),
        Some("2026-11-20T01:02:03"),
        None,
    ]);
    assert_eq!(
        jsons(Arc::new(texts), ValueType::ZONED_TIMESTAMP),
        [
            "\"2026-11-20T01:02:03+02:00\"",
            "\"2026-11-20T01:02:03+00:00\"",
            "\"2026-11-20T01:02:03+00:00\"",
            "null"
        ]
    );
    let summer = TimestampSecondArray::from(vec![1_780_000_000]).with_timezone("Europe/Berlin");
    assert_eq!(jsons(Arc::new(summer), ValueType::ZONED_TIMESTAMP), ["\"2026-05-28T22:26:40+02:00\""]);
    let golden = golden();
    let zoned = golden["rows"].as_array().unwrap().iter().rfind(|r| r["feature"] == "f_zoned_ts").unwrap();
    let column = StringArray::from(vec![zoned["json"].as_str().unwrap()]);
    let bytes = encode(&(Arc::new(column) as ArrayRef), ValueType::ZONED_TIMESTAMP).unwrap();
    assert_eq!(bytes.value(0), hex(zoned["value"].as_str().unwrap()));
    for (seconds, zone) in [(i64::MAX, "UTC"), (i64::MIN, "Asia/Tokyo"), (253_402_300_800, "+14:00")] {
        let far = TimestampSecondArray::from(vec![seconds]).with_timezone(zone);
        let bytes = encode(&(Arc::new(far) as ArrayRef), ValueType::ZONED_TIMESTAMP).unwrap();
        assert!(write_json(bytes.value(0), NonFinite::Null, &mut Vec::new()).is_err());
    }
}

#[test]
fn decimals_and_uuids_are_text() {
    let decimals =
        Decimal128Array::from(vec![Some(123_400), None, Some(-5)]).with_precision_and_scale(10, 4).unwrap();
    assert_eq!(jsons(Arc::new(decimals), ValueType::DECIMAL), ["\"12.3400\"", "null", "\"-0.0005\""]);
    assert_eq!(jsons(Arc::new(Float64Array::from(vec![0.1])), ValueType::DECIMAL), ["\"0.1\""]);
    let uuid =
        FixedSizeBinaryArray::try_from_iter([hex("6ba7b8109dad11d180b400c04fd430c8")].into_iter()).unwrap();
    assert_eq!(jsons(Arc::new(uuid), ValueType::UUID), ["\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\""]);
}

#[test]
fn set_drops_repeated_items() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(2), Some(1), Some(2), Some(2)]),
        None,
        Some(vec![]),
        Some(vec![Some(1)]),
    ]);
    let lists: ArrayRef = Arc::new(lists);
    assert_eq!(jsons(lists.clone(), ValueType::INT64_SET), ["[2,1]", "null", "[]", "[1]"]);
    assert_eq!(jsons(lists.slice(3, 1), ValueType::INT64_SET), ["[1]"]);
    assert_eq!(jsons(lists.slice(0, 1), ValueType::INT64_LIST), ["[2,1,2,2]"]);
}

#[test]
fn null_item_is_nan_among_floats_and_refused_elsewhere() {
    let floats = ListArray::from_iter_primitive::<arrow_array::types::Float64Type, _, _>([
        Some(vec![Some(1.0)]),
        Some(vec![None]),
    ]);
    let values = encode(&(Arc::new(floats) as ArrayRef), ValueType::DOUBLE_LIST).unwrap();
    let mut out = Vec::new();
    write_json(values.value(1), NonFinite::Null, &mut out).unwrap();
    assert_eq!(out, b"[null]");
    let mut texts = ListBuilder::new(StringBuilder::new());
    texts.append_value([Some("a")]);
    texts.append_value([Some("b"), None]);
    let error = refusal(Arc::new(texts.finish()), ValueType::STRING_LIST);
    assert!(error.to_string().contains("null item") && error.get("row") == Some("1"));
}

#[test]
fn nested_lists_and_maps_hold_whole_values() {
    let mut nested = ListBuilder::new(ListBuilder::new(Int64Builder::new()));
    nested.values().append_value([Some(1), Some(2)]);
    nested.values().append_null();
    nested.values().append_value([]);
    nested.append(true);
    nested.append(false);
    assert_eq!(jsons(Arc::new(nested.finish()), ValueType::VALUE_LIST), ["[[1,2],null,[]]", "null"]);

    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("a");
    map.values().append_value(1);
    map.keys().append_value("b");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    map.append(true).unwrap();
    let map: ArrayRef = Arc::new(map.finish());
    assert_eq!(jsons(map.clone(), ValueType::MAP), ["{\"a\":1,\"b\":null}", "null", "{}"]);
    assert_eq!(jsons(map.clone(), ValueType::STRUCT), ["{\"a\":1,\"b\":null}", "null", "{}"]);
    assert_eq!(read(encode(&map, ValueType::STRUCT).unwrap().value(0)).unwrap().0, ValueType::STRUCT);
    assert_eq!(jsons(map.slice(2, 1), ValueType::JSON), ["\"{}\""]);

    let rows = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Float32, true)),
            Arc::new(Float32Array::from(vec![0.5])) as ArrayRef,
        ),
        (Arc::new(Field::new("s", DataType::Utf8, true)), Arc::new(StringArray::from(vec!["é"])) as ArrayRef),
    ]);
    let rows: ArrayRef = Arc::new(rows);
    assert_eq!(jsons(rows.clone(), ValueType::STRUCT), ["{\"x\":0.5,\"s\":\"é\"}"]);
    let list = ListArray::new(
        Arc::new(Field::new("item", rows.data_type().clone(), true)),
        OffsetBuffer::from_lengths([1, 0]),
        rows,
        None,
    );
    let list: ArrayRef = Arc::new(list);
    assert_eq!(jsons(list.clone(), ValueType::STRUCT_LIST), ["[{\"x\":0.5,\"s\":\"é\"}]", "[]"]);
    assert_eq!(jsons(list, ValueType::JSON), [r#""[{\"x\":0.5,\"s\":\"é\"}]""#, r#""[]""#]);
}

#[test]
fn null_of_json_is_a_null_of_every_type() {
    for number in 1..=48 {
        let value_type = ValueType(number);
        let Ok(column) = json_column(&[serde_json::Value::Null], value_type, IntegerTime::Seconds) else {
            assert!(value_type.arrow().is_none(), "{value_type}");
            continue;
        };
        let values = encode(&column, value_type).unwrap();
        assert_eq!((values.len(), values.value(0)), (1, &[][..]), "{value_type}");
    }
    let object = serde_json::json!({"1": 2});
    let refused = json_column(&[object], ValueType::SCALAR_MAP, IntegerTime::Seconds).unwrap_err();
    assert_eq!(refused.kind(), crate::Kind::Unsupported);
}

#[test]
fn scalar_map_is_null_in_json_and_an_object_in_a_column() {
    let mut map = MapBuilder::new(None, Int64Builder::new(), StringBuilder::new());
    for (key, value) in [(1, "one"), (2, "two")] {
        map.keys().append_value(key);
        map.values().append_value(value);
    }
    map.append(true).unwrap();
    let values = encode(&(Arc::new(map.finish()) as ArrayRef), ValueType::SCALAR_MAP).unwrap();
    let golden = golden();
    let recorded =
        golden["rows"].as_array().unwrap().iter().rfind(|r| r["feature"] == "f_scalar_map").unwrap();
    assert_eq!(values.value(0), hex(recorded["value"].as_str().unwrap()));
    assert_eq!(json_text(values.value(0)), "null");
    let column = decode(&values, ValueType::SCALAR_MAP).unwrap();
    assert_eq!(column.as_string::<i32>().value(0), r#"{"1":"one","2":"two"}"#);
}

#[test]
fn json_text_stands_for_maps_and_nested_lists() {
    let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let object = r#"{"a":1,"b":[1.5,2.0],"c":{"d":["x",null,true]},"e":[]}"#;
    assert_eq!(jsons(texts(&[object, "null"]), ValueType::MAP), [object, "null"]);
    assert_eq!(jsons(texts(&["[[1],[],[\"a\"]]"]), ValueType::VALUE_LIST), ["[[1],[],[\"a\"]]"]);
    assert_eq!(jsons(texts(&["[[1],[1],[2]]"]), ValueType::VALUE_SET), ["[[1],[2]]"]);
    assert_eq!(jsons(texts(&["[{\"a\":1}]"]), ValueType::STRUCT_LIST), ["[{\"a\":1}]"]);
    for (text, value_type) in [
        ("[1]", ValueType::MAP),
        ("{}", ValueType::VALUE_LIST),
        ("[1]", ValueType::MAP_LIST),
        ("{\"a\":18446744073709551615}", ValueType::MAP),
        ("{", ValueType::MAP),
        (&"[".repeat(100), ValueType::VALUE_LIST),
    ] {
        assert_eq!(refusal(texts(&[text]), value_type).get("row"), Some("0"), "{text}");
    }
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    assert!(refusal(texts(&[&deep]), ValueType::VALUE_LIST).to_string().contains("too deeply"));
}

#[test]
fn sliced_and_view_columns_encode_as_plain_ones() {
    let column: ArrayRef =
        Arc::new(StringViewArray::from(vec![Some("x"), None, Some("a longer text than twelve")]));
    assert_eq!(jsons(column.slice(1, 2), ValueType::STRING), ["null", "\"a longer text than twelve\""]);
    let column: ArrayRef = Arc::new(BinaryViewArray::from(vec![&[0xff_u8][..]]));
    assert_eq!(jsons(column.clone(), ValueType::BYTES), ["\"/w==\""]);
    assert!(refusal(column, ValueType::STRING).to_string().contains("row: 0"));
}
