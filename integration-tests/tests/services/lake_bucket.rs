//! Buckets that `cargo xtask services` brings, and repositories whose source is in one.

use crate::lake_support::{asked, definitions, entity_rows, features, write};
use crate::support::{CONFIGURATION, Repo};
use crate::{AZURE, GCS, S3};
use arrow_array::RecordBatch;
use provender::frame::{self, WriteOptions};
use provender::storage::{Places, StorageOptions};
use serde_json::{Value, json};

/// A bucket, and the environment that reaches it.
pub(crate) struct Bucket {
    pub(crate) root: &'static str,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) options: StorageOptions,
    /// The options as a configuration has them.
    pub(crate) settings: Value,
}

fn bucket(root: &'static str, settings: Value, environment: Vec<(&'static str, String)>) -> Bucket {
    let options = serde_json::from_value(settings.clone()).unwrap();
    Bucket { root, environment, options, settings }
}

pub(crate) fn s3() -> Bucket {
    s3_at(S3.address().unwrap())
}

pub(crate) fn s3_at(url: String) -> Bucket {
    let key = "minioadmin";
    let settings = json!({"aws_endpoint": url, "aws_access_key_id": key, "aws_secret_access_key": key});
    let keys = [("AWS_ACCESS_KEY_ID", key.to_owned()), ("AWS_SECRET_ACCESS_KEY", key.to_owned())];
    bucket("s3://provender", settings, [("AWS_ENDPOINT_URL", url)].into_iter().chain(keys).collect())
}

pub(crate) fn azure() -> Bucket {
    const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    let endpoint = format!("{}/devstoreaccount1", AZURE.address().unwrap());
    let text = format!("AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={endpoint}");
    let settings = json!({
        "azure_storage_account_name": "devstoreaccount1",
        "azure_storage_account_key": KEY,
        "azure_storage_endpoint": endpoint,
    });
    bucket("az://provender", settings, vec![("AZURE_STORAGE_CONNECTION_STRING", text)])
}

pub(crate) fn gcs() -> Bucket {
    let url = GCS.address().unwrap();
    let settings = json!({"google_base_url": url, "google_skip_signature": true});
    bucket("gs://provender", settings, vec![("STORAGE_EMULATOR_HOST", url)])
}

impl Bucket {
    /// A folder that no other test uses.
    pub(crate) fn folder(&self) -> String {
        let unique = tempfile::tempdir().unwrap();
        format!("{}/test{}", self.root, unique.path().file_name().unwrap().to_str().unwrap())
    }

    pub(crate) fn write(&self, url: &str, rows: &RecordBatch) {
        let options = WriteOptions { places: Places::new(self.options.clone()), ..WriteOptions::default() };
        frame::write_with(url, &rows.schema(), [Ok(rows.clone())], &options).unwrap();
    }

    /// Runs the command on a repository with this bucket's environment.
    pub(crate) fn run(&self, repo: &Repo, arguments: &[&str]) -> std::process::Output {
        let mut command = crate::support::command();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.arg("-c").arg(repo.folder()).args(arguments).output().unwrap()
    }

    #[track_caller]
    pub(crate) fn ok(&self, repo: &Repo, arguments: &[&str]) -> String {
        let output = self.run(repo, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn fails(&self, code: i32, repo: &Repo, arguments: &[&str]) -> String {
        let output = self.run(repo, arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        stderr
    }
}

/// A repository whose source is in a bucket and whose definitions are applied.
pub(crate) fn remote_repo(bucket: &Bucket, folder: &str, rows: i64) -> Repo {
    let repo = Repo::new(CONFIGURATION, &definitions(&format!("{folder}/rows.parquet")));
    bucket.write(&format!("{folder}/rows.parquet"), &features(rows));
    write(&repo.path("entities.parquet"), &entity_rows(500));
    bucket.ok(&repo, &["apply"]);
    repo
}

/// The words of a command that makes a training set of `entities.parquet`.
pub(crate) fn join(repo: &Repo, out: &str) -> Vec<String> {
    asked(repo, "entities.parquet", out)
}

pub(crate) fn minio_port() -> u16 {
    S3.address().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}
