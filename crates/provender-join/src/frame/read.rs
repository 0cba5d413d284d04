//! Reads a frame from Parquet, CSV or JSON.

use super::{EVENT_COLUMN, FileType, Frame, json};
use crate::columns::Columns;
use crate::instants::{instants, is_text};
use crate::source::{Format, Source, SourceSpec};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use provender_core::{Error, RequestContext, Result, timestamp_type};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Reads a whole file; its name's ending says whether it is Parquet (`.parquet`), CSV (`.csv`), a JSON array (`.json`) or JSON lines (`.jsonl`).
///
/// Types of CSV and JSON columns are inferred from all rows; text that is an ISO date and time in all rows becomes a timestamp. A text column
/// `event_timestamp` is parsed, in any format. Times without zone are UTC.
///
/// # Errors
/// `NotFound`, `Denied` or `Unavailable` as the disk says; `Invalid` if the file is not of its format or empty, naming it.
pub fn read(path: impl AsRef<Path>) -> Result<Frame> {
    let path = path.as_ref();
    let file_type = FileType::of(path)?;
    let frame = match file_type {
        FileType::Parquet => read_source(path, Format::Parquet)?,
        FileType::Csv => read_source(path, Format::Csv)?,
        FileType::Json | FileType::JsonLines => {
            let bytes = fs::read(path).map_err(|e| Error::io(e, "read", path))?;
            read_json(&bytes).map_err(|e| e.with("file", path.display()))?
        }
    };
    parse_event_column(frame).map_err(|e| e.with("file", path.display()))
}

/// Reads a JSON array of objects, or an object a line, from memory; types as [`read`] infers them.
///
/// # Errors
/// `Invalid` if it is neither.
pub fn read_json(bytes: &[u8]) -> Result<Frame> {
    parse_event_column(json::read(bytes)?)
}

fn read_source(path: &Path, format: Format) -> Result<Frame> {
    let text = path
        .to_str()
        .ok_or_else(|| Error::invalid("the file's name is not UTF-8").with("file", path.display()))?;
    let metadata = fs::metadata(path).map_err(|e| Error::io(e, "read", path))?;
    if metadata.is_dir() {
        return Err(Error::invalid("not a file but a folder").with("file", path.display()));
    }
    if metadata.len() == 0 {
        return Err(Error::invalid("the file is empty").with("file", path.display()));
    }
    let source = Arc::new(Source::open(&SourceSpec::new(text, text, format), &RequestContext::local())?);
    let schema = Arc::clone(source.schema());
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let columns = Arc::new(Columns::find(&source, &names, names.len())?);
    let mut batches = Vec::new();
    for unit in 0..source.units().len() {
        for chunk in source.read(unit, &columns, None)? {
            batches.push(RecordBatch::try_new(Arc::clone(&schema), chunk?.columns)?);
        }
    }
    Ok(Frame { schema, batches })
}

/// Text in the column of the rows' time is parsed, as Feast's DuckDB engine does.
fn parse_event_column(frame: Frame) -> Result<Frame> {
    match frame.schema.column_with_name(EVENT_COLUMN) {
        Some((index, field)) if is_text(field.data_type()) => {
            into_instants(frame, index).map_err(|e| e.with("column", EVENT_COLUMN))
        }
        _ => Ok(frame),
    }
}

/// Replaces a column by its instants in UTC.
pub(super) fn into_instants(frame: Frame, index: usize) -> Result<Frame> {
    let schema = with_type(&frame.schema, index);
    let convert = |batch: RecordBatch| {
        let mut columns = batch.columns().to_vec();
        let times = instants(&columns[index])?.with_timezone("UTC");
        columns[index] = Arc::new(times) as ArrayRef;
        Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
    };
    let batches = frame.batches.into_iter().map(convert).collect::<Result<_>>()?;
    Ok(Frame { schema, batches })
}

fn with_type(schema: &Schema, index: usize) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(i, field)| match i == index {
        true => Arc::new(Field::new(field.name(), timestamp_type(), true)),
        false => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
