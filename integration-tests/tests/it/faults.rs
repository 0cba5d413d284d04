//! Processes killed in the middle, writers at the same time: nothing is lost, and a second run ends where an uninterrupted one would.

use crate::support::{CONFIGURATION, Repo, command};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use provender::{SECOND, frame};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const KEYS: i64 = 40_000;

fn definitions(view: &str) -> String {
    format!(
        "kind: Entity\nname: key\njoin_keys: [key]\nvalue_type: INT64\n---\nkind: FeatureView\nname: {view}\nentities: [key]\nsource: {{kind: FileSource, name: {view}_rows, path: data/rows.parquet, timestamp_field: event_timestamp}}\nschema: [{{name: a, dtype: Float64}}, {{name: b, dtype: Float64}}]\n"
    )
}

fn rows(repo: &Repo, keys: i64) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("key", Arc::new(Int64Array::from_iter_values(0..keys))),
        (
            "event_timestamp",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(
                    (0..keys).map(|k| (1_767_225_600 + k % 1000) * SECOND),
                )
                .with_timezone("UTC"),
            ),
        ),
        ("a", Arc::new(Float64Array::from_iter_values((0..keys).map(|k| k as f64)))),
        ("b", Arc::new(Float64Array::from_iter_values((0..keys).map(|k| -k as f64)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    frame::write(repo.path("data/rows.parquet"), &batch.schema(), [Ok(batch.clone())]).unwrap();
}

fn start(folder: &Path, arguments: &[&str]) -> Child {
    command()
        .arg("-c")
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn applies_at_the_same_time_all_land() {
    let shared = tempfile::tempdir().unwrap();
    let registry = shared.path().join("registry.db");
    let configuration = format!(
        "project: p\nregistry: {}\nonline_store: {{type: sqlite, path: {}}}\n",
        registry.display(),
        shared.path().join("online.db").display()
    );
    let repos: Vec<Repo> = (0..6)
        .map(|n| {
            let repo = Repo::new(&configuration, &definitions(&format!("view_{n}")));
            rows(&repo, 10);
            repo
        })
        .collect();
    let running: Vec<Child> =
        repos.iter().map(|repo| start(repo.folder(), &["apply", "--no-delete"])).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let views: Value =
        serde_json::from_str(&repos[0].ok(&["feature-views", "list", "--output", "json"])).unwrap();
    assert_eq!(views.as_array().unwrap().len(), 6);
    for repo in &repos {
        repo.ok(&["materialize", "2026-01-01", "2026-01-02"]);
    }
}

#[test]
fn a_killed_apply_leaves_a_whole_registry_and_a_second_one_finishes() {
    let repo = Repo::new(CONFIGURATION, &definitions("view"));
    rows(&repo, 10);
    repo.ok(&["apply"]);
    for round in 0..40_u64 {
        repo.write(
            "more.yaml",
            &format!("kind: Entity\nname: round_{round}\njoin_keys: [round_{round}]\nvalue_type: STRING\n"),
        );
        let mut child = start(repo.folder(), &["apply"]);
        // Another moment every round, from at once to past its end.
        let until = Instant::now() + Duration::from_micros(400 * round);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        child.wait().unwrap();
        repo.ok(&["entities", "list"]);
    }
    repo.ok(&["apply"]);
    let entities: Value = serde_json::from_str(&repo.ok(&["entities", "list", "--output", "json"])).unwrap();
    let names: Vec<_> = entities.as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["key", "round_39"]);
    let left: Vec<_> = std::fs::read_dir(repo.path("data"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.contains("tmp"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Values of some keys, as served; null where nothing is.
fn served(repo: &Repo) -> Value {
    let keys: Vec<String> =
        (0..KEYS).step_by(997).flat_map(|k| ["-e".to_owned(), format!("key={k}")]).collect();
    let mut arguments = vec!["get-online-features", "-f", "view:a", "--output", "json"];
    arguments.extend(keys.iter().map(String::as_str));
    let answer: Value = serde_json::from_str(&repo.ok(&arguments)).unwrap();
    answer["results"][1]["values"].clone()
}

#[test]
fn a_killed_materialize_ends_like_an_uninterrupted_one_when_run_again() {
    let repo = Repo::new(CONFIGURATION, &definitions("view"));
    rows(&repo, KEYS);
    repo.ok(&["apply"]);
    let expected: Value = (0..KEYS).step_by(997).map(|k| k as f64).collect();
    let mut partial = 0;
    for round in 1..6_u64 {
        let mut child = start(repo.folder(), &["materialize", "2026-01-01", "2026-01-02"]);
        let log = repo.path("data/online.db-wal");
        let written = |log: &Path| std::fs::metadata(log).map_or(0, |m| m.len());
        while written(&log) < round * 400_000 && child.try_wait().unwrap().is_none() {
            std::hint::spin_loop();
        }
        let _ = child.kill();
        child.wait().unwrap();
        let is_whole = served(&repo) == expected;
        partial += u32::from(!is_whole);
        let view: Value =
            serde_json::from_str(&repo.ok(&["feature-views", "list", "--output", "json"])).unwrap();
        assert!(
            is_whole || view[0]["materialized_until"].is_null(),
            "an interval was recorded before its rows were there"
        );
    }
    assert!(partial > 0, "no run was killed in its middle");
    let report: Value =
        serde_json::from_str(&repo.ok(&["materialize", "2026-01-01", "2026-01-02", "--output", "json"]))
            .unwrap();
    assert_eq!(report["views"][0]["written"], KEYS);
    assert_eq!(served(&repo), expected);
}
