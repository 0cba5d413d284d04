//! The rules of every registry, on a local file and on an object of each kind of store.

#[path = "it/stores.rs"]
mod stores;

use provender_blob::{Blob, BlobConfig};
use provender_core::Provider;
use std::process::ExitCode;
use stores::Bucket;

fn main() -> ExitCode {
    let mut outcomes = vec![provender_conformance::registry("blob", |context| async move {
        Some(Blob::open(BlobConfig::new("registry.db"), &context).await)
    })];
    for (name, bucket) in [
        ("blob-s3", stores::s3 as fn() -> Option<Bucket>),
        ("blob-azure", stores::azure),
        ("blob-gcs", stores::gcs),
    ] {
        outcomes.push(provender_conformance::registry(name, move |context| async move {
            let bucket = bucket()?;
            let mut config = BlobConfig::new(bucket.url(&format!("{}/registry.db", context.project)));
            config.storage_options = bucket.options;
            Some(Blob::open(config, &context).await)
        }));
    }
    outcomes.into_iter().find(|outcome| *outcome != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS)
}
