//! The rows of a query, kept in a file without a name.

use super::wanted::Wanted;
use crate::engine::Planned;
use crate::errors::of_datafusion;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use futures::executor::block_on_stream;
use provender_core::sql::{SqlQuery, SqlRows};
use provender_core::{Error, RequestContext, Result};
use provender_join::frame::{self, WriteOptions};
use provender_join::offline::blocking;
use provender_join::storage::{LocalDisk, ReadAt, Storage, StoredFile};
use provender_join::{Format, Source, SourceSpec};
use std::path::PathBuf;
use std::sync::Arc;

/// The part of the memory allowed that the file being written may fill: one in so many.
const FILE_SHARE: u64 = 8;

/// The query with only what is wanted of it.
pub(super) fn narrowed(planned: &Planned, wanted: &Wanted) -> Result<LogicalPlan> {
    let schema = planned.plan.schema().as_arrow();
    let columns = wanted.columns(schema)?;
    let mut builder = LogicalPlanBuilder::from(planned.plan.clone());
    let failed = |e: datafusion::common::DataFusionError| of_datafusion(&e);
    if let Some(condition) = wanted.condition(schema) {
        builder = builder.filter(condition).map_err(failed)?;
    }
    builder.project(columns).and_then(LogicalPlanBuilder::build).map_err(failed)
}

/// Runs the query and keeps what is wanted of its rows.
pub(super) async fn keep(
    planned: &Planned,
    wanted: &Wanted,
    query: &SqlQuery,
    name: &str,
) -> Result<Arc<Source>> {
    let plan = narrowed(planned, wanted)?;
    let rows = planned.run(&plan, &query.context).await?;
    let (folder, memory) = (query.spill_folder.clone(), query.max_memory);
    let (name, context) = (name.to_owned(), query.context.clone());
    blocking(move || write(rows, folder, memory, &name, &context)).await
}

fn write(
    rows: SqlRows,
    folder: Option<PathBuf>,
    memory: Option<u64>,
    name: &str,
    context: &RequestContext,
) -> Result<Arc<Source>> {
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let place = tempfile::Builder::new().prefix("provender-query-").tempdir_in(&folder);
    let place = place.map_err(|e| Error::io(e, "spill to", &folder))?;
    let path = place.path().join("rows.parquet");
    let options = WriteOptions { memory: memory.map(|bytes| bytes / FILE_SHARE), ..WriteOptions::default() };
    frame::write_with(&path, &rows.schema, block_on_stream(rows.batches), &options)?;
    let path = path.to_str().ok_or_else(|| Error::invalid("the folder's name is not UTF-8"))?;
    let mut spec = SourceSpec::new(name, path, Format::Parquet);
    spec.storage = Arc::new(Unnamed::open(path)?);
    // The file loses its name here and its bytes with its last reader.
    drop(place);
    Ok(Arc::new(Source::open(&spec, context)?))
}

/// The one file that is open, whatever path is asked for.
#[derive(Debug)]
struct Unnamed {
    file: StoredFile,
    opened: Arc<dyn ReadAt>,
}

impl Unnamed {
    fn open(path: &str) -> Result<Self> {
        let file = LocalDisk.list(path)?.into_iter().next();
        let file = file.ok_or_else(|| Error::internal("the rows of a query are gone").with("path", path))?;
        Ok(Self { opened: LocalDisk.open(&file)?, file })
    }
}

impl Storage for Unnamed {
    fn list(&self, _: &str) -> Result<Vec<StoredFile>> {
        Ok(vec![self.file.clone()])
    }

    fn is_folder(&self, _: &str) -> Result<bool> {
        Ok(false)
    }

    fn open(&self, _: &StoredFile) -> Result<Arc<dyn ReadAt>> {
        Ok(Arc::clone(&self.opened))
    }
}
