//! Every request that was recorded from Feast 0.66's server over SQLite, sent to ours over the same registry and the same database, in the same order.
//!
//! `compat: feast` and `write_mode: overwrite` are on. Answers with features are compared by name, since Feast's order of features is that of a hash set.
//! The texts of mistakes for which Feast has no exception class are our own, so of those the status is compared and that the body is a JSON string.

use crate::client::{Answer, send};
use arrow_array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use provender_blob::Blob;
use provender_core::config::RepoConfig;
use provender_core::memory::MemoryOffline;
use provender_core::{OnlineStore, OpenContext, Providers, Registry, Timestamp};
use provender_engine::FeatureStore;
use provender_server::{ServerConfig, router};
use provender_sqlite::Sqlite;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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
const NOT_ASKED: [&str; 3] = ["push_offline_effect", "metrics_on_8000", "response_headers"];

#[tokio::test]
async fn recorded_requests_are_answered_as_feast_answers_them() {
    let repo = tempfile::tempdir().unwrap();
    let router = open(repo.path()).await;
    let recorded: Value = serde_json::from_str(include_str!("../../testdata/http_sqlite.json")).unwrap();
    let mut wrong = Vec::new();
    let mut same = 0;
    for pair in recorded["pairs"].as_array().unwrap() {
        let name = pair["name"].as_str().unwrap();
        if NOT_ASKED.contains(&name) {
            continue;
        }
        let answer = ask(&router, &pair["request"]).await;
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

pub(crate) async fn open(repo: &Path) -> Router {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for file in ["registry.db", "sqlite_online_store.db"] {
        std::fs::copy(data.join(file), repo.join(file)).unwrap();
    }
    let text = "project: interop\nprovider: local\ncompat: feast\nentity_key_serialization_version: 3\nregistry: registry.db\n\
        online_store: {type: sqlite, path: sqlite_online_store.db, write_mode: overwrite}\n";
    let config = RepoConfig::parse(text, Path::new("feature_store.yaml"), repo.into(), &|_| None).unwrap();
    let providers = Providers::default().with::<Blob>().with::<Sqlite>();
    let context = OpenContext::new("interop", repo);
    let registry = providers.open::<dyn Registry>(&config.registry, &context).await.unwrap();
    let online =
        providers.open::<dyn OnlineStore>(config.online_store.as_ref().unwrap(), &context).await.unwrap();
    let store = FeatureStore::new(config, registry, vec![Arc::new(history())], Some(online));
    router(Arc::new(store), &ServerConfig::default())
}

/// The files of the recorded repository, as far as requests write or materialize them.
fn history() -> MemoryOffline {
    let times = |texts: &[&str]| -> ArrayRef {
        let times: Vec<i64> = texts.iter().map(|text| Timestamp::parse(text).unwrap().0).collect();
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
    };
    let made = times(&["2026-11-01", "2026-11-01"]);
    let two = times(&["2026-11-20 05:00", "2026-11-20 06:00"]);
    let drivers: ArrayRef = Arc::new(Int64Array::from(vec![1001, 1002]));
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let double = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let int = |values: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(values)) };
    let files: [(&str, Vec<(&str, ArrayRef)>); 4] = [
        (
            "data/push.parquet",
            vec![
                ("driver_id", drivers.clone()),
                ("event_timestamp", two.clone()),
                ("created", made.clone()),
                ("lat", double(vec![1.5, -2.5])),
                ("rating", int(vec![5, 4])),
            ],
        ),
        (
            "data/affinity.parquet",
            vec![
                ("driver_id", drivers),
                ("customer_id", text(vec!["c1", "c2"])),
                ("event_timestamp", two.clone()),
                ("created", made),
                ("affinity", double(vec![0.5, 0.125])),
            ],
        ),
        ("data/global.parquet", vec![("event_timestamp", two.clone()), ("fx_rate", double(vec![1.1, 1.2]))]),
        (
            "data/customer.parquet",
            vec![
                ("customer_id", text(vec!["c1", "c2"])),
                ("ts", two),
                ("age_years", int(vec![33, 44])),
                ("tier", text(vec!["gold", "silver"])),
                ("tags_list", text(vec!["gold", "silver"])),
            ],
        ),
    ];
    let store = MemoryOffline::new();
    for (path, columns) in files {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        store.insert(path, &[RecordBatch::try_from_iter_with_nullable(columns).unwrap()]).unwrap();
    }
    store
}

async fn ask(router: &Router, request: &Value) -> Answer {
    let body = match &request["body"] {
        Value::Null => String::new(),
        body => body.get("raw").map_or_else(|| body.to_string(), |raw| raw.as_str().unwrap().to_owned()),
    };
    let method = request["method"].as_str().unwrap();
    let asked = Request::builder().method(method).uri(request["path"].as_str().unwrap());
    send(router, asked.header("content-type", "application/json").body(Body::from(body)).unwrap()).await
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
    compare("content type", recorded["content_type"].clone(), answer.header("content-type").into());
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
                // ours may say more after it
                let told = seen["message"].as_str().unwrap_or_default();
                let begins = told.starts_with(detail["message"].as_str().unwrap());
                compare("message", if begins { told.into() } else { detail["message"].clone() }, told.into());
            }
            _ => compare("a text", true.into(), seen.is_string().into()),
        },
        expected if expected.get("results").is_some() => {
            compare("features", by_name(&expected), by_name(&seen))
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
