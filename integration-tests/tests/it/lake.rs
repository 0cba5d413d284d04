//! Sources that are damaged, differ or go away, and training sets whose writing is cut off, on local disk.

use crate::lake_support::{asked, features, local_repo, start, stop, words, write, write_wide};
use crate::support::Repo;
use arrow_array::{ArrayRef, StringArray};
use provender::engine::Spines;
use provender::frame::{self, Frame};
use provender::offline::Spine;
use provender::{Features, HistoricalQuery, Kind, RequestContext};
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;

const INVALID: i32 = 2;

fn join(repo: &Repo) -> Vec<String> {
    asked(repo, "entities.parquet", repo.path("out.parquet").to_str().unwrap())
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    for word in expected {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

/// Written by pyarrow with a checksum in every page: 600 rows in two row groups.
const CHECKSUMMED: &[u8] = include_bytes!("../../../crates/provender-join/testdata/checksummed.parquet");
/// A byte of the values in the second row group.
const VALUE: usize = 6_000;

#[test]
fn a_corrupt_page_is_told_by_file_row_group_and_column() {
    let repo = local_repo(10);
    let mut bytes = CHECKSUMMED.to_vec();
    fs::write(repo.path("data/rows.parquet"), &bytes).unwrap();
    let definitions = crate::lake_support::definitions("data/rows.parquet");
    let renamed = definitions
        .replace("[id]", "[driver]")
        .replace("timestamp_field: event_timestamp", "timestamp_field: event");
    repo.write("features.yaml", &renamed);
    repo.ok(&["apply"]);
    let out = repo.path("out.csv");
    let rows = r#"[{"driver": 7, "event_timestamp": "2026-01-02"}]"#;
    let join = ["get-historical-features", "-d", rows, "-f", "stats:value", "--out", out.to_str().unwrap()];
    repo.ok(&join);
    assert!(fs::read_to_string(&out).unwrap().contains("146.75"));
    fs::remove_file(&out).unwrap();

    bytes[VALUE] ^= 1;
    fs::write(repo.path("data/rows.parquet"), &bytes).unwrap();
    let text = repo.fails(INVALID, &join);
    says(&text, &["data/rows.parquet", "row group: 1", "column: value", "view: stats", "checksum"]);
    assert!(!out.exists());
}

#[test]
fn a_file_without_a_column_or_with_another_type_of_it_is_named() {
    let repo = local_repo(1_000);
    fs::create_dir(repo.path("data/rows")).unwrap();
    repo.write("features.yaml", &crate::lake_support::definitions("data/rows"));
    write(&repo.path("data/rows/a.parquet"), &features(100));
    repo.ok(&["apply"]);
    let odd = features(100).project(&[0, 1]).unwrap();
    write(&repo.path("data/rows/b.parquet"), &odd);
    let text = repo.fails(INVALID, &words(&join(&repo)));
    says(&text, &["data/rows/b.parquet", "column: value", "the columns of the first file"]);

    let mut columns = features(3).columns().to_vec();
    columns[2] = Arc::new(StringArray::from(vec!["1", "2", "3"])) as ArrayRef;
    let odd = ["id", "event_timestamp", "value"].into_iter().zip(columns);
    write(&repo.path("data/rows/b.parquet"), &arrow_array::RecordBatch::try_from_iter(odd).unwrap());
    let text = repo.fails(INVALID, &words(&join(&repo)));
    says(&text, &["data/rows/b.parquet", "column: value", "type: Utf8", "expected: Float64"]);
    assert!(!repo.path("out.parquet").exists());
}

#[test]
fn a_file_that_goes_between_listing_and_reading_is_named() {
    let repo = local_repo(1_000);
    let rows = frame::read(repo.path("entities.parquet")).unwrap();
    let error = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let job = repo.store().await.historical(query(rows)).await.unwrap();
        fs::remove_file(repo.path("data/rows.parquet")).unwrap();
        job.run().await.map(drop).unwrap_err()
    });
    assert_eq!(error.kind(), Kind::NotFound, "{}", error.report());
    says(&error.report(), &["data/rows.parquet", "stats"]);
}

fn query(rows: Frame) -> HistoricalQuery {
    let event = rows.event_column().unwrap();
    HistoricalQuery {
        spine: Spines::Frame(Arc::new(Spine::new(rows.schema.clone(), rows.batches, event))),
        features: Features::List(vec!["stats:value".to_owned()]),
        full_feature_names: false,
        known_at: None,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    }
}

/// A repository, and a command that writes `out/training.csv` of ninety megabytes and has begun to.
fn writing() -> (Repo, Child) {
    let repo = local_repo(1_000);
    write_wide(&repo, 400_000);
    fs::create_dir(repo.path("out")).unwrap();
    let out = repo.path("out/training.csv");
    let mut child = start(&repo, &asked(&repo, "wide.parquet", out.to_str().unwrap()), &[]);
    while !under_way(&repo).iter().any(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0)) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote");
        std::thread::yield_now();
    }
    (repo, child)
}

fn names(repo: &Repo) -> Vec<String> {
    let entries = fs::read_dir(repo.path("out")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Files that are being written.
fn under_way(repo: &Repo) -> Vec<PathBuf> {
    let hidden = names(repo).into_iter().filter(|name| name.starts_with('.'));
    hidden.map(|name| repo.path("out").join(name)).collect()
}

#[test]
fn a_training_set_whose_writer_is_killed_is_not_there_and_what_is_left_goes_with_the_next() {
    let (repo, child) = writing();
    assert_eq!(stop(child, "-KILL"), None);
    assert!(!repo.path("out/training.csv").exists());
    assert_eq!(under_way(&repo).len(), 1);
    let next = repo.path("out/next.csv");
    repo.ok(&words(&asked(&repo, "entities.parquet", next.to_str().unwrap())));
    assert!(next.exists() && under_way(&repo).is_empty(), "{:?}", names(&repo));
}

#[test]
fn a_training_set_that_is_interrupted_leaves_nothing() {
    let (repo, child) = writing();
    assert_eq!(stop(child, "-INT"), Some(130));
    assert!(names(&repo).is_empty(), "{:?}", names(&repo));
}
