//! Writes rows as the files of a table. They are part of it only once a commit names them.

use super::layout::Layout;
use super::partition::{self, Values};
use super::stats::Statistics;
use crate::place::TablePlace;
use arrow_array::RecordBatch;
use deltalake_core::logstore::LogStoreRef;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use provender_core::{Error, RequestContext, Result, Timestamp};
use provender_join::frame::{self, WriteOptions};
use provender_join::storage::{Storage, is_url};
use serde_json::{Map, Value, json};

/// A file that has been written.
#[derive(Clone, Debug)]
pub(crate) struct WrittenFile {
    /// Its place below the table, as it is stored.
    pub(crate) path: String,
    /// Its `add` action.
    pub(crate) add: Value,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Writes rows that have been fitted to a layout, one file a partition. Blocks. If it fails, `written` names the files that are there.
///
/// # Errors
/// Those of the place; `Unavailable` if the request was cancelled.
pub(crate) fn write(
    place: &TablePlace,
    layout: &Layout,
    fitted: &[RecordBatch],
    context: &RequestContext,
    written: &mut Vec<WrittenFile>,
) -> Result<()> {
    let mut parts: Vec<(Values, Vec<RecordBatch>)> = Vec::new();
    for batch in fitted.iter().filter(|batch| batch.num_rows() > 0) {
        for (values, rows) in partition::cut(batch, &layout.partitions)? {
            match parts.iter_mut().find(|(known, _)| *known == values) {
                Some((_, batches)) => batches.push(rows),
                None => parts.push((values, vec![rows])),
            }
        }
    }
    for (values, batches) in &parts {
        context.check()?;
        written.push(write_file(place, layout, values, batches)?);
    }
    Ok(())
}

fn write_file(
    place: &TablePlace,
    layout: &Layout,
    values: &[Option<String>],
    batches: &[RecordBatch],
) -> Result<WrittenFile> {
    let folder = partition::folder(&layout.partitions, values);
    let path = format!("{folder}{}", file_name());
    let full = format!("{}/{path}", place.path);
    if !is_url(&place.path) {
        let folder = format!("{}/{folder}", place.path);
        std::fs::create_dir_all(&folder).map_err(|e| Error::io(e, "make the folder", &folder))?;
    }
    let mut statistics = Statistics::new(layout);
    for batch in batches {
        statistics.add(batch)?;
    }
    let stored = batches.iter().map(|batch| Ok(batch.clone().with_schema(layout.stored.clone())?));
    let options = WriteOptions { places: place.places.clone(), ..WriteOptions::default() };
    frame::write_with(&full, &layout.stored, stored, &options)?;
    let bytes = place.places.list(&full)?.first().map_or(0, |file| file.size);
    let partition_values: Map<String, Value> = layout
        .partitions
        .iter()
        .zip(values)
        .map(|(column, value)| (column.stored.name().clone(), json!(value)))
        .collect();
    let add = json!({ "add": {
        "path": path.replace('%', "%25"),
        "partitionValues": partition_values,
        "size": bytes,
        "modificationTime": Timestamp::now().0 / 1_000,
        "dataChange": true,
        "stats": statistics.to_json(layout).to_string(),
    }});
    Ok(WrittenFile { path, add, rows: statistics.rows(), bytes })
}

/// A name that nobody else uses and that sorts by time: of files that were written in one millisecond the later is the later in path order, too.
fn file_name() -> String {
    format!("part-{:020}-{}.snappy.parquet", Timestamp::now().0, uuid::Uuid::new_v4())
}

/// Removes files that no commit names. What cannot be removed stays and does no harm: nobody reads it, and a VACUUM removes it.
pub(crate) async fn discard(log_store: &LogStoreRef, written: &[WrittenFile]) {
    let store = log_store.object_store(None);
    for file in written {
        if let Ok(path) = Path::parse(&file.path) {
            drop(store.delete(&path).await);
        }
    }
}
