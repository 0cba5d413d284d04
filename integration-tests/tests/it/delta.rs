//! Delta tables beside other files: one configuration, one training set, one version of each table.

use crate::support::{CONFIGURATION, Repo};
use provender::frame;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const DEFINITIONS: &str = "\
kind: Entity
name: driver
join_keys: [driver_id]
value_type: INT64
---
kind: FeatureView
name: ratings
entities: [driver]
source: {kind: FileSource, name: rows, path: data/rows.csv, file_format: csv, timestamp_field: event_timestamp}
schema: [{name: rating, dtype: Float64}]
---
kind: FeatureView
name: trips
entities: [driver]
ttl: 6h
source: {kind: FileSource, name: table, path: data/table, file_format: delta, timestamp_field: event_timestamp, created_timestamp_column: created}
schema: [{name: id, dtype: Int64}, {name: name, dtype: String}]
---
kind: FeatureView
name: early
entities: [driver]
source: {kind: FileSource, name: pinned, path: data/table, file_format: delta, timestamp_field: event_timestamp, tags: {delta_version: '1'}}
schema: [{name: id, dtype: Int64}]
";

const ROWS: &str = "\
driver_id,event_timestamp,rating
1,2024-01-01T00:00:00Z,0.5
2,2024-01-01T00:00:00Z,0.25
";

/// Rows of the table are an hour apart from midnight on, row n of driver n % 4; ten in each of the versions 1, 2 and 3.
const ENTITIES: &str = "\
driver_id,event_timestamp
1,2024-01-01T21:30:00Z
2,2024-01-01T18:30:00Z
1,2024-01-02T23:00:00Z
";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A repository with the table as of version 2; [`publish`] brings the third.
fn repo(configuration: &str) -> Repo {
    let repo = Repo::new(configuration, DEFINITIONS);
    repo.write("data/rows.csv", ROWS);
    repo.write("entities.csv", ENTITIES);
    copy(&table(), &repo.path("data/table"));
    for file in third() {
        fs::remove_file(repo.path("data/table").join(file)).unwrap();
    }
    repo.ok(&["apply"]);
    repo
}

fn table() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers/provender-delta/testdata/spark/plain")
}

fn third() -> [&'static str; 2] {
    ["_delta_log/00000000000000000003.json", "_delta_log/00000000000000000003.crc"]
}

fn publish(repo: &Repo) {
    for file in third() {
        fs::copy(table().join(file), repo.path("data/table").join(file)).unwrap();
    }
}

const FEATURES: [&str; 8] = ["-f", "ratings:rating", "-f", "trips:id", "-f", "trips:name", "-f", "early:id"];

fn build(repo: &Repo, more: &[&str]) -> String {
    let entities = repo.path("entities.csv");
    let arguments =
        ["get-historical-features", "--entity-df", entities.to_str().unwrap(), "--full-feature-names"];
    repo.ok(&[&arguments[..], &FEATURES, more].concat())
}

#[test]
fn one_training_set_joins_csv_and_two_versions_of_a_delta_table_whichever_store_is_named() {
    for store in ["", "offline_store: {type: delta}\n", "offline_store: {type: file}\n"] {
        let repo = repo(&format!("{CONFIGURATION}{store}"));
        let out = repo.path("t.jsonl");
        build(&repo, &["--out", out.to_str().unwrap()]);
        let rows = fs::read_to_string(&out).unwrap();
        let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let cells = |row: usize| {
            ["ratings__rating", "trips__id", "trips__name", "early__id"].map(|name| rows[row][name].clone())
        };
        // Row 21 is of version 3, which is not there yet, and row 17 is the newest of driver 1 before it.
        assert_eq!(cells(0), [json!(0.5), json!(17), json!("né 17"), json!(9)]);
        assert_eq!(cells(1), [json!(0.25), json!(18), json!(null), json!(6)]);
        assert_eq!(cells(2), [json!(0.5), json!(null), json!(null), json!(9)]);
    }
}

#[test]
fn the_plan_names_the_versions_and_what_the_log_spares() {
    let repo = repo(CONFIGURATION);
    let told: Value = serde_json::from_str(&build(&repo, &["--explain", "--output", "json"])).unwrap();
    let views = told["views"].as_array().unwrap();
    let plans: Vec<_> = views.iter().map(|view| view["plan"].as_str().unwrap()).collect();
    assert!(plans.iter().any(|plan| plan.contains("Delta table at version 2")), "{told}");
    assert!(plans.iter().any(|plan| plan.contains("Delta table at version 1")), "{told}");
    let trips = views.iter().find(|view| view["name"] == "trips").unwrap();
    assert_eq!((&trips["files"]["all"], &trips["files"]["read"]), (&json!(2), &json!(1)), "{told}");
    assert!(trips["pruned"].to_string().contains("statistics in the table's log"), "{told}");
}

#[test]
fn a_replay_goes_back_to_the_version_that_was_read() {
    let repo = repo(CONFIGURATION);
    let out = repo.path("t.parquet");
    build(&repo, &["--out", out.to_str().unwrap()]);
    let before = frame::read(&out).unwrap().into_batch().unwrap();
    publish(&repo);
    let again = repo.path("again.parquet");
    build(&repo, &["--out", again.to_str().unwrap()]);
    assert_ne!(frame::read(&again).unwrap().into_batch().unwrap(), before);
    let told = repo.ok(&["replay", &format!("{}.manifest.json", out.display()), "--output", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["equal"], json!(true), "{told}");
}

#[test]
fn apply_infers_the_schema_of_a_table_and_names_a_wrong_tag() {
    let repo = repo(CONFIGURATION);
    repo.write("features.yaml", &DEFINITIONS.replace("delta_version: '1'", "delta_version: newest"));
    let told = repo.fails(2, &["apply"]);
    assert!(told.contains("tags.delta_version") && told.contains("the number of a version"), "{told}");
    repo.write(
        "features.yaml",
        &DEFINITIONS.replace("schema: [{name: id, dtype: Int64}, {name: name, dtype: String}]\n", ""),
    );
    repo.ok(&["apply"]);
    let view: Value =
        serde_json::from_str(&repo.ok(&["feature-views", "describe", "trips", "--output", "json"])).unwrap();
    assert!(view.to_string().contains("\"rate\""), "{view}");
}
