//! Every request that was recorded from Feast 0.66's server over Redis, sent to ours over the same registry and a Redis filled with the recorded
//! bytes, in the same order.
//!
//! `compat: feast` is on. Answers with features are compared by name, since Feast's order of features is that of a hash set. The texts of mistakes
//! for which Feast has no exception class are our own, so of those the status is compared and that the body is a JSON string. Over Redis, unlike
//! over SQLite, Feast calls a key that it did not find PRESENT; here it is NOT_FOUND over every store.

use crate::feast::{Feast, by_name, honest, make_data};
use crate::redis::Redis;
use crate::support::{Answer, Repo, Server};
use crate::{Case, FEAST, REDIS_SERVER};
use serde_json::{Value, json};

pub(crate) const CASES: &[Case] = &[Case::new(
    "requests_recorded_over_redis_are_answered_as_feast_answers_them",
    &[FEAST, REDIS_SERVER],
    replay,
)];

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

/// Records that are no request to this server.
const NOT_ASKED: [&str; 2] = ["push_offline_effect", "response_headers"];

const CONFIGURATION: &str = "\
project: interop
provider: local
compat: feast
entity_key_serialization_version: 3
registry: data/registry.db
";

fn replay() {
    let redis = Redis::start(&[]);
    let repo = repo(&redis);
    fill(&redis);
    let server = Server::start(repo.folder(), &[]);
    let recorded: Value = serde_json::from_str(include_str!("../../testdata/redis/http_redis.json")).unwrap();
    let mut wrong = Vec::new();
    let mut same = 0;
    for pair in recorded["pairs"].as_array().unwrap() {
        let name = pair["name"].as_str().unwrap();
        if NOT_ASKED.contains(&name) {
            continue;
        }
        let answer = ask(&server, &pair["request"]);
        let differences = differences(&pair["response"], &answer);
        match DEVIATIONS.iter().find(|(deviation, ..)| *deviation == name) {
            None if differences.is_empty() => same += 1,
            None => wrong.push(format!("{name}: {}", differences.join("; "))),
            Some(_) if differences.is_empty() => wrong.push(format!("{name}: is no deviation any more")),
            Some((_, status, _)) if *status != answer.status => {
                wrong.push(format!("{name}: status {} and not {status}: {}", answer.status, answer.text));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(same, 57);
}

/// The recorded repository: its registry and its files.
fn repo(redis: &Redis) -> Repo {
    let online = format!("online_store: {{type: redis, connection_string: '127.0.0.1:{}'}}\n", redis.port);
    let repo = Repo::new(&format!("{CONFIGURATION}{online}"), "");
    let registry = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/provender-server/testdata/registry.db");
    std::fs::copy(registry, repo.path("data/registry.db")).unwrap();
    make_data(&Feast::here(), &repo);
    repo
}

/// Writes the recorded hashes, byte for byte.
fn fill(redis: &Redis) {
    let dump: Value = serde_json::from_str(include_str!("../../testdata/redis/redis_dump.json")).unwrap();
    for hash in dump["keys"].as_array().unwrap() {
        let fields = hash["fields"].as_array().unwrap().iter();
        let fields = fields.flat_map(|field| [&field["field_hex"], &field["value_hex"]]);
        let words: Vec<&str> =
            std::iter::once(&hash["key_hex"]).chain(fields).map(|word| word.as_str().unwrap()).collect();
        redis.hset_hex(&words);
    }
}

fn ask(server: &Server, request: &Value) -> Answer {
    let body = match &request["body"] {
        Value::Null => String::new(),
        body => body.get("raw").map_or_else(|| body.to_string(), |raw| raw.as_str().unwrap().to_owned()),
    };
    server.ask(request["method"].as_str().unwrap(), request["path"].as_str().unwrap(), &body)
}

/// How an answer differs from the recorded one.
fn differences(recorded: &Value, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: Value, seen: Value| {
        if expected != seen {
            found.push(format!("{what} is {seen} and not {expected}"));
        }
    };
    compare("status", recorded["status"].clone(), answer.status.into());
    compare("content type", recorded["content_type"].clone(), answer.content_type.clone().into());
    let (expected, seen) = match recorded.get("json") {
        Some(body) => (body.clone(), serde_json::from_str(&answer.text).unwrap_or_default()),
        None => (json!(recorded["text"]), json!(answer.text)),
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
            let seen = seen.get("results").map(|_| by_name(&seen));
            compare("features", json!(by_name(&honest(expected))), json!(seen));
        }
        expected => compare("body", expected, seen),
    }
    found
}
