use super::*;
use arrow_schema::Fields;

fn tags(text: &str) -> Vec<(String, String)> {
    Dtype::parse(text).unwrap().tags.into_iter().collect()
}

fn field(text: &str) -> Field {
    let dtype = Dtype::parse(text).unwrap();
    Field { tags: dtype.tags, ..Field::new("f", dtype.value_type) }
}

#[test]
fn hidden_tags_are_spelled_as_feast_spells_them() {
    let schema = |json: &str| vec![(STRUCT_SCHEMA_TAG.to_owned(), json.to_owned())];
    let nested = |text: &str| vec![(NESTED_TYPE_TAG.to_owned(), text.to_owned())];
    // Of the view all_types in golden/registry.
    assert_eq!(tags("Struct({a: Int64, b: String})"), schema(r#"{"a": "INT64", "b": "STRING"}"#));
    assert_eq!(
        tags("Array(Struct({a: Int64, b: Array(String)}))"),
        schema(r#"{"a": "INT64", "b": "Array(STRING)"}"#)
    );
    assert_eq!(tags("Array(Array(Int64))"), nested("Array(Array(INT64))"));
    assert_eq!(tags("Set(Array(String))"), nested("Set(Array(STRING))"));
    // As `feast.field` of 0.66 writes them.
    assert_eq!(tags("Set(Array(Float32))"), nested("Set(Array(FLOAT32))"));
    assert_eq!(tags("Array(Array(Float64))"), nested("Array(Array(FLOAT64))"));
    assert_eq!(
        tags("Struct({s: Struct({a: Int64})})"),
        schema(r#"{"s": "{\"__struct__\": {\"a\": \"INT64\"}}"}"#)
    );
    assert_eq!(tags("Struct({é: Int64})"), schema("{\"\\u00e9\": \"INT64\"}"));
}

#[test]
fn wire_types_are_the_flat_ones_where_there_are() {
    for (text, expected) in [
        ("Int64", ValueType::INT64),
        ("float32", ValueType::FLOAT),
        ("array( string )", ValueType::STRING_LIST),
        ("Set(Int32)", ValueType::INT32_SET),
        ("Array(Map)", ValueType::MAP_LIST),
        ("STRING_LIST", ValueType::STRING_LIST),
        ("Array(Array(Int64))", ValueType::VALUE_LIST),
        ("Array(Set(Int64))", ValueType::VALUE_LIST),
        ("Set(Array(String))", ValueType::VALUE_SET),
        ("Struct({a: Int64})", ValueType::STRUCT),
        ("Array(Struct({a: Int64}))", ValueType::STRUCT_LIST),
    ] {
        assert_eq!(Dtype::parse(text).unwrap().value_type, expected, "{text}");
    }
}

#[test]
fn types_read_back_from_their_tags() {
    for text in [
        "Int64",
        "Array(Float32)",
        "Set(Uuid)",
        "Array(Array(Float64))",
        "Set(Array(Set(UnixTimestamp)))",
        "Struct({a: Int64, b: Array(String)})",
        "Array(Struct({a: Struct({x: Float32, y: Array(Array(Bool))})}))",
        "Array(Array(Struct({a: Int64})))",
    ] {
        assert_eq!(field(text).dtype(), text);
    }
    assert_eq!(Field::new("f", ValueType::VALUE_LIST).dtype(), ValueType::VALUE_LIST.to_string());
    let mut damaged = Field::new("f", ValueType::STRUCT);
    damaged.tags.insert(STRUCT_SCHEMA_TAG.to_owned(), "{".to_owned());
    assert_eq!(damaged.dtype(), "Struct");
}

#[test]
fn wrong_types_say_what_is_wrong() {
    for (text, expected) in [
        ("Flot32", "unknown type (did you mean: Float32, type: Flot32)"),
        ("Array(Flot32)", "unknown type (did you mean: Float32, type: Array(Flot32))"),
        ("Set(Json)", "there is no set of that type (type: Set(Json))"),
        ("Set(Struct({a: Int64}))", "there is no set of that type (type: Set(Struct({a: Int64})))"),
        ("Array(ZonedTimestamp)", "there is no array of that type (type: Array(ZonedTimestamp))"),
        ("Struct(a: Int64)", "not a struct type (expected: Struct({name: Type, …}), type: Struct(a: Int64))"),
        ("Struct({})", "not a struct type (expected: Struct({name: Type, …}), type: Struct({}))"),
    ] {
        assert_eq!(Dtype::parse(text).unwrap_err().to_string(), expected);
    }
    for text in ["", "(", "{", "Array(", "Array)", "Struct({a})", "Struct({a: })", "é(Int64)"] {
        assert!(Dtype::parse(text).is_err(), "{text}");
    }
    let deep = format!("{}Int64{}", "Array(".repeat(100_000), ")".repeat(100_000));
    assert!(Dtype::parse(&deep).unwrap_err().to_string().starts_with("the type is nested too deeply"));
}

#[test]
fn arrow_shapes_keep_what_is_inside() {
    let list = |item: DataType| DataType::new_list(item, true);
    let pair = DataType::Struct(Fields::from(vec![arrow_schema::Field::new("a", DataType::Int64, true)]));
    let of = |data_type: &DataType| Dtype::of_arrow(data_type).unwrap();
    assert_eq!(of(&list(list(DataType::Float64))), Dtype::parse("Array(Array(Float64))").unwrap());
    assert_eq!(of(&list(pair.clone())), Dtype::parse("Array(Struct({a: Int64}))").unwrap());
    assert_eq!(of(&pair), Dtype::parse("Struct({a: Int64})").unwrap());
    assert_eq!(of(&DataType::Utf8).value_type, ValueType::STRING);
    assert_eq!(Dtype::of_arrow(&DataType::Duration(arrow_schema::TimeUnit::Second)), None);
}
