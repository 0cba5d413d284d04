//! Manifests of training sets, and their replay: the same rows again, or the first cell that differs.

use crate::lake_support::highest_memory;
use crate::support::{CONFIGURATION, Repo, command};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use provender::frame;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

const DEFINITIONS: &str = "\
kind: Entity
name: driver
join_keys: [driver_id]
value_type: INT64
---
kind: FeatureView
name: stats
entities: [driver]
ttl: 1d
source: {kind: FileSource, name: rows, path: data/rows.csv, file_format: csv, timestamp_field: event_timestamp, created_timestamp_column: created}
schema: [{name: rating, dtype: Float64}, {name: trips, dtype: Int64}]
---
kind: FeatureService
name: model
features: [stats]
";

const ROWS: &str = "\
driver_id,event_timestamp,created,rating,trips
1,2026-01-01T08:00:00Z,2026-01-01T08:00:00Z,0.5,10
1,2026-01-01T09:00:00Z,2026-01-02T00:00:00Z,0.75,11
2,2026-01-01T08:30:00Z,2026-01-01T08:30:00Z,0.25,20
";

const ENTITIES: &str = "\
driver_id,event_timestamp
2,2026-01-01T10:00:00Z
1,2026-01-01T08:30:00Z
1,2026-01-01T12:00:00Z
3,2026-01-01T12:00:00Z
";

struct Built {
    repo: Repo,
}

impl Built {
    /// A repository with a training set in `out` and what its building printed.
    fn new(out: &str, more: &[&str]) -> (Self, Value) {
        let repo = Repo::new(CONFIGURATION, DEFINITIONS);
        repo.write("data/rows.csv", ROWS);
        repo.write("entities.csv", ENTITIES);
        repo.ok(&["apply"]);
        let built = Self { repo };
        let told = built.build(out, &[&["--entity-df", &built.path("entities.csv")], more].concat());
        (built, told)
    }

    fn build(&self, out: &str, more: &[&str]) -> Value {
        let arguments = [
            "get-historical-features",
            "--feature-service",
            "model",
            "--out",
            &self.path(out),
            "--output",
            "json",
        ];
        serde_json::from_str(&self.repo.ok(&[&arguments, more].concat())).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.repo.path(name).to_str().unwrap().to_owned()
    }

