//! The mistakes of a tired person: each gets an error that names what is wrong, and nothing is changed or lost.

use crate::support::{CONFIGURATION, DRIVERS, Repo};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use provender::frame;
use std::sync::Arc;

const INVALID: i32 = 2;
const NOT_FOUND: i32 = 3;

fn write(repo: &Repo, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    frame::write(repo.path(name), &batch.schema(), [Ok(batch.clone())]).unwrap();
}

fn keys() -> ArrayRef {
    Arc::new(Int64Array::from(vec![1, 2]))
}

fn times() -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![1_767_225_600_000_000; 2]).with_timezone("UTC"))
}

fn repo(definitions: &str) -> Repo {
    let repo = Repo::new(CONFIGURATION, definitions);
    write(
        &repo,
        "data/stats.parquet",
        vec![
            ("driver_id", keys()),
            ("event_timestamp", times()),
            ("f", Arc::new(Float64Array::from(vec![0.5, 1.5]))),
        ],
    );
    repo
}

fn applied() -> Repo {
    let repo = repo(DRIVERS);
    repo.ok(&["apply"]);
    repo
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn no_repository_says_where_it_looked() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::support::command().current_dir(&folder).arg("apply").output().unwrap();
    assert_eq!(output.status.code(), Some(NOT_FOUND));
    says(&String::from_utf8_lossy(&output.stderr), &["feature_store.yaml", "provender init"]);
}

#[test]
fn a_misspelt_key_names_the_nearest() {
    let repo = Repo::new("project: p\nregistry: r.db\nonline_stor: {type: sqlite}\n", "");
    says(&repo.fails(INVALID, &["plan"]), &["online_stor", "online_store", "feature_store.yaml"]);
    repo.write("feature_store.yaml", "project: p\nregistry: r.db\nonline_store: {type: sqlite, pth: x}\n");
    says(&repo.fails(INVALID, &["plan"]), &["online_store", "pth", "path"]);
    repo.write("feature_store.yaml", "project: p\nregistry: r.db\nonline_store: {type: sqlit}\n");
    says(&repo.fails(INVALID, &["plan"]), &["sqlit", "known types", "sqlite"]);
}

#[test]
fn all_mistakes_come_at_once() {
    let repo = repo(
        "kind: FeatureView\nname: a:b\nentities: [nobody]\nsource: nowhere\nttl: 1d\n---\nkind: Entity\nname: e\njoin_keys: [x]\nvalue_type: FLOAT\n---\nkind: Entiti\nname: z\n",
    );
    let text = repo.fails(INVALID, &["plan"]);
    says(&text, &["features.yaml", "Entiti", "Entity"]);
    repo.write("features.yaml", "kind: FeatureView\nname: a:b\nentities: [nobody]\nsource: nowhere\nttl: 1d\n---\nkind: Entity\nname: e\njoin_keys: [x]\nvalue_type: FLOAT\n");
    says(&repo.fails(INVALID, &["apply"]), &["a:b", "nobody", "nowhere", "Float32", "4 problems"]);
    assert!(!repo.path("data/registry.db").exists());
}

#[test]
fn a_negative_ttl_is_refused() {
    let repo = repo(&DRIVERS.replace("ttl: 1d", "ttl: -1"));
    says(&repo.fails(INVALID, &["apply"]), &["driver_stats", "ttl", "features.yaml"]);
}

#[test]
fn a_source_that_does_not_fit_is_named_with_what_it_has() {
    let other = repo(&DRIVERS.replace("timestamp_field: event_timestamp", "timestamp_field: happened"));
    says(&other.fails(INVALID, &["apply"]), &["stats", "happened", "event_timestamp"]);
    let other = repo(&DRIVERS.replace("name: f,", "name: g,"));
    says(&other.fails(INVALID, &["apply"]), &["driver_stats", "g", "f"]);
    let other = repo(&DRIVERS.replace("Float64", "String"));
    says(&other.fails(INVALID, &["apply"]), &["driver_stats", "f", "String", "Float64"]);
    let other = repo(&DRIVERS.replace("stats.parquet", "gone.parquet"));
    says(&other.fails(NOT_FOUND, &["apply"]), &["stats", "gone.parquet"]);
}

#[test]
fn a_truncated_parquet_file_is_named() {
    let repo = applied();
    let path = repo.path("data/stats.parquet");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let text = repo.fails(
        INVALID,
        &[
            "get-historical-features",
            "-d",
            r#"[{"driver_id": 1, "event_timestamp": "2026-01-02"}]"#,
            "-f",
            "driver_stats:f",
        ],
    );
    says(&text, &["stats.parquet"]);
    says(
        &repo.fails(INVALID, &["materialize", "2026-01-01", "2026-02-01"]),
        &["driver_stats", "stats.parquet"],
    );
}

