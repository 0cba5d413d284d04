use super::*;
use proptest::prelude::*;

/// Bodies of the usual shape, with names, white space and an order of their own.
fn usual() -> impl Strategy<Value = String> {
    let space = || prop::sample::select(vec!["", " ", "\n\t"]);
    let name = || "[a-zé:_0-9]{0,12}";
    let value = prop_oneof![
        (-999_999_999_999_999_999_i64..=999_999_999_999_999_999).prop_map(|n| n.to_string()),
        "[a-z 日\"\\\\]{0,9}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("null".to_owned()),
    ];
    let column = (name(), prop::collection::vec(value, 0..6), space())
        .prop_map(|(name, values, space)| format!("\"{name}\":{space}[{}{space}]", values.join(",")));
    let entities = (prop::collection::vec(column, 0..4), space())
        .prop_map(|(columns, space)| format!("\"entities\":{{{space}{}}}", columns.join(",")));
    let features = prop::collection::vec(name(), 0..5)
        .prop_map(|names| format!("\"features\":{}", serde_json::to_string(&names).unwrap()));
    let service = prop_oneof![
        name().prop_map(|name| format!("\"feature_service\":\"{name}\"")),
        Just("\"feature_service\":null".to_owned()),
    ];
    let flag = any::<bool>().prop_map(|flag| format!("\"full_feature_names\" : {flag}"));
    let fields = (entities, prop::option::of(features), prop::option::of(service), prop::option::of(flag));
    let fields = fields.prop_map(|(entities, features, service, flag)| {
        [Some(entities), features, service, flag].into_iter().flatten().collect::<Vec<_>>()
    });
    (fields.prop_shuffle(), space(), space()).prop_map(|(fields, before, after)| {
        format!("{before}{{{}{after}}}{after}", fields.join(&format!("{after},{before}")))
    })
}

proptest! {
    #[test]
    fn both_ways_of_reading_agree(body in usual()) {
        read_in_both_ways(body.as_bytes(), 5);
    }

    #[test]
    fn both_ways_of_reading_agree_on_damaged_bodies(body in usual(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = body.into_bytes();
        let at = at.index(body.len());
        if cut {
            body.truncate(at);
        } else {
            body[at] = byte;
        }
        read_in_both_ways(&body, 5);
    }
}

#[test]
fn usual_bodies_are_read_in_one_pass() {
    for body in [
        r#"{"features":["stats:lat","stats:rating"],"entities":{"driver_id":[1001,-2,0]}}"#,
        r#" { "feature_service" : "model" , "entities" : { "a" : [ "x" , null , true ] , "b" : [ ] } , "full_feature_names" : true } "#,
        r#"{"entities":{},"feature_service":null,"features":[]}"#,
    ] {
        assert!(quick::read(body.as_bytes(), 3).is_some(), "{body}");
        read_in_both_ways(body.as_bytes(), 3);
    }
}

#[test]
fn unusual_bodies_are_left_to_the_form() {
    for body in [
        r#"{"entities":{"k":[1.5]}}"#,
        r#"{"entities":{"k":[-0]}}"#,
        r#"{"entities":{"k":[01]}}"#,
        r#"{"entities":{"k":[1,2,3,4]}}"#,
        r#"{"entities":{"k":[1234567890123456789]}}"#,
        r#"{"entities":{"k":["\u0041"]}}"#,
        r#"{"entities":{"k":[1],"k":[2]}}"#,
        r#"{"entities":{"k":[1]},"entities":{"k":[2]}}"#,
        r#"{"entities":{"k":[1]},"other":1}"#,
        r#"{"entities":{"k":[1]},"full_feature_names":"yes"}"#,
        r#"{"entities":{"k":[1]}}x"#,
        r#"{"entities":{"k":[1]}"#,
        r#"{"features":["a:b"]}"#,
        "",
    ] {
        assert!(quick::read(body.as_bytes(), 3).is_none(), "{body}");
        read_in_both_ways(body.as_bytes(), 3);
    }
}
