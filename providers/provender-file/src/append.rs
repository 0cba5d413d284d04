//! Appending: a new Parquet file beside the others, never a rewrite of what is there.

use crate::place::{Found, Place, is_glob, refuse};
use arrow_array::RecordBatch;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::SchemaRef;
use provender_core::offline::AppendRequest;
use provender_core::{Error, Result, Timestamp};
use provender_join::frame::{self, WriteOptions};
use provender_join::storage::is_url;
use provender_join::{Format, Source};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes the rows of a request as one new file; answers how many they are.
pub(crate) fn append(place: &Place, request: &AppendRequest) -> Result<u64> {
    let source = &request.source;
    if place.format != Format::Parquet {
        return Err(refuse(source, "rows can be appended to Parquet sources only"));
    }
    let opened = Source::open(&place.spec(&source.name, Vec::new())?, &request.context)?;
    if let Some(column) = opened.partition_columns().next() {
        return Err(refuse(source, "rows cannot be appended to a partitioned folder")
            .with("partition column", column));
    }
    let schema = opened.schema();
    let fit = |batch: &RecordBatch| fit(batch, schema).map_err(|error| error.with("source", &source.name));
    let batches = request.batches.iter().map(fit).collect::<Result<Vec<_>>>()?;
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(0);
    }
    let folder = folder(place)?.ok_or_else(|| {
        refuse(
            source,
            "rows can be appended to a file, a folder, or a glob whose only wildcard is a file name's `*`",
        )
    })?;
    if !is_url(&folder) {
        std::fs::create_dir_all(&folder).map_err(|e| Error::io(e, "make the folder", &folder))?;
    }
    let options = WriteOptions { places: place.places.clone(), ..WriteOptions::default() };
    let path = format!("{}/{}", folder.trim_end_matches('/'), file_name());
    frame::write_with(path, schema, batches.into_iter().map(Ok), &options)
}

/// The rows with the source's columns, in its order and of its types.
fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let there = batch.schema();
    if let Some(unknown) = there.fields().iter().find(|f| schema.field_with_name(f.name()).is_err()) {
        return Err(Error::invalid("the source has no such column")
            .with("column", unknown.name())
            .with("expected", names(schema)));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).ok_or_else(|| {
            Error::invalid("a column of the source is missing")
                .with("column", field.name())
                .with("expected", names(schema))
        })?;
        cast_with_options(column, field.data_type(), &options).map_err(|cause| {
            Error::invalid("a column is of another type than the source's")
                .with("column", field.name())
                .with("type", column.data_type())
                .with("expected", field.data_type())
                .because(cause)
        })
    });
    Ok(RecordBatch::try_new(schema.clone(), columns.collect::<Result<_>>()?)?)
}

fn names(schema: &SchemaRef) -> String {
    schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ")
}

/// The folder that a new file goes into; `None` if no new file there would be read.
fn folder(place: &Place) -> Result<Option<String>> {
    Ok(match place.found()? {
        Found::Folder => Some(place.path.clone()),
        Found::File => Some(place.beside()),
        Found::Nothing => {
            let split = place.path.rsplit_once('/').filter(|(folder, _)| !is_glob(folder));
            split.filter(|(_, name)| matches!(*name, "*" | "*.parquet")).map(|(folder, _)| folder.to_owned())
        }
    })
}

/// A name that no other process or thread uses and that sorts after names given by people: of equal rows the appended one is later.
fn file_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("zz-appended-{:020}-{}-{count}.parquet", Timestamp::now().0, std::process::id())
}

#[cfg(test)]
mod tests;