#[test]
fn a_registry_that_is_none_is_refused_and_left_alone() {
    let repo = applied();
    let registry = repo.path("data/registry.db");
    let whole = std::fs::read(&registry).unwrap();
    for damaged in
        [b"not a registry at all, but text".to_vec(), whole[..whole.len() / 2].to_vec(), Vec::new()]
    {
        std::fs::write(&registry, &damaged).unwrap();
        let output = repo.run(&["apply"]);
        assert!(!output.status.success());
        says(&String::from_utf8_lossy(&output.stderr), &["registry.db"]);
        assert_eq!(std::fs::read(&registry).unwrap(), damaged, "a damaged registry was overwritten");
    }
}

#[test]
fn an_entity_frame_that_does_not_fit_is_refused() {
    let repo = applied();
    let ask =
        |rows: &str| repo.fails(INVALID, &["get-historical-features", "-d", rows, "-f", "driver_stats:f"]);
    says(&ask(r#"[{"driver": 1, "event_timestamp": "2026-01-02"}]"#), &["driver_id", "driver_stats"]);
    says(&ask(r#"[{"driver_id": "x", "event_timestamp": "2026-01-02"}]"#), &["driver_id"]);
    says(&ask(r#"[{"driver_id": 1, "event_timestamp": "yesterday"}]"#), &["event_timestamp", "yesterday"]);
    says(&ask("[]"), &["expected"]);
    says(&ask("{"), &["JSON"]);
    write(&repo, "two.parquet", vec![("driver_id", keys()), ("t1", times()), ("t2", times())]);
    let two = repo.path("two.parquet");
    says(
        &repo.fails(
            INVALID,
            &["get-historical-features", "--entity-df", two.to_str().unwrap(), "-f", "driver_stats:f"],
        ),
        &["t1", "t2", "event_timestamp"],
    );
    write(
        &repo,
        "text.parquet",
        vec![
            ("driver_id", Arc::new(StringArray::from(vec!["a", "b"])) as ArrayRef),
            ("event_timestamp", times()),
        ],
    );
    let text = repo.path("text.parquet");
    says(
        &repo.fails(
            INVALID,
            &["get-historical-features", "--entity-df", text.to_str().unwrap(), "-f", "driver_stats:f"],
        ),
        &["driver_id"],
    );
    says(
        &repo.fails(
            NOT_FOUND,
            &["get-historical-features", "--entity-df", "nowhere.parquet", "-f", "driver_stats:f"],
        ),
        &["nowhere.parquet"],
    );
}

#[test]
fn an_empty_frame_gives_an_empty_training_set() {
    let repo = applied();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from(Vec::<i64>::new()))),
        (
            "event_timestamp",
            Arc::new(TimestampMicrosecondArray::from(Vec::<i64>::new()).with_timezone("UTC")),
        ),
    ];
    write(&repo, "none.parquet", columns);
    let (none, out) = (repo.path("none.parquet"), repo.path("out.parquet"));
    repo.ok(&[
        "get-historical-features",
        "--entity-df",
        none.to_str().unwrap(),
        "-f",
        "driver_stats:f",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(frame::read(&out).unwrap().schema.fields().len(), 3);
}

#[test]
fn unknown_names_are_not_found() {
    let repo = applied();
    let rows = r#"[{"driver_id": 1, "event_timestamp": "2026-01-02"}]"#;
    says(&repo.fails(NOT_FOUND, &["get-historical-features", "-d", rows, "-f", "nope:f"]), &["nope"]);
    says(
        &repo.fails(NOT_FOUND, &["get-historical-features", "-d", rows, "-f", "driver_stats:nope"]),
        &["nope", "driver_stats"],
    );
    says(
        &repo.fails(INVALID, &["get-historical-features", "-d", rows, "-f", "driver_stats"]),
        &["driver_stats", ":<feature>"],
    );
    says(
        &repo.fails(NOT_FOUND, &["get-historical-features", "-d", rows, "--feature-service", "nope"]),
        &["nope"],
    );
    says(&repo.fails(NOT_FOUND, &["materialize", "2026-01-01", "2026-02-01", "--views", "nope"]), &["nope"]);
    says(
        &repo.fails(NOT_FOUND, &["push", "nope", repo.path("data/stats.parquet").to_str().unwrap()]),
        &["nope"],
    );
    says(&repo.fails(INVALID, &["materialize", "2026-02-01", "2026-01-01"]), &["2026-02-01"]);
    says(&repo.fails(INVALID, &["materialize", "soon", "2026-01-01"]), &["soon", "expected"]);
}

#[test]
fn output_into_nowhere_leaves_nothing() {
    let repo = applied();
    let rows = r#"[{"driver_id": 1, "event_timestamp": "2026-01-02"}]"#;
    let ask =
        |out: &str| repo.run(&["get-historical-features", "-d", rows, "-f", "driver_stats:f", "--out", out]);
    let missing = ask(repo.path("no/such/folder/out.parquet").to_str().unwrap());
    says(&String::from_utf8_lossy(&missing.stderr), &["no/such/folder"]);
    let unknown = ask(repo.path("out.xlsx").to_str().unwrap());
    assert_eq!(unknown.status.code(), Some(INVALID));
    says(&String::from_utf8_lossy(&unknown.stderr), &["xlsx", "parquet"]);
    assert!(!repo.path("out.xlsx").exists());
}
