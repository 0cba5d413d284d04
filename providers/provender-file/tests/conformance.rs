//! The rules of offline stores, on Parquet files: each table is a folder with one file a batch, in a temporary folder or in a bucket.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::field_reassign_with_default, reason = "the settings of Feast are private")]

use provender_conformance::{OfflineHarness, offline};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{OpenContext, Provider, Result};
use provender_file::{File, FileConfig, StorageOptions};
use provender_join::frame::{self, WriteOptions};
use provender_join::storage::{Places, is_url};
use std::process::ExitCode;

/// Where the tables of a rule are.
type Root = fn(&OpenContext) -> Option<(String, StorageOptions)>;

fn main() -> ExitCode {
    let backends: [(&str, Root); 4] =
        [("file", disk), ("file-s3", s3), ("file-azure", azure), ("file-gcs", gcs)];
    let mut outcome = ExitCode::SUCCESS;
    for (name, root) in backends {
        let ran = offline(name, move |context| async move {
            let (root, options) = root(&context)?;
            Some(harness(context, root, options).await)
        });
        if ran != ExitCode::SUCCESS {
            outcome = ran;
        }
    }
    outcome
}

fn disk(context: &OpenContext) -> Option<(String, StorageOptions)> {
    Some((context.repo_dir.to_str()?.to_owned(), StorageOptions::default()))
}

fn s3(context: &OpenContext) -> Option<(String, StorageOptions)> {
    let url = std::env::var("PROVENDER_TEST_S3").ok()?;
    let options = StorageOptions::default()
        .with("aws_endpoint", url)
        .with("aws_access_key_id", "minioadmin")
        .with("aws_secret_access_key", "minioadmin");
    Some((format!("s3://provender/{}", context.project), options))
}

fn azure(context: &OpenContext) -> Option<(String, StorageOptions)> {
    let url = std::env::var("PROVENDER_TEST_AZURE").ok()?;
    let options = StorageOptions::default()
        .with("azure_storage_account_name", "devstoreaccount1")
        .with(
            "azure_storage_account_key",
            "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        )
        .with("azure_storage_endpoint", format!("{url}/devstoreaccount1"));
    Some((format!("az://provender/{}", context.project), options))
}

fn gcs(context: &OpenContext) -> Option<(String, StorageOptions)> {
    let url = std::env::var("PROVENDER_TEST_GCS").ok()?;
    let options =
        StorageOptions::default().with("google_base_url", url).with("google_skip_signature", "true");
    Some((format!("gs://provender/{}", context.project), options))
}

async fn harness(context: OpenContext, root: String, options: StorageOptions) -> Result<OfflineHarness> {
    let mut config = FileConfig::default();
    config.storage_options = options.clone();
    let store = File::open(config, &context).await?;
    // Ten thousand joins over a bucket take a quarter of an hour.
    let share = if is_url(&root) { 100 } else { 1 };
    let harness = OfflineHarness::new(store, move |name, files| {
        let folder = format!("{root}/{name}");
        let path = if is_url(&root) { folder.clone() } else { name.clone() };
        let options = WriteOptions { places: Places::new(options.clone()), ..WriteOptions::default() };
        async move {
            if !is_url(&folder) {
                std::fs::create_dir_all(&folder)
                    .map_err(|e| provender_core::Error::io(e, "make the folder", &folder))?;
            }
            for (number, file) in files.into_iter().enumerate() {
                let path = format!("{folder}/part-{number:03}.parquet");
                frame::write_with(path, &file.schema(), [Ok(file.clone())], &options)?;
            }
            let kind =
                SourceKind::File { path, format: FileFormat::Parquet, s3_endpoint_override: String::new() };
            Ok(DataSource::new(name, kind))
        }
    });
    Ok(harness.slow(share))
}
