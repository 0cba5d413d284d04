//! A repository of one view, training sets that take long to write, and processes that are stopped while they write one.

use crate::support::{CONFIGURATION, Repo, command};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use provender::frame;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const HOUR: i64 = 3_600_000_000;
/// Bytes of text in an entity row that is wide.
const TEXT: usize = 200;
/// Entity rows of a batch.
const BATCH: i64 = 5_000;

pub(crate) fn times(count: i64) -> ArrayRef {
    let times = TimestampMicrosecondArray::from_iter_values((0..count).map(|i| (i + 1) * HOUR));
    Arc::new(times.with_timezone("UTC"))
}

/// Feature rows: `count` of them, of a hundred keys, an hour apart.
pub(crate) fn features(count: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..count).map(|i| i % 100)));
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..count).map(|i| (i as f64).sin())));
    RecordBatch::try_from_iter([("id", ids), ("event_timestamp", times(count)), ("value", values)]).unwrap()
}

/// Entity rows of some of the keys at some of the times.
pub(crate) fn entity_rows(count: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..count).map(|i| (i * 7) % 120)));
    RecordBatch::try_from_iter([("id", ids), ("event_timestamp", times(count))]).unwrap()
}

/// The view `stats` with the feature `value`, of a source at a path or URL.
pub(crate) fn definitions(source: &str) -> String {
    format!(
        "kind: Entity\nname: thing\njoin_keys: [id]\nvalue_type: INT64\n---\n\
         kind: FileSource\nname: rows\npath: {source}\ntimestamp_field: event_timestamp\n---\n\
         kind: PushSource\nname: pushed\nbatch_source: rows\n---\n\
         kind: FeatureView\nname: stats\nentities: [thing]\nschema: [{{name: value, dtype: Float64}}]\nsource: pushed\n"
    )
}

/// A repository with its source on local disk, applied, and `entities.parquet`.
pub(crate) fn local_repo(rows: i64) -> Repo {
    let repo = Repo::new(CONFIGURATION, &definitions("data/rows.parquet"));
    write(&repo.path("data/rows.parquet"), &features(rows));
    write(&repo.path("entities.parquet"), &entity_rows(100));
    repo.ok(&["apply"]);
    repo
}

pub(crate) fn write(path: &Path, rows: &RecordBatch) {
    frame::write(path, &rows.schema(), [Ok(rows.clone())]).unwrap();
}

/// Entity rows with so much text that a training set of them takes about 230 bytes each, in `wide.parquet`.
pub(crate) fn write_wide(repo: &Repo, count: i64) {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(TEXT); BATCH as usize]));
    let part = entity_rows(BATCH);
    let columns = part.columns();
    let batch = [("id", columns[0].clone()), ("event_timestamp", columns[1].clone()), ("text", text)];
    let batch = RecordBatch::try_from_iter(batch).unwrap();
    let batches = (0..count / BATCH).map(|_| Ok(batch.clone()));
    frame::write(repo.path("wide.parquet"), &batch.schema(), batches).unwrap();
}

/// The words of a command that makes a training set of a file of entity rows.
pub(crate) fn asked(repo: &Repo, entities: &str, out: &str) -> Vec<String> {
    let entities = repo.path(entities);
    let entities = entities.to_str().unwrap();
    ["get-historical-features", "--entity-df", entities, "-f", "stats:value", "--out", out]
        .map(str::to_owned)
        .to_vec()
}

pub(crate) fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

/// Starts the command; more goes in its environment.
pub(crate) fn start(repo: &Repo, arguments: &[String], environment: &[(&str, String)]) -> Child {
    command()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .arg("-c")
        .arg(repo.folder())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Sends a signal, such as `-KILL`, and waits for the end; the exit code, if there is one.
pub(crate) fn stop(mut child: Child, signal: &str) -> Option<i32> {
    assert!(child.try_wait().unwrap().is_none(), "it ended before it could be stopped");
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait().unwrap().code()
}

/// The highest resident memory of a process, in bytes, and whether it succeeded.
pub(crate) fn highest_memory(mut child: Child) -> (u64, bool) {
    let status = format!("/proc/{}/status", child.id());
    let mut highest = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        highest = highest.max(kilobytes.unwrap_or(0) * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            return (highest, status.success());
        }
        std::thread::yield_now();
    }
}
