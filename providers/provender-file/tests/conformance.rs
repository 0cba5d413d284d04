//! The rules of offline stores, on Parquet files in a temporary folder: each table is a folder with one file a batch.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use provender_conformance::{OfflineHarness, offline};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{OpenContext, Provider, Result};
use provender_file::{File, FileConfig};
use provender_join::frame;
use std::process::ExitCode;

fn main() -> ExitCode {
    offline("file", |context| async move { Some(harness(context).await) })
}

async fn harness(context: OpenContext) -> Result<OfflineHarness> {
    let store = File::open(FileConfig::default(), &context).await?;
    Ok(OfflineHarness::new(store, move |name, files| {
        let folder = context.path(&name);
        async move {
            std::fs::create_dir_all(&folder)
                .map_err(|e| provender_core::Error::io(e, "make the folder", &folder))?;
            for (number, file) in files.into_iter().enumerate() {
                frame::write(
                    folder.join(format!("part-{number:03}.parquet")),
                    &file.schema(),
                    [Ok(file.clone())],
                )?;
            }
            let kind = SourceKind::File {
                path: name.clone(),
                format: FileFormat::Parquet,
                s3_endpoint_override: String::new(),
            };
            Ok(DataSource::new(name, kind))
        }
    }))
}
