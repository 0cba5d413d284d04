//! gRPC: Feast's stubs call our server, and `feast listen` answers the same calls the same way.

use crate::feast::{Feast, apply_feasts_repo};
use crate::support::{Repo, Server};
use crate::{Case, FEAST};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Child;

pub(crate) const CASES: &[Case] = &[Case::new(
    "stubs_of_feast_get_from_provender_what_feast_listen_answers",
    &[FEAST],
    ours_answers_as_theirs,
)];

const CONFIGURATION: &str = "\
project: p
provider: local
registry: data/registry.db
online_store: {type: sqlite, path: data/online.db}
offline_store: {type: duckdb}
entity_key_serialization_version: 3
compat: feast
";

/// A method, as `grpc_client.py` names it, and its request.
type Call = (&'static str, Value);

fn ours_answers_as_theirs() {
    let feast = Feast::here();
    let repo = apply_feasts_repo(&feast, "p", CONFIGURATION);
    let [start, end] = ["2026-11-01T00:00:00", "2026-11-21T00:00:00"];
    let views = ["driver_hourly_stats", "customer_profile"];
    feast.ask(repo.folder(), &[&["materialize", &json!([start, end]).to_string()], &views[..]].concat());
    // which Feast cannot materialize from DuckDB
    repo.ok(&["materialize", start, end, "--views", "global_stats", "--views", "driver_push_stats"]);
    let ours = Server::run(repo.folder(), &["listen", "--address", "127.0.0.1:0"], &[]);
    let theirs = Listener::start(&feast, &repo);
    let calls = calls();
    let (ours, theirs) = (ask(&feast, &repo, &ours.port(), &calls), ask(&feast, &repo, &theirs.port, &calls));
    for ((method, request), (ours, theirs)) in calls.iter().zip(ours.iter().zip(&theirs)) {
        assert_eq!(by_name(ours), by_name(theirs), "{method} {request}");
    }
    let own = own_calls();
    let port = Server::run(repo.folder(), &["listen", "--address", "127.0.0.1:0"], &[]);
    let answers = ask(&feast, &repo, &port.port(), &own);
    for ((method, request), answer) in own.iter().zip(&answers) {
        assert_eq!(answer["code"], "OK", "{method} {request}: {answer}");
    }
    assert_eq!(answers[0]["answer"]["status"], "SERVING");
    assert_eq!(by_name(&answers[1]), by_name(&ours[0]), "both services answer alike");
    assert_eq!(answers[4]["answer"]["results"][1]["values"], json!([{"double_val": 3.5}]));
}

/// Calls that both servers answer, in one order: what is pushed is read again.
fn calls() -> Vec<Call> {
    let get = |features: &[&str], entities: Value| {
        ("GetOnlineFeatures", json!({"features": {"val": features}, "entities": entities}))
    };
    let drivers = |ids: &[i64]| {
        let values: Vec<Value> = ids.iter().map(|id| json!({"int64_val": id.to_string()})).collect();
        json!({"driver_id": {"val": values}})
    };
    let row = json!({
        "driver_id": {"int64_val": "6002"}, "rating": {"int32_val": 3}, "lat": {"double_val": 2.5},
        "event_timestamp": {"string_val": "2026-11-20T10:00:00Z"}, "created": {"string_val": "2026-11-20T10:00:00Z"},
    });
    let mut seconds = row.clone();
    seconds["driver_id"] = json!({"int64_val": "6003"});
    seconds["event_timestamp"] = json!({"unix_timestamp_val": "1795168800"});
    let push = |row: &Value| {
        ("Push", json!({"stream_feature_view": "driver_push_source", "to": "online", "typed_features": row}))
    };
    let stats = ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"];
    vec![
        get(&stats, drivers(&[1001, 1002, 7, 1001])),
        (
            "GetOnlineFeatures",
            json!({"features": {"val": stats}, "entities": drivers(&[1001]), "full_feature_names": true}),
        ),
        get(
            &["customer_profile:age", "customer_profile:tags_list", "global_stats:fx_rate"],
            json!({"customer_id": {"val": [{"string_val": "c1"}, {"string_val": "zoë"}]}}),
        ),
        (
            "GetOnlineFeatures",
            json!({"feature_service": "svc_logged", "entities": {"driver_id": {"val": [{"int64_val": "1001"}]}, "customer_id": {"val": [{"string_val": "c1"}]}}}),
        ),
        push(&row),
        push(&seconds),
        get(&["driver_push_stats:lat", "driver_push_stats:rating"], drivers(&[6002, 6003, 6004])),
        ("WriteToOnlineStore", json!({"feature_view_name": "driver_push_stats", "typed_features": row})),
        ("Push", json!({"stream_feature_view": "nope", "to": "online", "typed_features": row})),
        (
            "Push",
            json!({"stream_feature_view": "driver_push_source", "to": "online", "typed_features": row, "features": {"lat": "1"}}),
        ),
    ]
}

/// Calls that `feast listen` has no answer to.
fn own_calls() -> Vec<Call> {
    let texts = json!({"driver_id": "6001", "event_timestamp": "2026-11-20T10:00:00Z", "created": "2026-11-20T10:00:00Z", "rating": "3", "lat": "3.5"});
    let read = json!({"features": {"val": ["driver_push_stats:lat"]}, "entities": {"driver_id": {"val": [{"int64_val": "6001"}]}}});
    vec![
        ("Health", json!({"service": "GrpcFeatureServer"})),
        ("Serving.GetOnlineFeatures", calls().swap_remove(0).1),
        ("Serving.GetFeastServingInfo", json!({})),
        ("Push", json!({"stream_feature_view": "driver_push_source", "to": "online", "features": texts})),
        ("GetOnlineFeatures", read),
    ]
}

fn ask(feast: &Feast, repo: &Repo, port: &str, calls: &[Call]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/grpc_client.py");
    let out = feast.python(repo.folder(), &[script, &format!("127.0.0.1:{port}"), &json!(calls).to_string()]);
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

/// An answer with its features by name, since Feast's order of a view's features is that of a hash set; of a refusal the code.
fn by_name(answer: &Value) -> Value {
    let Some(names) = answer["answer"]["metadata"]["feature_names"]["val"].as_array() else {
        return json!([answer["code"], answer["answer"]]);
    };
    let results = answer["answer"]["results"].as_array().unwrap();
    assert_eq!(names.len(), results.len());
    let features: BTreeMap<&str, &Value> = names.iter().map(|n| n.as_str().unwrap()).zip(results).collect();
    json!(features)
}

/// `feast listen`, killed when dropped.
struct Listener {
    process: Child,
    port: String,
}

impl Listener {
    fn start(feast: &Feast, repo: &Repo) -> Self {
        // a port that was free a moment ago: Feast takes none by itself
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let process = feast.background(repo.folder(), &["listen", "--address", &format!("127.0.0.1:{port}")]);
        Self { process, port }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
