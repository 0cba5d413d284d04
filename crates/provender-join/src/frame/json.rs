//! JSON arrays and JSON lines as frames.

mod rows;

use super::Frame;
use super::read::into_instants;
use crate::instants::is_text;
use arrow_array::cast::AsArray;
use arrow_json::ReaderBuilder;
use arrow_json::reader::infer_json_schema_from_iterator;
use arrow_schema::{ArrowError, DataType, Field, Schema};
use provender_core::{Error, Result, Timestamp};
use serde_json::Value;
use std::sync::Arc;

const BATCH_ROWS: usize = 16 << 10;

/// Reads a JSON array of objects, or objects that follow each other.
pub(super) fn read(bytes: &[u8]) -> Result<Frame> {
    let (rows, names) = rows(bytes)?;
    let inferred =
        infer_json_schema_from_iterator(rows.iter().map(Ok::<_, ArrowError>)).map_err(malformed)?;
    let schema = Arc::new(without_nulls(&in_order(&inferred, &names)?));
    let mut batches = Vec::with_capacity(rows.len().div_ceil(BATCH_ROWS));
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
        .with_batch_size(BATCH_ROWS)
        .build_decoder()
        .map_err(malformed)?;
    for rows in rows.chunks(BATCH_ROWS) {
        decoder.serialize(rows).map_err(malformed)?;
        batches.extend(decoder.flush().map_err(malformed)?);
    }
    recognise_times(Frame { schema, batches })
}

/// The rows, and the names of their columns as they first appear.
fn rows(bytes: &[u8]) -> Result<(Vec<Value>, Vec<String>)> {
    let (rows, names) = rows::parse(bytes).map_err(|e| {
        Error::invalid("not readable JSON").with("at", format!("line {}", e.line())).because(e)
    })?;
    match rows.iter().position(|row| !row.is_object()) {
        Some(row) => Err(Error::invalid("a row is not a JSON object")
            .with("row", row + 1)
            .with("expected", "an array of objects, or an object a line")),
        None if rows.is_empty() => {
            Err(Error::invalid("there are no rows")
                .with("expected", "an array of objects, or an object a line"))
        }
        None => Ok((rows, names)),
    }
}

fn malformed(error: ArrowError) -> Error {
    Error::invalid("the JSON rows do not make a table").because(error)
}

/// The inferred columns come in no order of their own.
fn in_order(schema: &Schema, names: &[String]) -> Result<Schema> {
    let columns: Vec<_> = names.iter().filter_map(|name| schema.index_of(name).ok()).collect();
    schema.project(&columns).map_err(malformed)
}

/// Columns of nothing but nulls become text.
fn without_nulls(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Null => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        _ => Arc::clone(field),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// Makes timestamps of text columns that hold an ISO date and time in every row that is not null.
fn recognise_times(mut frame: Frame) -> Result<Frame> {
    for index in 0..frame.schema.fields().len() {
        if is_text(frame.schema.field(index).data_type()) && all_times(&frame, index) {
            frame = into_instants(&frame, index)?;
        }
    }
    Ok(frame)
}

fn all_times(frame: &Frame, index: usize) -> bool {
    let columns = frame.batches.iter().map(|batch| batch.column(index).as_string::<i32>());
    let mut texts = columns.flat_map(|column| column.iter().flatten()).peekable();
    // A date alone stays text: it may be an identifier.
    texts.peek().is_some()
        && texts.all(|text| text.len() > "2026-01-31".len() && Timestamp::parse(text).is_ok())
}
