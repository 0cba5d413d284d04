//! The three suites over the stores in memory.

#![expect(clippy::unwrap_used, reason = "a lock that a panic has poisoned ends the run in any case")]

use provender_conformance::{OfflineHarness, offline, online, registry};
use provender_core::memory::{MemoryOffline, MemoryOnline, MemoryRegistry};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{OnlineStore, OpenContext, Registry};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

fn main() -> ExitCode {
    let codes = [
        offline("memory-offline", async |_| Some(Ok(tables()))),
        online("memory-online", kept::<dyn OnlineStore>(|| Arc::new(MemoryOnline::new()))),
        registry("memory-registry", kept::<dyn Registry>(|| Arc::new(MemoryRegistry::new()))),
    ];
    codes.into_iter().find(|code| *code != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS)
}

fn tables() -> OfflineHarness {
    let store = Arc::new(MemoryOffline::new());
    let filled = Arc::clone(&store);
    OfflineHarness::new(store, move |name, files| {
        let kind = SourceKind::File {
            path: name.clone(),
            format: FileFormat::Parquet,
            s3_endpoint_override: String::new(),
        };
        let loaded = filled.insert(name.clone(), &files).map(|()| DataSource::new(name, kind));
        async { loaded }
    })
}

/// Opening a project again gives the store that it has: one in memory is nowhere else.
fn kept<S: ?Sized + Send + Sync + 'static>(
    new: fn() -> Arc<S>,
) -> impl Fn(OpenContext) -> std::future::Ready<Option<provender_core::Result<Arc<S>>>> + Send + Sync {
    let stores: Mutex<HashMap<String, Arc<S>>> = Mutex::default();
    move |context| {
        let store = stores.lock().unwrap().entry(context.project).or_insert_with(new).clone();
        std::future::ready(Some(Ok(store)))
    }
}
