//! Requests and answers recorded from Feast's server: what is asked again, and how an answer of ours differs. Whole-system tests of other stores use it, too.
//!
//! Answers with features are compared by name, since Feast's order of features is that of a hash set. The texts of mistakes for which Feast has no exception
//! class are our own, so of those the status is compared and that the body is a JSON string.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Pairs whose answer is another than Feast's on purpose: the name, our status, and why.
const DEVIATIONS: &[(&str, u16, &str)] = &[
    ("gof_feature_service", 501, "on-demand views run where a runtime of their mode is registered"),
    ("gof_odfv_only", 501, "on-demand views run where a runtime of their mode is registered"),
    ("gof_odfv_python", 501, "on-demand views run where a runtime of their mode is registered"),
    ("gof_version_qualified_ref", 501, "versions of views are not kept online"),
    ("push_offline_naive_ts_floats", 200, "a time without zone is UTC, offline as online"),
    ("push_null_readback", 200, "a row of nulls is written, where Feast drops it"),
    ("chat_post", 404, "a placeholder of Feast's"),
    ("chat_get", 404, "a placeholder of Feast's"),
    ("metrics_on_serving_port", 200, "metrics are on the serving port"),
    ("retrieve_docs_v1", 404, "vector search is not there"),
    ("retrieve_docs_v2", 404, "vector search is not there"),
    ("search", 404, "vector search is not there"),
    ("vector_stores", 404, "vector search is not there"),
];

/// What our server answered.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) text: &'a str,
}

/// The body of a recorded request.
pub(crate) fn body(request: &Value) -> String {
    match &request["body"] {
        Value::Null => String::new(),
        body => body.get("raw").map_or_else(|| body.to_string(), |raw| raw.as_str().unwrap().to_owned()),
    }
}

/// Answers that were compared.
#[derive(Default)]
pub(crate) struct Tally {
    same: usize,
    wrong: Vec<String>,
}

impl Tally {
    /// Compares the answer to a recorded request. `amend` changes what was recorded of features, where that is known to be wrong.
    pub(crate) fn compare(&mut self, pair: &Value, told: Told<'_>, amend: fn(Value) -> Value) {
        let name = pair["name"].as_str().unwrap();
        let differences = differences(&pair["response"], told, amend);
        match DEVIATIONS.iter().find(|(deviation, ..)| *deviation == name) {
            None if differences.is_empty() => self.same += 1,
            None => self.wrong.push(format!("{name}: {}", differences.join("; "))),
            Some(_) if differences.is_empty() => self.wrong.push(format!("{name}: is no deviation any more")),
            Some((_, status, _)) if *status != told.status => {
                self.wrong.push(format!("{name}: status {} and not {status}: {}", told.status, told.text));
            }
            Some(_) => {}
        }
    }

    /// So many answers are as Feast's; all others are known deviations.
    #[track_caller]
    pub(crate) fn assert(self, same: usize) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert_eq!(self.same, same);
    }
}

/// How an answer differs from the recorded one.
fn differences(recorded: &Value, told: Told<'_>, amend: fn(Value) -> Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: Value, seen: Value| {
        if expected != seen {
            found.push(format!("{what} is {seen} and not {expected}"));
        }
    };
    compare("status", recorded["status"].clone(), told.status.into());
    compare("content type", recorded["content_type"].clone(), told.content_type.into());
    let (expected, seen) = match recorded.get("json") {
        Some(body) => (body.clone(), serde_json::from_str(told.text).unwrap_or_default()),
        None => (json!(recorded["text"]), json!(told.text)),
    };
    match expected {
        Value::String(text) => match serde_json::from_str::<Value>(&text) {
            Ok(detail) if detail.is_object() => {
                let seen: Value = serde_json::from_str(seen.as_str().unwrap_or_default()).unwrap_or_default();
                compare("module", detail["module"].clone(), seen["module"].clone());
                compare("class", detail["class"].clone(), seen["class"].clone());
                // Ours may say more after it.
                let told = seen["message"].as_str().unwrap_or_default();
                let begins = told.starts_with(detail["message"].as_str().unwrap());
                compare("message", if begins { told.into() } else { detail["message"].clone() }, told.into());
            }
            _ => compare("a text", true.into(), seen.is_string().into()),
        },
        expected if expected.get("results").is_some() => {
            compare("features", by_name(&amend(expected)), by_name(&seen));
        }
        expected => compare("body", expected, seen),
    }
    found
}

/// The results of an answer by feature name.
fn by_name(answer: &Value) -> Value {
    let names = answer["metadata"]["feature_names"].as_array().cloned().unwrap_or_default();
    let results = answer["results"].as_array().cloned().unwrap_or_default();
    assert_eq!(names.len(), results.len());
    let pairs: BTreeMap<String, Value> =
        names.iter().map(|n| n.as_str().unwrap().to_owned()).zip(results).collect();
    json!(pairs)
}
