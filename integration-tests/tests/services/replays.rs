//! Training sets, their manifests and entity rows in buckets of object stores, and their replay.

use crate::lake_bucket::{Bucket, azure, gcs, remote_repo, s3};
use crate::lake_support::features;
use crate::{AZURE, Case, GCS, S3};
use provender::frame;
use serde_json::{Value, json};

pub(crate) const CASES: &[Case] = &[
    Case::new("a_training_set_in_a_bucket_of_s3_is_replayed", &[S3], || replay(&s3())),
    Case::new("a_training_set_in_a_container_of_azure_is_replayed", &[AZURE], || replay(&azure())),
    Case::new("a_training_set_in_a_bucket_of_gcs_is_replayed", &[GCS], || replay(&gcs())),
];

/// The manifest lies beside the rows, and a replay tells that the source is another object.
fn replay(bucket: &Bucket) {
    let folder = bucket.folder();
    let repo = remote_repo(bucket, &folder, 5_000);
    let rows = frame::read(repo.path("entities.parquet")).unwrap().into_batch().unwrap();
    let (entities, out) = (format!("{folder}/entities.parquet"), format!("{folder}/out.parquet"));
    bucket.write(&entities, &rows);
    let built = bucket.ok(
        &repo,
        &[
            "get-historical-features",
            "--entity-df",
            &entities,
            "-f",
            "stats:value",
            "--out",
            &out,
            "--output",
            "json",
        ],
    );
    let manifest = format!("{out}.manifest.json");
    assert_eq!(serde_json::from_str::<Value>(&built).unwrap()["manifest"], json!(manifest));

    let told = |code: i32| {
        let output = bucket.run(&repo, &["replay", &manifest, "--output", "json"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        (serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default(), stderr)
    };
    let (equal, stderr) = told(0);
    assert_eq!((&equal["equal"], &equal["compared_with"], stderr.as_str()), (&json!(true), &json!(out), ""));

    bucket.write(&format!("{folder}/rows.parquet"), &features(5_000).slice(0, 50));
    let (different, stderr) = told(8);
    assert!(stderr.contains("the source of stats has changed"), "{stderr}");
    assert_eq!(different["cell"]["column"], "value");
    assert!(different["cell"]["entity"].get("event_timestamp").is_some(), "{different}");
}
