//! `--max-memory` is kept, whatever the number of entity rows: measured as the highest resident memory of the command.

use crate::lake_support::highest_memory;
use crate::support::{CONFIGURATION, Repo, command};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use provender::{Result, SECOND, frame};
use std::process::{Child, Stdio};
use std::sync::Arc;

/// The program under test is a debug build of everything, whose code alone takes 50 MB.
const LIMIT: u64 = 120_000_000;
const KEYS: i64 = 5_000;
/// Feature rows of a key, an hour apart.
const HOURS: i64 = 20;
const START: i64 = 1_767_225_600;
/// Entity rows of a batch, each with so much text.
const BATCH: i64 = 4_000;
const TEXT: usize = 2_000;

const DEFINITIONS: &str = "kind: Entity\nname: key\njoin_keys: [key]\nvalue_type: INT64\n---\nkind: FeatureView\nname: v\nentities: [key]\nsource: {kind: FileSource, name: rows, path: data/rows.parquet, timestamp_field: event_timestamp}\nschema: [{name: a, dtype: Float64}, {name: b, dtype: Float64}]\n";

fn times(seconds: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(seconds.map(|s| s * SECOND)).with_timezone("UTC"))
}

fn feature(key: i64, hour: i64) -> f64 {
    (key * 100 + hour) as f64
}

fn features(repo: &Repo) {
    let rows = || (0..HOURS).flat_map(|hour| (0..KEYS).map(move |key| (key, hour)));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("key", Arc::new(Int64Array::from_iter_values(rows().map(|(key, _)| key)))),
        ("event_timestamp", times(rows().map(|(_, hour)| START + hour * 3600))),
        ("a", Arc::new(Float64Array::from_iter_values(rows().map(|(key, hour)| feature(key, hour))))),
        ("b", Arc::new(Float64Array::from_iter_values(rows().map(|(key, _)| -key as f64)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    frame::write(repo.path("data/rows.parquet"), &batch.schema(), [Ok(batch.clone())]).unwrap();
}

/// The key and hour that an entity row asks for.
fn asked(row: i64) -> (i64, i64) {
    (row * 7 % KEYS, row * 13 % HOURS)
}

fn entity_batch(first: i64, text: &ArrayRef) -> RecordBatch {
    let rows = || first..first + BATCH;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("row_id", Arc::new(Int64Array::from_iter_values(rows()))),
        ("key", Arc::new(Int64Array::from_iter_values(rows().map(|row| asked(row).0)))),
        ("event_timestamp", times(rows().map(|row| START + asked(row).1 * 3600 + 1800))),
        ("text", Arc::clone(text)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Entity rows that take so many bytes in memory.
fn entities(repo: &Repo, bytes: u64) -> i64 {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(TEXT); BATCH as usize]));
    let width = TEXT as u64 + 40;
    let batches = (bytes / width) as i64 / BATCH + 1;
    let schema = entity_batch(0, &text).schema();
    let rows = (0..batches).map(|batch| Result::Ok(entity_batch(batch * BATCH, &text)));
    frame::write(repo.path("entities.parquet"), &schema, rows).unwrap();
    batches * BATCH
}

fn join(repo: &Repo, more: &[&str]) -> Child {
    command()
        .arg("-c")
        .arg(repo.folder())
        .args(["get-historical-features", "--features", "v:a", "--features", "v:b"])
        .args(["--entity-df", repo.path("entities.parquet").to_str().unwrap()])
        .args(["--out", repo.path("out.parquet").to_str().unwrap()])
        .args(more)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn check(repo: &Repo, rows: i64) {
    let mut row = 0;
    for batch in frame::open(repo.path("out.parquet")).unwrap().batches {
        let batch = batch.unwrap();
        let ids = batch["row_id"].as_primitive::<Int64Type>();
        let values = batch["a"].as_primitive::<Float64Type>();
        for (id, value) in ids.iter().zip(values) {
            let (key, hour) = asked(row);
            assert_eq!((id, value), (Some(row), Some(feature(key, hour))));
            row += 1;
        }
    }
    assert_eq!(row, rows);
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_within_the_limit_at_any_number_of_entity_rows() {
    for times in [1, 5, 20] {
        let repo = Repo::new(CONFIGURATION, DEFINITIONS);
        features(&repo);
        repo.ok(&["apply"]);
        let rows = entities(&repo, times * LIMIT);
        let limit = LIMIT.to_string();
        let spill = repo.path("spill");
        std::fs::create_dir(&spill).unwrap();
        let (highest, is_done) =
            highest_memory(join(&repo, &["--max-memory", &limit, "--spill-dir", spill.to_str().unwrap()]));
        assert!(is_done);
        assert!(highest <= LIMIT / 10 * 13, "{highest} bytes at {times} times the limit of {LIMIT}");
        check(&repo, rows);
        assert_eq!(std::fs::read_dir(&spill).unwrap().count(), 0);
    }
}