    fn manifest(&self, out: &str) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path(out) + ".manifest.json").unwrap()).unwrap()
    }

    /// What a replay prints on stdout and stderr, with its exit code.
    fn replay(&self, out: &str, more: &[&str]) -> (i32, Value, String) {
        let manifest = self.path(out) + ".manifest.json";
        let output = self.repo.run(&[&["replay", &manifest, "--output", "json"], more].concat());
        let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap(), told, String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn a_training_set_is_built_again_and_proved_equal_in_every_format() {
    for out in ["t.parquet", "t.csv", "t.jsonl", "t.arrow"] {
        let (built, told) = Built::new(out, &[]);
        assert_eq!(told["manifest"], json!(built.path(out) + ".manifest.json"));
        let (code, told, stderr) = built.replay(out, &[]);
        assert_eq!((code, stderr.as_str()), (0, ""), "{told}");
        assert_eq!(
            (&told["equal"], &told["rows"]["replay"], &told["compared_with"]),
            (&json!(true), &json!(4), &json!(built.path(out)))
        );
    }
}

#[test]
fn the_manifest_holds_the_leakage_report_and_the_sources() {
    let (built, _) = Built::new("t.parquet", &["--full-feature-names"]);
    let manifest = built.manifest("t.parquet");
    let view = &manifest["report"]["views"][0];
    assert_eq!(
        (&view["matched"], &view["unmatched"], &view["expired"], &view["leaked"]),
        (&json!(3), &json!(1), &json!(0), &json!(1))
    );
    assert_eq!(manifest["report"]["changed"], json!({ "stats__rating": 1, "stats__trips": 1 }));
    let ages: Vec<u64> =
        view["ages"].as_array().unwrap().iter().map(|age| age["rows"].as_u64().unwrap()).collect();
    assert_eq!(ages, [0, 1, 2, 0, 0, 0, 0, 0]);
    let file = &manifest["sources"][0]["state"]["files"][0];
    assert_eq!((&file["path"], &file["size"]), (&json!(built.path("data/rows.csv")), &json!(ROWS.len())));
    let kinds: Vec<_> =
        manifest["definitions"].as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Entity", "FeatureView", "FeatureService"]);
    assert_eq!(manifest["request"]["full_feature_names"], true);
    assert_eq!(manifest["entity_rows"]["origin"]["path"], json!(built.path("entities.csv")));
}

#[test]
fn the_first_cell_that_a_changed_source_changes_is_named() {
    let (built, _) = Built::new("t.parquet", &[]);
    built.repo.write("data/rows.csv", &ROWS.replace("0.75,11", "0.875,12"));
    let (code, told, stderr) = built.replay("t.parquet", &[]);
    assert_eq!(code, 8);
    assert!(
        stderr.contains("the source of stats has changed") && stderr.contains("bytes and has"),
        "{stderr}"
    );
    assert_eq!(told["warnings"].as_array().unwrap().len(), 1);
    let entity = json!({ "driver_id": "1", "event_timestamp": "2026-01-01T12:00:00Z" });
    assert_eq!(
        told["cell"],
        json!({ "row": 2, "column": "rating", "entity": entity, "before": "0.75", "now": "0.875" })
    );
    assert_eq!(told["block"], json!({ "first_row": 0, "last_row": 3, "columns": ["rating", "trips"] }));
    let text = built.repo.run(&["replay", &(built.path("t.parquet") + ".manifest.json")]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("first differing cell: row 2 (driver_id 1, event_timestamp 2026-01-01T12:00:00Z), column rating\n  was: 0.75\n  is: 0.875"), "{text}");

    std::fs::remove_file(built.path("t.parquet")).unwrap();
    let (code, told, _) = built.replay("t.parquet", &[]);
    assert_eq!(
        (code, &told["cell"], &told["block"]["columns"]),
        (8, &json!(null), &json!(["rating", "trips"]))
    );
}

#[test]
fn a_source_that_was_only_written_again_is_warned_of_and_equal() {
    let (built, _) = Built::new("t.parquet", &[]);
    let file = std::fs::File::options().write(true).open(built.path("data/rows.csv")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let (code, told, stderr) = built.replay("t.parquet", &[]);
    assert_eq!((code, &told["equal"]), (0, &json!(true)));
    assert!(stderr.contains("was written again"), "{stderr}");
}

#[test]
fn what_is_applied_later_does_not_matter() {
    let (built, _) = Built::new("t.parquet", &[]);
    let other = DEFINITIONS
        .replace("ttl: 1d", "ttl: 1m")
        .replace("{name: rating, dtype: Float64}, ", "")
        .replace("name: model", "name: other");
    built.repo.write("features.yaml", &other);
    built.repo.ok(&["apply"]);
    let (code, told, stderr) = built.replay("t.parquet", &[]);
    assert_eq!((code, &told["equal"]), (0, &json!(true)), "{stderr}");
    built.repo.ok(&["teardown"]);
    assert_eq!(built.replay("t.parquet", &[]).0, 0, "a registry that is gone");
}

#[test]
fn a_file_that_was_changed_after_it_was_written_is_found() {
    let (built, _) = Built::new("t.parquet", &[]);
    let mut rows = frame::read(built.path("t.parquet")).unwrap();
    rows.batches = vec![rows.batches[0].slice(1, 1), rows.batches[0].slice(1, 3)];
    frame::write(built.path("t.parquet"), &rows.schema, rows.batches.into_iter().map(Ok)).unwrap();
    let (code, told, _) = built.replay("t.parquet", &[]);
    assert_eq!((code, &told["equal"], &told["matches_manifest"]), (8, &json!(false), &json!(true)));
    assert_eq!((&told["altered"]["row"], &told["altered"]["column"]), (&json!(0), &json!("driver_id")));
}

#[test]
fn entity_rows_that_changed_are_told_and_others_can_be_given() {
    let (built, _) = Built::new("t.parquet", &[]);
    std::fs::rename(built.path("entities.csv"), built.path("moved.csv")).unwrap();
    let (code, _, stderr) = built.replay("t.parquet", &[]);
    assert!(code == 3 && stderr.contains("entities.csv"), "{stderr}");
    let moved = built.path("moved.csv");
    assert_eq!(built.replay("t.parquet", &["--entity-df", &moved]).0, 0);
    built.repo.write("moved.csv", &ENTITIES.replace("3,2026", "2,2026"));
    let (code, told, _) = built.replay("t.parquet", &["--entity-df", &moved]);
    assert_eq!(
        (code, &told["same_entity_rows"], &told["cell"]["column"]),
        (8, &json!(false), &json!("driver_id"))
    );
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let (built, _) = Built::new("t.parquet", &[]);
    let manifest = built.path("t.parquet") + ".manifest.json";
    let whole = std::fs::read_to_string(&manifest).unwrap();
    let with = |text: &str| {
        std::fs::write(&manifest, text).unwrap();
        built.replay("t.parquet", &[])
    };
    let (code, _, stderr) = with(&whole[..whole.len() / 2]);
    assert!(code == 2 && stderr.contains("not readable JSON") && stderr.contains(&manifest), "{stderr}");
    let (code, _, stderr) = with(&whole.replace("86400000000", "86400000001"));
    assert!(code == 2 && stderr.contains("damaged"), "{stderr}");
    let (code, _, stderr) = with(&whole.replace("\"schema\": 1", "\"schema\": 2"));
    assert!(code == 6 && stderr.contains("newer version"), "{stderr}");
    let (code, _, stderr) = with("{}");
    assert!(code == 2 && stderr.contains("not the manifest of a training set"), "{stderr}");
    with(&whole);
    std::fs::remove_file(built.path("data/rows.csv")).unwrap();
    let (code, _, stderr) = built.replay("t.parquet", &[]);
    assert!(code == 3 && stderr.contains("rows.csv"), "{stderr}");
    let stderr = built.repo.fails(3, &["replay", "nowhere.manifest.json"]);
    assert!(stderr.contains("nowhere.manifest.json"), "{stderr}");
}

#[test]
fn rows_of_text_snapshots_and_changes_are_made_again() {
    let (built, _) = Built::new("t.parquet", &[]);
    let json = json!([{ "driver_id": 1, "event_timestamp": "2026-01-01T09:30:00" }]).to_string();
    built.build("text.parquet", &["-d", &json, "--known-at", "created"]);
    built.build("snapshot.parquet", &["--end-date", "2026-01-01T09:30:00"]);
    let changes =
        ["--spine", "changes", "--start-date", "2026-01-01T08:00:00", "--end-date", "2026-01-01T08:59:59"];
    built.build("changes.parquet", &changes);
    // Within little memory the rows are the same.
    built.build("small.parquet", &[&changes[..], &["--max-memory", "40MB"]].concat());
    for (out, rows) in
        [("text.parquet", 1), ("snapshot.parquet", 2), ("changes.parquet", 2), ("small.parquet", 2)]
    {
        let (code, told, stderr) = built.replay(out, &["--max-memory", "100MB"]);
        assert_eq!((code, &told["rows"]["replay"]), (0, &json!(rows)), "{out}: {stderr}");
    }
    assert_eq!(
        built.manifest("changes.parquet")["result"]["content"],
        built.manifest("small.parquet")["result"]["content"]
    );
    assert_eq!(built.manifest("text.parquet")["report"]["views"][0]["leaked"], json!(0));
    assert!(
        built
            .repo
            .fails(2, &["get-historical-features", "--feature-service", "model", "--spine", "changes"])
            .contains("--entity-df")
    );
}

#[test]
fn a_replay_writes_what_it_built_with_a_manifest_of_its_own() {
    let (built, _) = Built::new("t.parquet", &[]);
    let again = built.path("again.parquet");
    assert_eq!(built.replay("t.parquet", &["--out", &again]).0, 0);
    assert_eq!(
        built.manifest("again.parquet")["result"]["content"],
        built.manifest("t.parquet")["result"]["content"]
    );
    assert_eq!(built.replay("again.parquet", &[]).0, 0);
    assert!(Path::new(&again).is_file());
}

#[test]
fn a_training_set_that_cannot_be_written_leaves_no_manifest() {
    let (built, _) = Built::new("t.parquet", &[]);
    let before = built.manifest("t.parquet");
    let out = built.path("nowhere/t.parquet");
    let output = built.repo.run(&[
        "get-historical-features",
        "--feature-service",
        "model",
        "--entity-df",
        &built.path("entities.csv"),
        "--out",
        &out,
    ]);
    assert_eq!(output.status.code(), Some(3));
    assert!(!Path::new(&(out + ".manifest.json")).exists());
    assert_eq!(built.manifest("t.parquet"), before);
}

/// A repository with a view over a Delta table of one version, and a training set of it in `t.parquet`.
fn over_delta() -> Built {
    let (built, _) = Built::new("seed.parquet", &[]);
    let table = format!("delta:{}", built.path("data/table"));
    built.repo.ok(&[
        "get-historical-features",
        "--feature-service",
        "model",
        "--entity-df",
        &built.path("entities.csv"),
        "--out",
        &table,
    ]);
    let source = "path: data/rows.csv, file_format: csv, timestamp_field: event_timestamp, created_timestamp_column: created";
    assert!(DEFINITIONS.contains(source));
    let delta = "path: data/table, file_format: delta, timestamp_field: event_timestamp";
    built.repo.write("features.yaml", &DEFINITIONS.replace(source, delta));
    built.repo.ok(&["apply"]);
    built.build("t.parquet", &["--entity-df", &built.path("entities.csv")]);
    built
}

/// Gives the table another version with other rows.
fn commit(built: &Built, mode: &str) {
    built.repo.write("more.csv", "driver_id,event_timestamp,rating,trips\n1,2026-01-01T11:59:00Z,9.5,99\n");
    let csv = "path: more.csv, file_format: csv, timestamp_field: event_timestamp";
    let delta = "path: data/table, file_format: delta, timestamp_field: event_timestamp";
    let definitions = std::fs::read_to_string(built.path("features.yaml")).unwrap();
    built.repo.write("features.yaml", &definitions.replace(delta, csv));
    built.repo.ok(&["apply"]);
    let table = format!("delta:{}", built.path("data/table"));
    let row = json!([{ "driver_id": 1, "event_timestamp": "2026-01-01T12:00:00" }]).to_string();
    built.repo.ok(&[
        "get-historical-features",
        "--feature-service",
        "model",
        "-d",
        &row,
        "--out",
        &table,
        "--mode",
        mode,
    ]);
    built.repo.write("features.yaml", &definitions);
    built.repo.ok(&["apply"]);
}

#[test]
fn a_delta_table_is_read_at_the_version_of_the_manifest() {
    let built = over_delta();
    let state = built.manifest("t.parquet")["sources"][0]["state"].clone();
    assert_eq!((&state["kind"], &state["version"]), (&json!("table"), &json!(0)));
    commit(&built, "append");
    built.build("later.parquet", &["--entity-df", &built.path("entities.csv")]);
    let hash = |out: &str| built.manifest(out)["result"]["content"]["hash"].clone();
    assert_ne!(hash("later.parquet"), hash("t.parquet"), "the commit changed nothing");
    for out in ["t.parquet", "later.parquet"] {
        let (code, told, stderr) = built.replay(out, &[]);
        assert_eq!((code, &told["equal"], stderr.as_str()), (0, &json!(true), ""), "{out}");
    }
}

#[test]
fn a_version_that_a_vacuum_removed_is_told() {
    let built = over_delta();
    let files = |folder: &str| -> Vec<_> {
        let entries = std::fs::read_dir(built.path(folder)).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect()
    };
    let old = files("data/table");
    commit(&built, "overwrite");
    old.iter().for_each(|file| std::fs::remove_file(file).unwrap());
    let (code, _, stderr) = built.replay("t.parquet", &[]);
    assert!(code == 3 && stderr.contains("VACUUM") && stderr.contains("version 0"), "{code} {stderr}");
}

#[test]
fn a_training_set_in_a_delta_table_has_a_manifest_too() {
    let (built, _) = Built::new("seed.parquet", &[]);
    let table = built.path("table");
    let arguments =
        ["get-historical-features", "--feature-service", "model", "--entity-df", &built.path("entities.csv")];
    built.repo.ok(&[&arguments[..], &["--out", &format!("delta:{table}")]].concat());
    let (code, told, stderr) = built.replay("table", &[]);
    assert_eq!(
        (code, &told["equal"], &told["compared_with"], stderr.as_str()),
        (0, &json!(true), &json!(null), "")
    );
    assert_eq!(
        built.manifest("table")["result"]["content"],
        built.manifest("seed.parquet")["result"]["content"]
    );
}

#[test]
#[cfg(target_os = "linux")]
fn entity_rows_that_are_made_stay_within_the_limit() {
    const ROWS: i64 = 1_500_000;
    const BATCH: i64 = 100_000;
    const LIMIT: u64 = 80_000_000;
    let definitions = "kind: Entity\nname: key\njoin_keys: [key]\nvalue_type: INT64\n---\nkind: FeatureView\nname: v\nentities: [key]\nsource: {kind: FileSource, name: rows, path: data/rows.parquet, timestamp_field: event_timestamp}\nschema: [{name: a, dtype: Int64}]\n";
    let repo = Repo::new(CONFIGURATION, definitions);
    let batch = |first: i64| {
        let rows = || first..first + BATCH;
        let times = rows().map(|row| (row * 7_919) % ROWS * 1_000_000);
        let times = TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC");
        let columns: [(&str, ArrayRef); 3] = [
            ("key", Arc::new(Int64Array::from_iter_values(rows().map(|row| row * 31 % 50_000)))),
            ("event_timestamp", Arc::new(times)),
            ("a", Arc::new(Int64Array::from_iter_values(rows()))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let batches = (0..ROWS / BATCH).map(|part| provender::Result::Ok(batch(part * BATCH)));
    frame::write(repo.path("data/rows.parquet"), &batch(0).schema(), batches).unwrap();
    repo.ok(&["apply"]);
    let made = |more: &[&str]| {
        let range = ["--spine", "changes", "--start", "1970-01-01", "--end", "1970-01-31"];
        let mut command = command();
        command.arg("-c").arg(repo.folder()).args(["get-historical-features", "-f", "v:a", "--explain"]);
        highest_memory(command.args(range).args(more).stdout(std::process::Stdio::null()).spawn().unwrap())
    };
    let (unlimited, _) = made(&[]);
    assert!(unlimited > LIMIT / 10 * 15, "{unlimited} bytes: too few rows to tell anything");
    let (limited, is_done) =
        made(&["--max-memory", &LIMIT.to_string(), "--spill-dir", repo.folder().to_str().unwrap()]);
    assert!(is_done && limited <= LIMIT / 10 * 13, "{limited} bytes with a limit of {LIMIT}");
}
