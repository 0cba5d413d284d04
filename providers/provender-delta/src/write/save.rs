//! Whole tables, such as training sets: written as they come, and part of the table in one commit.

use super::commit::{self, Attempt};
use super::files::{WrittenFile, discard};
use super::layout::Layout;
use super::new_table::NewTable;
use super::{add, is_certain, named, operation, write_files};
use crate::error::{Doing, failed};
use crate::place::TablePlace;
use crate::table::Table;
use crate::travel::At;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use deltalake_core::logstore::LogStoreRef;
use futures::{StreamExt, TryStreamExt};
use provender_core::offline::{SaveMode, SaveRequest};
use provender_core::{Error, Kind, RequestContext, Result};
use serde_json::{Value, json};

/// Bytes of rows that one file is made of, before they are compressed.
const FILE_BYTES: u64 = 128 << 20;
/// The part of the memory allowed that the rows of a file may fill: one in so many. They are held once as rows and once encoded.
const MEMORY_SHARE: u64 = 4;

/// What the rows become.
#[derive(Debug)]
enum Goal {
    /// A table where there is none.
    Create(NewTable),
    /// More rows of a table.
    Add(Box<Table>),
    /// The only rows of a table, which becomes a new one if its columns differ.
    Replace(Box<Table>, Option<NewTable>),
}

/// Writes rows as they come and commits them at once; answers how many they are. Must run inside [`provender_join::storage::run`].
///
/// # Errors
/// `AlreadyExists` if there is a table and the mode is to create one; `Invalid` naming a column that Delta cannot hold or that does not fit the table;
/// `Unsupported` naming a feature of the table that this build does not write; `Conflict` if the table was made or changed meanwhile; and whatever the stream of
/// rows says. The table is as it was then, or still not there.
pub(crate) async fn save(place: TablePlace, request: SaveRequest) -> Result<u64> {
    let told = |error: Error| named(error, &place);
    let log_store = place.log_store().await.map_err(told)?;
    let (goal, layout) = goal(&place, &request.schema, request.mode).await.map_err(told)?;
    let mut written = Vec::new();
    let context = request.context.clone();
    if let Err(error) = write_stream(&place, &layout, request, &mut written).await {
        discard(&log_store, &written).await;
        return Err(told(error));
    }
    match Box::pin(goal.commit(&place, &log_store, &layout, &written, &context)).await {
        Ok(()) => Ok(written.iter().map(|file| file.rows).sum()),
        Err(error) => {
            if is_certain(&error) {
                discard(&log_store, &written).await;
            }
            Err(told(error))
        }
    }
}

async fn goal(place: &TablePlace, schema: &SchemaRef, mode: SaveMode) -> Result<(Goal, Layout)> {
    let table = match Box::pin(Table::open(place, At::Newest)).await {
        Ok(table) => table,
        Err(error) if error.kind() == Kind::NotFound => {
            let new = NewTable::of(schema)?;
            let layout = new.layout()?;
            return Ok((Goal::Create(new), layout));
        }
        Err(error) => return Err(error),
    };
    let layout = Layout::of(&table.snapshot)?;
    match mode {
        SaveMode::Create => Err(exists()),
        SaveMode::Append => {
            layout.fit(&RecordBatch::new_empty(schema.clone()))?;
            Ok((Goal::Add(Box::new(table)), layout))
        }
        SaveMode::Overwrite => {
            check_replaceable(&table)?;
            let new = NewTable::of(schema)?;
            let new_layout = new.layout()?;
            if layout.has_columns_of(&new_layout) {
                return Ok((Goal::Replace(Box::new(table), None), layout));
            }
            if layout.is_mapped {
                return Err(Error::unsupported(
                    "the columns of a table with column mapping are not replaced",
                )
                .with("feature", "columnMapping")
                .with("expected", "a training set with the columns of the table"));
            }
            Ok((Goal::Replace(Box::new(table), Some(new)), new_layout))
        }
    }
}

