//! Many processes that write to one Delta table, and one that is killed while it does.

use crate::lake_bucket::{Bucket, azure, gcs, s3};
use crate::support::{CONFIGURATION, Repo, command};
use crate::{AZURE, Case, GCS, S3};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use provender::frame;
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

pub(crate) const CASES: &[Case] = &[
    Case::new("pushes_of_many_processes_all_land_in_a_delta_table_on_disk", &[], || writers(None)),
    Case::new("pushes_of_many_processes_all_land_in_a_delta_table_in_s3", &[S3], || writers(Some(&s3()))),
    Case::new("pushes_of_many_processes_all_land_in_a_delta_table_in_azure", &[AZURE], || {
        writers(Some(&azure()));
    }),
    Case::new("pushes_of_many_processes_all_land_in_a_delta_table_in_gcs", &[GCS], || writers(Some(&gcs()))),
    Case::new("a_training_set_whose_writer_was_killed_is_no_delta_table", &[], killed),
];

const PROCESSES: i64 = 8;
const PUSHES: i64 = 5;

const ENTITY: &str = "kind: Entity\nname: row\njoin_keys: [id]\nvalue_type: INT64\n";

fn view(name: &str, path: &str, format: &str) -> String {
    format!(
        "---\nkind: FileSource\nname: {name}_rows\npath: {path}\nfile_format: {format}\ntimestamp_field: event_timestamp\n\
         ---\nkind: PushSource\nname: {name}_push\nbatch_source: {name}_rows\n\
         ---\nkind: FeatureView\nname: {name}\nentities: [row]\nschema: [{{name: value, dtype: Int64}}]\nsource: {name}_push\n"
    )
}

/// A repository with rows in a Parquet file.
fn seeded(rows: i64) -> Repo {
    let repo = Repo::new(
        &format!("{CONFIGURATION}offline_stores: [{{type: delta}}]\n"),
        &format!("{ENTITY}{}", view("seed", "data/seed.parquet", "parquet")),
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let times = TimestampMicrosecondArray::from_iter_values(0..rows).with_timezone("UTC");
    let batch = RecordBatch::try_from_iter([
        ("id", numbers.clone()),
        ("event_timestamp", Arc::new(times) as ArrayRef),
        ("value", numbers),
    ])
    .unwrap();
    frame::write(repo.path("data/seed.parquet"), &batch.schema(), [Ok(batch.clone())]).unwrap();
    repo
}

/// Words that ask for all rows of a view.
fn all<'a>(feature: &'a str, out: &'a str) -> [&'a str; 11] {
    [
        "get-historical-features",
        "-f",
        feature,
        "--spine",
        "changes",
        "--start-date",
        "1960-01-01",
        "--end-date",
        "2100-01-01",
        "--out",
        out,
    ]
}

fn writers(bucket: Option<&Bucket>) {
    let repo = &seeded(1);
    let table = match bucket {
        Some(bucket) => format!("{}/t", bucket.folder()),
        None => repo.path("t").to_str().unwrap().to_owned(),
    };
    let run = |arguments: &[&str]| match bucket {
        Some(bucket) => bucket.ok(repo, arguments),
        None => repo.ok(arguments),
    };
    run(&["apply"]);
    run(&all("seed:value", &format!("delta:{table}")));
    repo.write("table.yaml", &view("stats", &table, "delta"));
    run(&["apply"]);
    std::thread::scope(|scope| {
        for process in 1..=PROCESSES {
            let run = &run;
            scope.spawn(move || {
                for push in 0..PUSHES {
                    let id = process * 1_000 + push;
                    let file = format!("push{process}.json");
                    let row = json!([{ "id": id, "event_timestamp": "2026-01-01T00:00:00Z", "value": -id }]);
                    repo.write(&file, &row.to_string());
                    run(&["push", "stats_push", repo.path(&file).to_str().unwrap(), "--to", "offline"]);
                }
            });
        }
        // Whoever reads meanwhile sees some whole version.
        for read in 0..3 {
            let out = repo.path(&format!("read{read}.parquet"));
            run(&all("stats:value", out.to_str().unwrap()));
        }
    });
    let out = repo.path("all.parquet");
    run(&all("stats:value", out.to_str().unwrap()));
    let rows = frame::read(&out).unwrap().into_batch().unwrap();
    let column = |name: &str| rows[name].as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec();
    let mut pairs: Vec<_> = column("id").into_iter().zip(column("value")).collect();
    pairs.sort_unstable();
    let pushed = (1..=PROCESSES).flat_map(|process| (0..PUSHES).map(move |push| process * 1_000 + push));
    let expected: Vec<_> = [(0, 0)].into_iter().chain(pushed.map(|id| (id, -id))).collect();
    assert_eq!(pairs, expected);
}

fn killed() {
    const ROWS: i64 = 300_000;
    let repo = seeded(ROWS);
    repo.ok(&["apply"]);
    let table = repo.path("set");
    let out = format!("delta:{}", table.display());
    // Little memory makes many files.
    let arguments = [&all("seed:value", &out)[..], &["--max-memory", "32MB"]].concat();
    let mut child = command()
        .arg("-c")
        .arg(repo.folder())
        .args(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while files(&table, "parquet") == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the command ended before it wrote a file");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        files(&table.join("_delta_log"), "json"),
        0,
        "a commit of a command that was killed at its first file"
    );
    repo.ok(&arguments);
    assert_eq!(files(&table.join("_delta_log"), "json"), 1);
    repo.write("table.yaml", &view("set", table.to_str().unwrap(), "delta"));
    repo.ok(&["apply"]);
    let back = repo.path("back.parquet");
    repo.ok(&all("set:value", back.to_str().unwrap()));
    assert_eq!(frame::read(back).unwrap().rows(), usize::try_from(ROWS).unwrap());
}

fn files(folder: &Path, extension: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == extension)).count()
}
