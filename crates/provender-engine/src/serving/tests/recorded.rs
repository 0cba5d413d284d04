//! Answers and errors recorded from Feast's server.

use super::*;
use crate::Features;
use serde_json::Value;
use std::collections::BTreeMap;

fn recorded() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/online_features.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn entity_value(value: &Value) -> EntityValue<'_> {
    match value {
        Value::Null => EntityValue::Null,
        Value::Number(number) => EntityValue::Int(number.as_i64().unwrap()),
        Value::String(text) => EntityValue::Text(text.as_str().into()),
        other => panic!("no entity value: {other}"),
    }
}

fn request(body: &Value) -> OnlineQuery<'_> {
    let strings =
        |list: &Value| list.as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect();
    let features = match body.get("feature_service") {
        Some(name) => Features::Service(name.as_str().unwrap().to_owned()),
        None => Features::List(body.get("features").map(strings).unwrap_or_default()),
    };
    let columns = body["entities"].as_object().unwrap().iter();
    OnlineQuery {
        features: features.into(),
        entities: columns
            .map(|(name, values)| {
                (name.as_str().into(), values.as_array().unwrap().iter().map(entity_value).collect())
            })
            .collect(),
        full_feature_names: body.get("full_feature_names").is_some_and(|v| v == true),
        context: RequestContext::local(),
    }
}

/// Columns by name. Feast's order within a view is that of a Python set.
fn by_name(answer: &str) -> (Vec<String>, BTreeMap<String, Value>) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    let names: Vec<String> = serde_json::from_value(answer["metadata"]["feature_names"].clone()).unwrap();
    let results = answer["results"].as_array().unwrap().iter().cloned();
    (names.clone(), names.into_iter().zip(results).collect())
}

#[tokio::test]
async fn compat_feast_answers_what_feast_answered() {
    let config = RepoConfig { online_ttl: OnlineTtl::Ignore, compat_feast: true, ..config() };
    let world = interop(config).await;
    let mut same_bytes = 0;
    for case in recorded().iter().filter(|case| case["status"] == 200) {
        let name = case["name"].as_str().unwrap();
        let answer = world.store.online(request(&case["body"])).await.unwrap();
        let (ours, theirs) = (json(&answer), case["raw"].as_str().unwrap());
        let (our_names, our_columns) = by_name(&ours);
        let (their_names, their_columns) = by_name(theirs);
        assert_eq!(our_columns, their_columns, "{name}");
        if our_names == their_names {
            assert_eq!(ours, theirs, "{name}");
            same_bytes += 1;
        }
    }
    // The others differ in order alone: Feast's within a view, this test's among entity columns.
    assert_eq!(same_bytes, 7);
}

#[tokio::test]
async fn errors_carry_feasts_class_and_words() {
    let world = interop(config()).await;
    for case in recorded().iter().filter(|case| case["status"] != 200) {
        let name = case["name"].as_str().unwrap();
        let error = world.store.online(request(&case["body"])).await.unwrap_err();
        let body: String = serde_json::from_str(case["raw"].as_str().unwrap()).unwrap();
        match serde_json::from_str::<Value>(&body) {
            Ok(feast) => {
                assert_eq!(error.message(), feast["message"], "{name}");
                assert_eq!(error.get("class"), feast["class"].as_str(), "{name}");
            }
            // A KeyError's text is the message in quotes.
            Err(_) => {
                assert_eq!((error.message(), error.get("class")), (body.trim_matches('\''), None), "{name}")
            }
        }
    }
}
