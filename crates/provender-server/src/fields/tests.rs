use super::*;
use serde_json::{Value, json};

/// The list of problems of a body that is read by `read`.
fn problems(body: &[u8], read: impl FnOnce(&mut Form<'_>)) -> Value {
    let refused = match Form::parse(body, Vec::new()) {
        Ok(mut form) => {
            read(&mut form);
            form.finish()
        }
        Err(failure) => Err(failure),
    };
    match refused {
        Ok(()) => json!([]),
        Err(Failure::Form(list)) => {
            serde_json::from_str::<Value>(&Problem::to_json(&list)).unwrap()["detail"].take()
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn kinds(body: &[u8]) -> Vec<String> {
    let list = problems(body, |_| {});
    list.as_array().unwrap().iter().map(|p| p["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn whole_body_must_be_an_object() {
    let missing = json!([{"type": "missing", "loc": ["body"], "msg": "Field required", "input": null}]);
    assert_eq!(problems(b"", |_| {}), missing);
    assert_eq!(problems(b" null ", |_| {}), missing);
    assert_eq!(
        problems(b"[1]", |_| {}),
        json!([{"type": "model_attributes_type", "loc": ["body"],
            "msg": "Input should be a valid dictionary or object to extract fields from", "input": [1]}])
    );
    assert!(kinds(b"{}").is_empty());
}

#[test]
fn text_that_is_not_json_tells_where_it_ends() {
    let list = problems(b"{\n \"a\": nope}", |_| {});
    assert_eq!((&list[0]["type"], &list[0]["loc"]), (&json!("json_invalid"), &json!(["body", 9])));
    assert!(list[0]["ctx"]["error"].as_str().unwrap().contains("expected"));
}

#[test]
fn hostile_bodies_are_refused_and_nothing_more() {
    for body in [
        b"{\"a\": \"\xff\"}".to_vec(),
        b"{\"a\": 1} trailing".to_vec(),
        b"{\"a\": NaN}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        format!("{{\"a\": {}", "[".repeat(100_000)).into_bytes(),
        [b"{".to_vec(), b"\"k\":0,".repeat(MOST + 1), b"\"k\":0}".to_vec()].concat(),
    ] {
        assert_eq!(kinds(&body), ["json_invalid"]);
    }
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let list = problems(deep.as_bytes(), |form| {
        form.texts("a");
        form.object("a");
    });
    assert_eq!((&list[0]["type"], &list[1]["type"]), (&json!("string_type"), &json!("dict_type")));
    assert_eq!(list[1]["input"], Value::Null, "long input is not sent back");
}

const MOST: usize = 10_000;

#[test]
fn all_problems_are_told_at_once() {
    let body =
        br#"{"features": ["a", 1, null], "full_feature_names": "perhaps", "entities": {"x": 1, "y": []}}"#;
    let list = problems(body, |form| {
        form.lists("entities");
        form.texts("features");
        form.flag("full_feature_names", false);
        form.text("feature_view_name");
    });
    let seen: Vec<(&str, String)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["type"].as_str().unwrap(), p["loc"].to_string()))
        .collect();
    assert_eq!(
        seen,
        [
            ("list_type", r#"["body","entities","x"]"#.to_owned()),
            ("string_type", r#"["body","features",1]"#.to_owned()),
            ("string_type", r#"["body","features",2]"#.to_owned()),
            ("bool_parsing", r#"["body","full_feature_names"]"#.to_owned()),
            ("missing", r#"["body","feature_view_name"]"#.to_owned()),
        ]
    );
    assert_eq!(list[0]["input"], json!(1));
    assert_eq!(list[4]["input"]["features"], json!(["a", 1, null]));
}

#[test]
fn truth_has_many_names() {
    let flag = |text: &str| {
        let body = format!("{{\"f\": {text}}}");
        let mut form = Form::parse(body.as_bytes(), Vec::new()).unwrap();
        let truth = form.flag("f", false);
        form.finish().map(|()| truth).ok()
    };
    for text in ["true", "1", "1.0", "\"yes\"", "\"TRUE\"", "\"on\""] {
        assert_eq!(flag(text), Some(true), "{text}");
    }
    for text in ["false", "0", "\"n\"", "\"0\""] {
        assert_eq!(flag(text), Some(false), "{text}");
    }
    for text in ["2", "0.5", "\"\"", "null", "[]", "{}", "1e999"] {
        assert_eq!(flag(text), None, "{text}");
    }
}

#[test]
fn last_field_of_a_name_stays_in_the_place_of_the_first() {
    let body = br#"{"t": "one", "t": "two", "o": {"a": [1], "b": [2], "\u0061": [3]}}"#;
    let mut form = Form::parse(body, Vec::new()).unwrap();
    assert_eq!(form.text("t"), "two");
    let fields: Vec<(String, &str)> =
        form.object("o").into_iter().map(|(name, raw)| (name.into_owned(), raw.get())).collect();
    assert_eq!(fields, [("a".to_owned(), "[3]"), ("b".to_owned(), "[2]")]);
}

#[test]
fn null_stands_for_absent_only_where_it_may() {
    let body = br#"{"a": null, "b": null}"#;
    let mut form = Form::parse(body, Vec::new()).unwrap();
    assert_eq!((form.optional_text("a"), form.optional_texts("b")), (None, None));
    assert!(form.finish().is_ok());
    let list = problems(body, |form| {
        form.text_or("a", "x");
        form.texts("b");
    });
    assert_eq!((&list[0]["type"], &list[1]["type"]), (&json!("string_type"), &json!("list_type")));
}

#[test]
fn text_with_half_a_character_is_refused() {
    let list = problems(br#"{"a": "\ud800"}"#, |form| {
        form.text("a");
    });
    assert_eq!((&list[0]["type"], &list[0]["loc"]), (&json!("json_invalid"), &json!(["body", "a"])));
}

#[test]
fn flags_of_the_query_are_read_like_those_of_the_body() {
    let pairs =
        |value: &str| vec![("async".to_owned(), "false".to_owned()), ("async".to_owned(), value.to_owned())];
    let mut found = Vec::new();
    assert!(query_flag("async", &pairs("True"), &mut found));
    assert!(!query_flag("force", &pairs("True"), &mut found));
    assert!(found.is_empty());
    assert!(!query_flag("async", &pairs("so"), &mut found));
    let list: Value = serde_json::from_str(&Problem::to_json(&found)).unwrap();
    assert_eq!(
        (&list["detail"][0]["loc"], &list["detail"][0]["input"]),
        (&json!(["query", "async"]), &json!("so"))
    );
}
