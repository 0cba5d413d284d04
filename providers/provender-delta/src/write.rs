//! Writing: rows become files, and one commit makes them part of the table.

mod commit;
mod features;
mod files;
mod layout;
mod new_table;
mod partition;
mod save;
mod stats;

pub(crate) use save::save;

use crate::place::TablePlace;
use crate::table::Table;
use crate::travel::At;
use arrow_array::RecordBatch;
use commit::Operation;
use deltalake_core::kernel::Snapshot;
use files::{WrittenFile, discard};
use layout::Layout;
use provender_core::offline::AppendRequest;
use provender_core::{Error, Kind, RequestContext, Result};
use serde_json::Value;

/// Versions between two checkpoints, where the table says nothing.
const CHECKPOINT_INTERVAL: u64 = 100;

/// Adds the rows of a request to a table, in one commit; answers how many they are. Must run inside [`provender_join::storage::run`].
///
/// # Errors
/// `NotFound` if there is no table; `Unsupported` naming a feature of the table that this build does not write; `Invalid` naming the table and a missing, unknown or
/// ill-typed column; `Conflict` if the table's columns were changed meanwhile. Nothing is added then.
pub(crate) async fn append(place: TablePlace, request: AppendRequest) -> Result<u64> {
    let named = |error: Error| named(error, &place).with("source", &request.source.name);
    let table = Box::pin(Table::open(&place, At::Newest)).await.map_err(named)?;
    let layout = Layout::of(&table.snapshot).map_err(named)?;
    let fitted =
        request.batches.iter().map(|batch| layout.fit(batch)).collect::<Result<Vec<_>>>().map_err(named)?;
    if fitted.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(0);
    }
    let mut written = Vec::new();
    if let Err(error) = write_files(&place, &layout, fitted, &request.context, &mut written).await {
        discard(&table.log_store, &written).await;
        return Err(named(error));
    }
    match Box::pin(add(&table, &layout, &written, &request.context)).await {
        Ok(()) => Ok(written.iter().map(|file| file.rows).sum()),
        Err(error) => {
            if is_certain(&error) {
                discard(&table.log_store, &written).await;
            }
            Err(named(error))
        }
    }
}

/// Commits files to a table as an append, however many others do so meanwhile.
async fn add(
    table: &Table,
    layout: &Layout,
    written: &[WrittenFile],
    context: &RequestContext,
) -> Result<()> {
    let actions: Vec<Value> = written.iter().map(|file| file.add.clone()).collect();
    let operation = operation("Append", layout, written);
    let mut table = table.clone();
    loop {
        let lines = operation.lines(Some(table.version()), &actions);
        let base = table.version();
        if let Some(version) = commit::append(&table.log_store, &table.place, base, &lines, context).await? {
            commit::checkpoint(&table.log_store, &table.place, version, interval(&table.snapshot)).await;
            return Ok(());
        }
        table = Box::pin(Table::open(&table.place, At::Newest)).await?;
        if Layout::of(&table.snapshot)? != *layout {
            return Err(Error::conflict("the table's columns were changed while rows were written to it"));
        }
    }
}

/// Writes files on a blocking thread.
async fn write_files(
    place: &TablePlace,
    layout: &Layout,
    fitted: Vec<RecordBatch>,
    context: &RequestContext,
    written: &mut Vec<WrittenFile>,
) -> Result<()> {
    let (place, layout, context) = (place.clone(), layout.clone(), context.clone());
    let work = move || {
        let mut written = Vec::new();
        let outcome = files::write(&place, &layout, &fitted, &context, &mut written);
        (written, outcome)
    };
    let ran = tokio::task::spawn_blocking(work).await;
    let (more, outcome) = ran.map_err(|e| Error::internal("a writing thread failed").because(e))?;
    written.extend(more);
    outcome
}

/// Whether a commit that failed in this way is known not to have happened. One that may have, as a put that was never answered, keeps its files.
fn is_certain(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::Conflict | Kind::AlreadyExists | Kind::Invalid | Kind::Unsupported | Kind::NotFound
    )
}

fn operation(mode: &'static str, layout: &Layout, written: &[WrittenFile]) -> Operation {
    Operation {
        mode,
        partition_by: layout.partitions.iter().map(|column| column.field.name().clone()).collect(),
        files: written.len(),
        bytes: written.iter().map(|file| file.bytes).sum(),
        rows: written.iter().map(|file| file.rows).sum(),
    }
}

fn interval(snapshot: &Snapshot) -> u64 {
    let setting = snapshot.metadata().configuration().get("delta.checkpointInterval");
    setting.and_then(|text| text.parse().ok()).unwrap_or(CHECKPOINT_INTERVAL)
}

fn named(error: Error, place: &TablePlace) -> Error {
    if error.get("table").is_some() { error } else { error.with("table", &place.path) }
}

#[cfg(test)]
mod tests;
