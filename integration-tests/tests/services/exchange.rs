//! The tests: registry, online store and training sets, written by one and read by the other.

use crate::feast::{Feast, apply_feasts_repo, make_data};
use crate::support::Repo;
use crate::{Case, FEAST};
use serde_json::{Value, json};

pub(crate) const CASES: &[Case] = &[
    Case::new("feast_reads_a_registry_that_provender_wrote", &[FEAST], feast_reads_our_registry),
    Case::new("feast_reads_an_online_store_that_provender_wrote", &[FEAST], feast_reads_our_online_store),
    Case::new("feast_joins_from_a_registry_that_provender_wrote", &[FEAST], feast_joins_from_our_registry),
    Case::new("provender_serves_what_feast_applied_and_materialized", &[FEAST], we_serve_what_feast_wrote),
    Case::new(
        "a_registry_of_feast_survives_an_apply_of_provender",
        &[FEAST],
        feasts_registry_survives_our_apply,
    ),
    Case::new("feast_applies_over_a_registry_that_provender_wrote", &[FEAST], feast_applies_over_ours),
];

const CONFIGURATION: &str = "\
project: p
provider: local
registry: data/registry.db
online_store: {type: sqlite, path: data/online.db}
offline_store: {type: duckdb}
entity_key_serialization_version: 3
online_ttl: ignore
";

const DEFINITIONS: &str = "\
kind: Entity
name: driver
join_keys: [driver_id]
value_type: INT64
---
kind: FileSource
name: stats
path: data/driver_stats.parquet
timestamp_field: event_timestamp
created_timestamp_column: created
---
kind: FeatureView
name: driver_stats
entities: [driver]
ttl: 7d
schema: [{name: conv_rate, dtype: Float32, tags: {unit: ratio}}, {name: acc_rate, dtype: Float64}, {name: avg_daily_trips, dtype: Int64}]
source: stats
owner: someone@example.com
tags: {team: drivers}
---
kind: FileSource
name: customers
path: data/customer.parquet
timestamp_field: ts
field_mapping: {age_years: age}
---
kind: Entity
name: customer
join_keys: [customer_id]
---
kind: FeatureView
name: customer_profile
entities: [customer]
source: customers
---
kind: FileSource
name: global
path: data/global.parquet
timestamp_field: event_timestamp
---
kind: FeatureView
name: global_stats
entities: []
ttl: 30d
source: global
---
kind: FeatureService
name: model
features: [driver_stats, {view: driver_stats, features: [conv_rate], name_alias: other, join_key_map: {driver_id: other_id}}]
";

const WINDOW: [&str; 2] = ["2026-11-01T00:00:00", "2026-11-21T00:00:00"];

/// A repository with the data that the interop vectors were recorded with.
fn repo(feast: &Feast) -> Repo {
    let repo = Repo::new(CONFIGURATION, DEFINITIONS);
    make_data(feast, &repo);
    repo
}

fn feast_reads_our_registry() {
    let feast = &Feast::here();
    let repo = repo(feast);
    repo.ok(&["apply"]);
    let listing = feast.ask(repo.folder(), &["listing"]);
    assert_eq!(listing["entities"], json!(["customer", "driver"]));
    assert_eq!(listing["sources"], json!(["customers", "global", "stats"]));
    let view = &listing["views"]["driver_stats"];
    assert_eq!(
        view["features"],
        json!({"conv_rate": "Float32", "acc_rate": "Float64", "avg_daily_trips": "Int64"})
    );
    assert_eq!(view["keys"], json!({"driver_id": "Int64"}));
    assert_eq!(
        (&view["ttl"], &view["owner"], &view["tags"]),
        (&json!(604_800.0), &json!("someone@example.com"), &json!({"team": "drivers"}))
    );
    let inferred = &listing["views"]["customer_profile"];
    assert_eq!(inferred["features"], json!({"age": "Int32", "tier": "String", "tags_list": "Array(String)"}));
    assert_eq!(inferred["keys"], json!({"customer_id": "String"}));
    assert_eq!(listing["services"], json!({"model": ["driver_stats", "other"]}));
}

fn feast_reads_our_online_store() {
    let feast = &Feast::here();
    let repo = repo(feast);
    repo.ok(&["apply"]);
    repo.ok(&["materialize", WINDOW[0], WINDOW[1]]);
    let features = json!(["driver_stats:conv_rate", "driver_stats:acc_rate", "driver_stats:avg_daily_trips"]);
    let rows = json!([{"driver_id": 1001}, {"driver_id": 1002}, {"driver_id": 1004}, {"driver_id": 7}]);
    let answer =
        feast.ask(repo.folder(), &["online", &json!({"features": features, "rows": rows}).to_string()]);
    assert_eq!(answer["conv_rate"], json!([0.25, 0.75, null, null]));
    assert_eq!(answer["avg_daily_trips"], json!([20, 40, 60, null]));
    let people = feast.ask(repo.folder(), &["online", &json!({"features": ["customer_profile:age", "customer_profile:tags_list", "global_stats:fx_rate"], "rows": [{"customer_id": "zoë"}, {"customer_id": "c1"}]}).to_string()]);
    assert_eq!(people["age"], json!([null, 33]));
    assert_eq!(people["tags_list"], json!([null, ["a", "b"]]));
    assert_eq!(people["fx_rate"], json!([1.2, 1.2]));
    let intervals = &feast.ask(repo.folder(), &["listing"])["views"]["driver_stats"]["intervals"];
    assert_eq!(intervals, &json!([["2026-11-01T00:00:00+00:00", "2026-11-21T00:00:00+00:00"]]));
}

