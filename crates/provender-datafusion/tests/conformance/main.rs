//! The rules of offline stores, on sources that are queries over Parquet files, and on joins that DataFusion plans, after they have been sent and received.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod through_plan;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use async_trait::async_trait;
use provender_conformance::{OfflineHarness, offline};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::sql::{QUERY_TAG, SqlTable, SqlTables};
use provender_core::{OfflineStore, OpenContext, Provider, Result, SqlEngine};
use provender_datafusion::Datafusion;
use provender_file::{File, FileConfig};
use provender_join::frame;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use through_plan::ThroughPlan;

fn main() -> ExitCode {
    let sources = offline("sql", |context| async move { Some(queries(context).await) });
    let joins = offline("sql-join", |context| async move { Some(joins(context).await) });
    if sources == ExitCode::SUCCESS { joins } else { sources }
}

/// Tables that a rule has loaded so far.
#[derive(Debug, Default)]
struct Loaded(Mutex<Vec<SqlTable>>);

#[async_trait]
impl SqlTables for Loaded {
    async fn tables(&self) -> Result<Vec<SqlTable>> {
        Ok(self.0.lock().unwrap().clone())
    }
}

async fn queries(context: OpenContext) -> Result<OfflineHarness> {
    let files = File::open(FileConfig::default(), &context).await?;
    let loaded = Arc::new(Loaded::default());
    let store = Arc::new(Datafusion).store(Arc::clone(&loaded) as Arc<dyn SqlTables>);
    let root = context.repo_dir.clone();
    let harness = OfflineHarness::new(store, move |name, batches| {
        let (files, loaded, folder) = (Arc::clone(&files), Arc::clone(&loaded), root.join(&name));
        async move {
            write(&folder, &batches)?;
            let event = event_column(&batches[0].schema());
            let mut stored = DataSource::new(&name, file(&name));
            stored.timestamp_field = event;
            loaded
                .0
                .lock()
                .unwrap()
                .push(SqlTable { source: stored, store: Some(files as Arc<dyn OfflineStore>) });
            let mut query = DataSource::new(format!("{name}_query"), file(""));
            query.tags.insert(QUERY_TAG.to_owned(), format!("SELECT * FROM \"{name}\""));
            Ok(query)
        }
    });
    // Planning a query takes longer than the small joins that follow it.
    Ok(harness.slow(25))
}

async fn joins(context: OpenContext) -> Result<OfflineHarness> {
    let files = File::open(FileConfig::default(), &context).await?;
    let root = context.repo_dir.clone();
    let harness = OfflineHarness::new(Arc::new(ThroughPlan(files)), move |name, batches| {
        let folder = root.join(&name);
        async move {
            write(&folder, &batches)?;
            Ok(DataSource::new(&name, file(&name)))
        }
    });
    Ok(harness.slow(25))
}

/// The column of the event time, by the names that the rules give it: else the first of times.
fn event_column(schema: &Schema) -> String {
    let named = ["at", "event", "event_timestamp"].into_iter().find(|name| schema.index_of(name).is_ok());
    let times = schema.fields().iter().find(|field| matches!(field.data_type(), DataType::Timestamp(..)));
    named.map(str::to_owned).or(times.map(|field| field.name().clone())).unwrap_or_default()
}

/// A table as a folder with one file a batch.
fn write(folder: &Path, batches: &[RecordBatch]) -> Result<()> {
    std::fs::create_dir_all(folder).unwrap();
    for (number, batch) in batches.iter().enumerate() {
        let path = folder.join(format!("part-{number:03}.parquet"));
        frame::write(&path, &batch.schema(), [Ok(batch.clone())])?;
    }
    Ok(())
}

fn file(path: &str) -> SourceKind {
    SourceKind::File {
        path: path.to_owned(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    }
}
