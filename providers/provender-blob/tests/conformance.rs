//! The rules of every registry, on a local file.

use provender_blob::{Blob, BlobConfig};
use provender_core::Provider;
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::registry("blob", |context| async move {
        Some(Blob::open(BlobConfig::new("registry.db"), &context).await)
    })
}
