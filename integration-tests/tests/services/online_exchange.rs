//! Values of every type, written by Feast and served by Provender, and the reverse, over Redis, Redis Cluster and DynamoDB. Both use the same
//! `feature_store.yaml` and the same registry, as on the day when one takes the other's place.

use crate::feast::{Feast, apply_feasts_repo, by_name, honest};
use crate::support::{Repo, Server};
use crate::{Case, DYNAMODB, FEAST, REDIS, REDIS_CLUSTER};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(crate) const CASES: &[Case] = &[
    Case::new("provender_serves_what_feast_wrote_to_redis", &[FEAST, REDIS], || we_serve_theirs(&redis())),
    Case::new("feast_reads_what_provender_wrote_to_redis", &[FEAST, REDIS], || feast_reads_ours(&redis())),
    Case::new("provender_serves_what_feast_wrote_to_a_cluster", &[FEAST, REDIS_CLUSTER], || {
        we_serve_theirs(&cluster());
    }),
    Case::new("feast_reads_what_provender_wrote_to_a_cluster", &[FEAST, REDIS_CLUSTER], || {
        feast_reads_ours(&cluster());
    }),
    Case::new("provender_serves_what_feast_wrote_to_dynamodb", &[FEAST, DYNAMODB], || {
        we_serve_theirs(&dynamodb());
    }),
    Case::new("feast_reads_what_provender_wrote_to_dynamodb", &[FEAST, DYNAMODB], || {
        feast_reads_ours(&dynamodb());
    }),
];

const WINDOW: [&str; 2] = ["2026-11-01T00:00:00", "2026-11-21T00:00:00"];

fn service(need: crate::Need) -> String {
    need.address().unwrap()
}

fn redis() -> String {
    format!("{{type: redis, connection_string: '{}'}}", service(REDIS))
}

fn cluster() -> String {
    format!("{{type: redis, redis_type: redis_cluster, connection_string: '{}'}}", service(REDIS_CLUSTER))
}

fn dynamodb() -> String {
    format!("{{type: dynamodb, region: us-east-1, endpoint_url: '{}'}}", service(DYNAMODB))
}

/// Feast's interop repository over an online store, applied by Feast, in a project that nobody else uses.
fn repo(feast: &Feast, online_store: &str) -> Repo {
    let project = format!(
        "p{}",
        tempfile::tempdir()
            .unwrap()
            .path()
            .display()
            .to_string()
            .replace(|c: char| !c.is_alphanumeric(), "_")
    );
    apply_feasts_repo(
        feast,
        &project,
        &format!(
            "project: {project}\nprovider: local\nregistry: data/registry.db\nonline_store: {online_store}\n\
             offline_store: {{type: duckdb}}\nentity_key_serialization_version: 3\ncompat: feast\n"
        ),
    )
}

/// Value bytes by feature of the view `all_types`, in hexadecimal, as Feast wrote them: a row of nulls and values, and one of values alone.
fn rows() -> [(i64, BTreeMap<String, String>); 2] {
    let dump: Value = serde_json::from_str(include_str!("../../testdata/redis/redis_dump.json")).unwrap();
    [1001, 1002].map(|driver: i64| {
        let text = driver.to_string();
        let is_driver = |key: &&Value| key["entity_key"]["entity_values"][0]["int64_val"] == text.as_str();
        let key = dump["keys"].as_array().unwrap().iter().find(is_driver).unwrap();
        let values = key["fields"].as_array().unwrap().iter().filter_map(|field| {
            let name = field["field_is_hash_of"].as_str()?.strip_prefix("all_types:")?;
            Some((name.to_owned(), field["value_hex"].as_str().unwrap().to_owned()))
        });
        let values: BTreeMap<String, String> = values.collect();
        assert!(values.len() > 40, "{values:?}");
        (driver, values)
    })
}

/// What the Python side is given: rows with their values.
fn request(rows: &[(i64, BTreeMap<String, String>)]) -> Map<String, Value> {
    let rows: Vec<Value> =
        rows.iter().map(|(driver, values)| json!({"driver_id": driver, "values": values})).collect();
    let request = json!({"view": "all_types", "event_timestamp": "2026-11-20T05:00:00.123456", "rows": rows});
    request.as_object().unwrap().clone()
}

fn we_serve_theirs(online_store: &str) {
    let feast = &Feast::here();
    let repo = repo(feast, online_store);
    let rows = rows();
    let all_types: Vec<String> = rows[1].1.keys().map(|name| format!("all_types:{name}")).collect();
    let asked = json!([
        {"features": all_types, "entities": {"driver_id": [1001, 1002, 7]}},
        {"features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": [1001, 1004, 7]}},
        {"features": ["customer_profile:age", "customer_profile:tags_list"], "entities": {"customer_id": ["c1", "zoë", "", "nobody"]}},
        {"features": ["driver_customer_affinity:affinity"], "entities": {"driver_id": [1001, 1002], "customer_id": ["c1", "c1"]}},
    ]);
    let window = json!(WINDOW).to_string();
    let views = ["driver_hourly_stats", "customer_profile", "driver_customer_affinity"];
    let answers = feast.ask_each(
        repo.folder(),
        &[
            &[&["materialize", &window], &views[..]].concat(),
            &["write_values", &Value::Object(request(&rows)).to_string()],
            &["answers", &asked.to_string()],
        ],
    );
    let theirs = &answers[2];
    let server = Server::start(repo.folder(), &[]);
    for (asked, theirs) in asked.as_array().unwrap().iter().zip(theirs.as_array().unwrap()) {
        let (status, answer) = server.post("/get-online-features", &asked.to_string());
        assert_eq!(status, 200, "{answer}");
        let ours = serde_json::from_str(&answer).unwrap();
        for (name, theirs) in by_name(&honest(theirs.clone())) {
            assert_eq!(by_name(&ours)[&name], theirs, "{name}");
        }
    }
}

fn feast_reads_ours(online_store: &str) {
    let feast = &Feast::here();
    let repo = repo(feast, online_store);
    repo.ok(&["materialize", WINDOW[0], WINDOW[1], "--views", "driver_hourly_stats"]);
    let mut rows = rows();
    // Maps with keys of any kind can be read and not pushed, as with Feast.
    rows[1].1.insert("f_scalar_map".into(), String::new());
    let server = Server::start(repo.folder(), &[]);
    let mut request = request(&rows);
    request.insert("address".into(), format!("127.0.0.1:{}", server.port()).into());
    let request = Value::Object(request).to_string();
    let features = ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"];
    let keys = json!([{"driver_id": 1001}, {"driver_id": 1004}, {"driver_id": 7}]);
    let asked = json!({"features": features, "rows": keys}).to_string();
    let answers = feast.ask_each(
        repo.folder(),
        &[&["send_values", &request], &["differing_values", &request], &["online", &asked]],
    );
    assert_eq!(answers[1], json!([]));
    let answer = &answers[2];
    assert_eq!(answer["conv_rate"], json!([0.25, null, null]));
    assert_eq!(answer["avg_daily_trips"], json!([20, 60, null]));
}
