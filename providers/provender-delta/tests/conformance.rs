//! The rules of offline stores, on Delta tables: each is made by one commit a batch, in a temporary folder or in a bucket.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::field_reassign_with_default, reason = "the settings of Feast are private")]

use arrow_schema::{DataType, TimeUnit};
use futures::stream;
use provender_conformance::{OfflineHarness, offline};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{SaveMode, SaveRequest};
use provender_core::{OpenContext, Provider, RequestContext, Result};
use provender_delta::{Delta, DeltaConfig, StorageOptions};
use std::process::ExitCode;
use std::sync::Arc;

/// Where the tables of a rule are: below a URL, or in the repository's folder.
type Root = fn(&OpenContext) -> Option<(String, StorageOptions)>;

fn main() -> ExitCode {
    let backends: [(&str, Root); 4] =
        [("delta", disk), ("delta-s3", s3), ("delta-azure", azure), ("delta-gcs", gcs)];
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

fn disk(_: &OpenContext) -> Option<(String, StorageOptions)> {
    Some((String::new(), StorageOptions::default()))
}

fn s3(context: &OpenContext) -> Option<(String, StorageOptions)> {
    let url = std::env::var("PROVENDER_TEST_S3").ok()?;
    let options = StorageOptions::default()
        .with("aws_endpoint", url)
        .with("aws_access_key_id", "minioadmin")
        .with("aws_secret_access_key", "minioadmin");
    Some((format!("s3://provender/{}/", context.project), options))
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
    Some((format!("az://provender/{}/", context.project), options))
}

fn gcs(context: &OpenContext) -> Option<(String, StorageOptions)> {
    let url = std::env::var("PROVENDER_TEST_GCS").ok()?;
    let options =
        StorageOptions::default().with("google_base_url", url).with("google_skip_signature", "true");
    Some((format!("gs://provender/{}/", context.project), options))
}

async fn harness(context: OpenContext, root: String, options: StorageOptions) -> Result<OfflineHarness> {
    let mut config = DeltaConfig::default();
    config.storage_options = options;
    let store = Delta::open(config, &context).await?;
    // Ten thousand tables take a quarter of an hour in a bucket.
    let share = if root.is_empty() { 10 } else { 200 };
    let writer = Arc::clone(&store);
    let harness = OfflineHarness::new(store, move |name, files| {
        let (path, writer) = (format!("{root}{name}"), Arc::clone(&writer));
        async move {
            let kind =
                SourceKind::File { path, format: FileFormat::Delta, s3_endpoint_override: String::new() };
            let source = DataSource::new(name, kind);
            for (number, file) in files.into_iter().enumerate() {
                let mode = if number == 0 { SaveMode::Create } else { SaveMode::Append };
                let request = SaveRequest {
                    target: source.clone(),
                    schema: file.schema(),
                    batches: Box::pin(stream::iter([Ok(file)])),
                    mode,
                    max_memory: None,
                    context: RequestContext::local(),
                };
                writer.save(request).await?;
            }
            Ok(source)
        }
    });
    // Delta has no unsigned numbers (the narrower ones are widened here) and holds microseconds, in which not every count of seconds can be told.
    let holds = |data_type: &DataType| {
        !matches!(data_type, DataType::UInt64 | DataType::Timestamp(TimeUnit::Second, _))
    };
    Ok(harness.slow(share).holding(holds))
}
