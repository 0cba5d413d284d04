use super::*;

fn read(text: &str, limit: usize) -> Result<Vec<EntityValue<'_>>, Failure> {
    values("driver_id", serde_json::from_str::<&RawValue>(text).unwrap(), limit)
}

#[test]
fn values_keep_their_type() {
    let text = r#"[null, true, -1, 9223372036854775807, 1.5, "plain", "caf\u00e9"]"#;
    let values = read(text, 10).unwrap();
    let expected = [
        EntityValue::Null,
        EntityValue::Bool(true),
        EntityValue::Int(-1),
        EntityValue::Int(i64::MAX),
        EntityValue::Float(1.5),
        EntityValue::Text("plain".into()),
        EntityValue::Text("café".into()),
    ];
    assert_eq!(values, expected);
    assert!(matches!(values[5], EntityValue::Text(Cow::Borrowed(_))));
}

#[test]
fn number_too_large_for_a_key_keeps_its_digits() {
    assert_eq!(read("[9223372036854775808]", 1).unwrap(), [EntityValue::Text("9223372036854775808".into())]);
    assert_eq!(read("[1e300]", 1).unwrap(), [EntityValue::Float(1e300)]);
}

#[test]
fn nested_value_is_named_by_its_place() {
    for text in ["[1, [2]]", "[1, {}]", r#"[1, "\ud800"]"#] {
        let Failure::Engine(error) = read(text, 10).unwrap_err() else { panic!("{text}") };
        assert_eq!(error.get("field"), Some("entities.driver_id[1]"), "{text}");
    }
}

#[test]
fn rows_are_counted_while_they_are_read() {
    assert_eq!(read("[1,2,3]", 3).unwrap().len(), 3);
    let Failure::Http(status, text) = read("[1,2,3,4]", 3).unwrap_err() else { panic!() };
    assert_eq!((status.as_u16(), &*text), (413, "more than 3 entity rows; ask in several requests"));
    // a wrong value at the limit is still a wrong value
    assert!(matches!(read("[1,2,3,[]]", 4).unwrap_err(), Failure::Engine(_)));
}
