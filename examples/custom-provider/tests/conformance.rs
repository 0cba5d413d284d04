//! The rules of the online store, on this one.

use custom_provider::{Folder, FolderConfig};
use provender_core::Provider as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    provender_conformance::online("folder", |context| async move {
        let config = FolderConfig { path: "online".to_owned() };
        Some(Folder::open(config, &context).await)
    })
}
