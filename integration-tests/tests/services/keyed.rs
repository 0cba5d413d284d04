//! A feature view whose values follow from their key, so that a value of another key is seen, and reads that may fail but never lie.

use crate::support::{Repo, Server};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use provender::{SECOND, frame};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Keys from 0 that have a row; others have none.
pub(crate) const KEYS: i64 = 600;

/// The deadline of a request, as the server is told.
const DEADLINE: Duration = Duration::from_secs(2);

/// How much longer an answer may take on a busy machine before the deadline counts as missed.
const SLACK: Duration = Duration::from_secs(8);

/// How long recovery may take.
const PATIENCE: Duration = Duration::from_secs(60);

const DEFINITIONS: &str = "\
kind: Entity
name: key
join_keys: [key]
value_type: INT64
---
kind: FeatureView
name: numbers
entities: [key]
source: {kind: FileSource, name: number_rows, path: data/rows.parquet, timestamp_field: event_timestamp}
schema: [{name: number, dtype: Int64}]
---
kind: PushSource
name: pushed
batch_source: {kind: FileSource, name: text_rows, path: data/rows.parquet, timestamp_field: event_timestamp}
---
kind: FeatureView
name: texts
entities: [key]
source: pushed
schema: [{name: text, dtype: String}]
";

/// The repository over an online store: applied, and with a row of every key in the store.
pub(crate) fn repo(online_store: &str) -> Repo {
    let repo = Repo::new(
        &format!("project: keyed\nregistry: data/registry.db\nonline_store: {online_store}\n"),
        DEFINITIONS,
    );
    let times = (0..KEYS).map(|_| 1_767_225_600 * SECOND);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("key", Arc::new(Int64Array::from_iter_values(0..KEYS))),
        (
            "event_timestamp",
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        ("number", Arc::new(Int64Array::from_iter_values((0..KEYS).map(number)))),
        ("text", Arc::new(StringArray::from_iter_values((0..KEYS).map(text)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    frame::write(repo.path("data/rows.parquet"), &batch.schema(), [Ok(batch.clone())]).unwrap();
    repo.ok(&["apply"]);
    repo.ok(&["materialize", "2025-12-31", "2026-01-02"]);
    repo
}

/// A server whose requests have [`DEADLINE`].
pub(crate) fn serve(repo: &Repo) -> Server {
    Server::start(repo.folder(), &["--request-timeout", &DEADLINE.as_secs().to_string()])
}

fn number(key: i64) -> i64 {
    key * 1_000_003 + 17
}

/// Of different lengths, so that a reply read from the wrong place shows.
fn text(key: i64) -> String {
    format!("{key}:{}", "x".repeat((key % 97) as usize))
}

/// Reads keys. `Ok` if all was answered, and rightly; `Err` has the status of a failure, which came in time.
#[track_caller]
pub(crate) fn read(server: &Server, keys: &[i64]) -> Result<(), u16> {
    let body = json!({"features": ["numbers:number", "texts:text"], "entities": {"key": keys}});
    let began = Instant::now();
    let (status, answer) = server.post("/get-online-features", &body.to_string());
    assert!(began.elapsed() < DEADLINE + SLACK, "an answer ({status}) took {:?}", began.elapsed());
    if status != 200 {
        assert!(status >= 500, "{status}: {answer}");
        return Err(status);
    }
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let names = answer["metadata"]["feature_names"].as_array().unwrap();
    for (name, result) in names.iter().zip(answer["results"].as_array().unwrap()) {
        let expected: Vec<Value> = keys.iter().map(|key| expected(name.as_str().unwrap(), *key)).collect();
        assert_eq!(result["values"], json!(expected), "{name} of {keys:?}");
        let status = |key: &i64| if *key < KEYS || name == "key" { "PRESENT" } else { "NOT_FOUND" };
        let statuses: Vec<&str> = keys.iter().map(status).collect();
        assert_eq!(result["statuses"], json!(statuses), "{name} of {keys:?}");
    }
    Ok(())
}

fn expected(name: &str, key: i64) -> Value {
    match name {
        "key" => json!(key),
        _ if key >= KEYS => Value::Null,
        "number" => json!(number(key)),
        "text" => json!(text(key)),
        other => panic!("nobody asked for {other}"),
    }
}

/// Keys for the n-th of many requests: other ones each time, one of them without a row.
pub(crate) fn some(n: i64) -> Vec<i64> {
    let mut keys: Vec<i64> = (0..20).map(|i| (n * 131 + i * 97) % KEYS).collect();
    keys.push(KEYS + n);
    keys
}

/// Reads until it succeeds; what fails meanwhile fails honestly.
#[track_caller]
pub(crate) fn recovers(server: &Server) {
    until("reads succeed again", || read(server, &some(1)).is_ok());
    for n in 0..50 {
        assert_eq!(read(server, &some(n)), Ok(()), "after recovery");
    }
}

/// Reads until one fails.
#[track_caller]
pub(crate) fn fails(server: &Server) {
    let mut n = 0;
    until("a read fails", || {
        n += 1;
        read(server, &some(n)).is_err()
    });
}

/// Tries again and again until it holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What happened to many reads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) right: usize,
    pub(crate) failed: usize,
}

/// Reads on several threads until `play` has ended, which is told how many reads were answered so far.
pub(crate) fn under_load(server: &Server, play: impl FnOnce()) -> Tally {
    use std::sync::atomic::{AtomicBool, Ordering};
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4_i64)
            .map(|reader| {
                let over = &over;
                scope.spawn(move || {
                    let (mut tally, mut n) = (Tally::default(), reader);
                    while !over.load(Ordering::Relaxed) {
                        match read(server, &some(n)) {
                            Ok(()) => tally.right += 1,
                            Err(_) => tally.failed += 1,
                        }
                        n += 4;
                    }
                    tally
                })
            })
            .collect();
        play();
        over.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .fold(Tally::default(), |a, b| Tally { right: a.right + b.right, failed: a.failed + b.failed })
    })
}