fn exists() -> Error {
    Error::new(Kind::AlreadyExists, "there is a table already")
        .with("expected", "another place, or append or overwrite as mode")
}

fn check_replaceable(table: &Table) -> Result<()> {
    if super::features::is_on(table.snapshot.metadata(), "delta.appendOnly") {
        return Err(Error::unsupported("the rows of a table that is append-only are not replaced")
            .with("feature", "appendOnly"));
    }
    Ok(())
}

/// Gathers rows until they fill a file, writes it, and begins anew.
async fn write_stream(
    place: &TablePlace,
    layout: &Layout,
    mut request: SaveRequest,
    written: &mut Vec<WrittenFile>,
) -> Result<()> {
    let bound = request.max_memory.map_or(FILE_BYTES, |bytes| FILE_BYTES.min(bytes / MEMORY_SHARE));
    let (mut held, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = request.batches.try_next().await? {
        request.context.check()?;
        let fitted = layout.fit(&batch)?;
        bytes += size(&fitted);
        held.push(fitted);
        if bytes >= bound {
            write_files(place, layout, std::mem::take(&mut held), &request.context, written).await?;
            bytes = 0;
        }
    }
    write_files(place, layout, held, &request.context, written).await
}

/// Bytes of the rows of a batch, which may be a part of larger arrays.
fn size(batch: &RecordBatch) -> u64 {
    let size = |column: &ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()) as u64
    };
    batch.columns().iter().map(size).sum()
}

impl Goal {
    async fn commit(
        self,
        place: &TablePlace,
        log_store: &LogStoreRef,
        layout: &Layout,
        written: &[WrittenFile],
        context: &RequestContext,
    ) -> Result<()> {
        match self {
            Self::Add(table) => add(&table, layout, written, context).await,
            Self::Create(new) => {
                let mut actions = new.actions(None)?;
                actions.extend(written.iter().map(|file| file.add.clone()));
                let lines = operation("ErrorIfExists", layout, written).lines(None, &actions);
                match commit::attempt(log_store, place, 0, &lines).await? {
                    Attempt::Won => Ok(()),
                    Attempt::Lost(_) => Err(exists()),
                }
            }
            Self::Replace(table, new) => replace(*table, new, layout, written, context).await,
        }
    }
}

/// Commits files as the only ones of a table. Whatever else is committed meanwhile is replaced, too, unless it changed what the table is.
async fn replace(
    mut table: Table,
    new: Option<NewTable>,
    layout: &Layout,
    written: &[WrittenFile],
    context: &RequestContext,
) -> Result<()> {
    let operation = operation("Overwrite", layout, written);
    loop {
        context.check()?;
        let mut actions = match &new {
            Some(new) => new.actions(Some(&table.snapshot))?,
            None => Vec::new(),
        };
        actions.extend(removals(&table).await?);
        actions.extend(written.iter().map(|file| file.add.clone()));
        let version = table.version() + 1;
        let lines = operation.lines(Some(table.version()), &actions);
        match commit::attempt(&table.log_store, &table.place, version, &lines).await? {
            Attempt::Won => {
                commit::checkpoint(&table.log_store, &table.place, version, super::interval(&table.snapshot))
                    .await;
                return Ok(());
            }
            Attempt::Lost(theirs) if commit::changes_table(&theirs) => {
                return Err(Error::conflict(
                    "the table's columns were changed while rows were written to it",
                ));
            }
            Attempt::Lost(_) => table = Box::pin(Table::open(&table.place, At::Newest)).await?,
        }
    }
}

/// The `remove` actions of all files of a table.
async fn removals(table: &Table) -> Result<Vec<Value>> {
    let views = table.snapshot.file_views(&table.log_store, None);
    let actions = views.map(|view| {
        let view = view.map_err(|e| failed(&e, Doing::Open, &table.place.path))?;
        let remove = serde_json::to_value(view.remove_action(true));
        let remove =
            remove.map_err(|e| Error::internal("a file of the table cannot be removed").because(e))?;
        Ok(json!({ "remove": remove }))
    });
    actions.try_collect().await
}