fn feast_joins_from_our_registry() {
    let feast = &Feast::here();
    let repo = repo(feast);
    repo.ok(&["apply"]);
    let rows = json!([
        {"driver_id": 1001, "event_timestamp": "2026-11-20T11:00:00"},
        {"driver_id": 1002, "event_timestamp": "2026-11-20T11:00:00"},
        {"driver_id": 1003, "event_timestamp": "2026-11-27T09:00:00"},
        {"driver_id": 1001, "event_timestamp": "2026-11-21T00:00:00"}
    ]);
    let features = ["driver_stats:acc_rate", "driver_stats:avg_daily_trips"];
    let theirs =
        feast.ask(repo.folder(), &["historical", &json!({"rows": rows, "features": features}).to_string()]);
    let out = repo.path("out.jsonl");
    repo.ok(&[
        "get-historical-features",
        "-d",
        &rows.to_string(),
        "-f",
        features[0],
        "-f",
        features[1],
        "--out",
        out.to_str().unwrap(),
    ]);
    let ours: Vec<Value> =
        std::fs::read_to_string(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(ours.len(), 4);
    for column in ["driver_id", "acc_rate", "avg_daily_trips"] {
        let ours: Vec<Value> = ours.iter().map(|row| row.get(column).cloned().unwrap_or_default()).collect();
        assert_eq!(json!(ours), theirs[column], "{column}");
    }
}

/// The interop repository of Feast, applied by Feast.
fn feasts_repo(feast: &Feast) -> Repo {
    apply_feasts_repo(feast, "p", CONFIGURATION)
}

fn we_serve_what_feast_wrote() {
    let feast = &Feast::here();
    let repo = feasts_repo(feast);
    feast.ask(
        repo.folder(),
        &["materialize", &json!(WINDOW).to_string(), "driver_hourly_stats", "customer_profile"],
    );
    let features = ["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"];
    let rows = json!([{"driver_id": 1001}, {"driver_id": 1004}, {"driver_id": 7}]);
    let theirs =
        feast.ask(repo.folder(), &["online", &json!({"features": features, "rows": rows}).to_string()]);
    let ours: Value = serde_json::from_str(&repo.ok(&[
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-e",
        "driver_id=1004",
        "-e",
        "driver_id=7",
        "-f",
        features[0],
        "-f",
        features[1],
        "--output",
        "json",
    ]))
    .unwrap();
    let names = ours["metadata"]["feature_names"].as_array().unwrap();
    for (name, result) in names.iter().zip(ours["results"].as_array().unwrap()) {
        assert_eq!(result["values"], theirs[name.as_str().unwrap()], "{name}");
    }
    assert_eq!(names, &vec![json!("driver_id"), json!("conv_rate"), json!("avg_daily_trips")]);
    let views: Value =
        serde_json::from_str(&repo.ok(&["feature-views", "list", "--output", "json"])).unwrap();
    assert_eq!(views.as_array().unwrap().len(), 10);
}

fn feasts_registry_survives_our_apply() {
    let feast = &Feast::here();
    let repo = feasts_repo(feast);
    let before = feast.ask(repo.folder(), &["listing"]);
    repo.write("more.yaml", "kind: FeatureView\nname: more\nentities: [driver]\nsource: {kind: FileSource, name: more_source, path: data/driver_stats.parquet, timestamp_field: event_timestamp}\nschema: [{name: acc_rate, dtype: Float64}]\n");
    repo.ok(&["apply", "--no-delete"]);
    let after = feast.ask(repo.folder(), &["listing"]);
    for part in ["entities", "on_demand", "services", "permissions"] {
        assert_eq!(before[part], after[part], "{part}");
    }
    for (name, view) in before["views"].as_object().unwrap() {
        assert_eq!(&after["views"][name], view, "{name}");
    }
    assert_eq!(after["views"]["more"]["features"], json!({"acc_rate": "Float64"}));
    // Its on-demand views still run: their code is text that was kept as it was.
    repo.ok(&["materialize", WINDOW[0], WINDOW[1], "--views", "driver_hourly_stats"]);
    let request = json!({"features": ["transformed_conv_rate:conv_rate_plus_val"], "rows": [{"driver_id": 1001, "val_to_add": 1, "surge": 2.0}]});
    assert_eq!(
        feast.ask(repo.folder(), &["online", &request.to_string()])["conv_rate_plus_val"],
        json!([1.25])
    );
}

fn feast_applies_over_ours() {
    let feast = &Feast::here();
    let repo = repo(feast);
    repo.ok(&["apply"]);
    repo.write("features.py", "from feast import Entity, ValueType\nrider = Entity(name='rider', join_keys=['rider_id'], value_type=ValueType.STRING)\n");
    feast.feast(repo.folder(), &["apply"]);
    let names: Value = serde_json::from_str(&repo.ok(&["entities", "list", "--output", "json"])).unwrap();
    let names: Vec<_> = names.as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    // Feast's apply is a full sync as well: only what it declares is left.
    assert_eq!(names, ["rider"]);
}
