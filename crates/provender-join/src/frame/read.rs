//! Reads a frame from Parquet, CSV, JSON or Arrow IPC.

use super::{EVENT_COLUMN, FileType, Frame, ipc, json, utf8};
use crate::ahead::Ahead;
use crate::columns::Columns;
use crate::instants::{instants, is_text};
use crate::reader::{Chunk, Pick};
use crate::source::{Format, Source, SourceSpec};
use crate::storage::{Places, Positioned, ReadAt, Storage, StoredFile, unreadable};
use crate::threads;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema, SchemaRef};
use provender_core::offline::RowBatches;
use provender_core::{Error, RequestContext, Result, timestamp_type};
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Reads a whole file, or object if the path is the URL of one; its name's ending says whether it is Parquet (`.parquet`), CSV (`.csv`), a JSON array (`.json`), JSON lines
/// (`.jsonl`), or Arrow IPC as a file or a stream (`.arrow`, `.feather`, `.ipc`, `.arrows`).
///
/// Types of CSV and JSON columns are inferred from all rows; text that is an ISO date and time in all rows becomes a timestamp. A text column
/// `event_timestamp` is parsed, in any format. Times without zone are UTC.
///
/// # Errors
/// `NotFound`, `Denied` or `Unavailable` as the disk says; `Invalid` if the file is not of its format or empty, naming it.
pub fn read(path: impl AsRef<Path>) -> Result<Frame> {
    let FrameReader { schema, batches } = open(path)?;
    Ok(Frame { schema, batches: batches.collect::<Result<_>>()? })
}

/// A file that is being read batch by batch.
pub struct FrameReader {
    /// Columns of all batches.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: RowBatches<'static>,
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Opens a file as [`read`] does, to take its rows batch by batch. JSON is in memory as a whole; the other formats never are.
///
/// # Errors
/// Those of [`read`], some of them only with the batch in which they lie.
pub fn open(path: impl AsRef<Path>) -> Result<FrameReader> {
    open_with(path.as_ref(), 1)
}

/// As [`open`]; row groups of Parquet are read ahead, as many at once as the machine has cores.
///
/// # Errors
/// Those of [`open`].
pub fn open_ahead(path: impl AsRef<Path>) -> Result<FrameReader> {
    open_with(path.as_ref(), threads::available())
}

fn open_with(path: &Path, threads: usize) -> Result<FrameReader> {
    let named =
        |error: Error| if error.get("file").is_some() { error } else { error.with("file", path.display()) };
    let rows = match FileType::of(path)? {
        FileType::Parquet => open_source(path, Format::Parquet, threads)?,
        FileType::Csv => open_source(path, Format::Csv, threads)?,
        FileType::Arrow => ipc::open(open_file(path)?).map_err(named)?,
        FileType::Json | FileType::JsonLines => {
            let mut bytes = Vec::new();
            let read = Positioned::new(open_file(path)?).read_to_end(&mut bytes);
            read.map_err(|e| named(unreadable(e)))?;
            json::read(&bytes).map_err(named)?.into()
        }
    };
    let mut rows = parse_event_column(rows);
    let file = path.display().to_string();
    rows.batches = Box::new(rows.batches.map(move |batch| {
        batch.map_err(|e| if e.get("file").is_some() { e } else { e.with("file", &file) })
    }));
    Ok(rows)
}

impl From<Frame> for FrameReader {
    fn from(frame: Frame) -> Self {
        Self { schema: frame.schema, batches: Box::new(frame.batches.into_iter().map(Ok)) }
    }
}

/// Reads a JSON array of objects, or an object a line, from memory; types as [`read`] infers them.
///
/// # Errors
/// `Invalid` if it is neither.
pub fn read_json(bytes: &[u8]) -> Result<Frame> {
    let FrameReader { schema, batches } = parse_event_column(json::read(bytes)?.into());
    Ok(Frame { schema, batches: batches.collect::<Result<_>>()? })
}

/// Opens the one file that a path means.
fn open_file(path: &Path) -> Result<Arc<dyn ReadAt>> {
    let places = Places::default();
    places.open(&the_file(&places, utf8(path)?)?)
}

/// The one file that a path means, which is neither a folder nor empty.
fn the_file(places: &Places, path: &str) -> Result<StoredFile> {
    match &places.list(path)?[..] {
        [file] if file.path == path && file.size == 0 => {
            Err(Error::invalid("the file is empty").with("file", path))
        }
        [file] if file.path == path => Ok(file.clone()),
        _ => Err(Error::invalid("not a file but a folder").with("file", path)),
    }
}

fn open_source(path: &Path, format: Format, threads: usize) -> Result<FrameReader> {
    let text = utf8(path)?;
    the_file(&Places::default(), text)?;
    let source = Arc::new(Source::open(&SourceSpec::new(text, text, format), &RequestContext::local())?);
    let schema = Arc::clone(source.schema());
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let columns = Arc::new(Columns::find(&source, &names, names.len())?);
    let batch_schema = Arc::clone(&schema);
    let units = 0..source.units().len();
    let batch =
        move |chunk: Result<Chunk>| Ok(RecordBatch::try_new(Arc::clone(&batch_schema), chunk?.columns)?);
    let batches: RowBatches<'static> = if threads.min(units.len()) > 1 {
        let read = move |unit, give: &mut dyn FnMut(RecordBatch) -> bool| {
            for chunk in source.read(unit, &columns, Pick::All)? {
                if !give(batch(chunk)?) {
                    break;
                }
            }
            Ok(())
        };
        Box::new(Ahead::new(units, threads, read))
    } else {
        let chunks = units.flat_map(move |unit| match source.read(unit, &columns, Pick::All) {
            Ok(chunks) => Box::new(chunks) as Box<dyn Iterator<Item = Result<Chunk>> + Send>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        });
        Box::new(chunks.map(batch))
    };
    Ok(FrameReader { schema, batches })
}

/// Text in the column of the rows' time is parsed, as Feast's DuckDB engine does.
fn parse_event_column(rows: FrameReader) -> FrameReader {
    let Some((index, field)) = rows.schema.column_with_name(EVENT_COLUMN) else { return rows };
    if !is_text(field.data_type()) {
        return rows;
    }
    let schema = with_type(&rows.schema, index);
    let batch_schema = Arc::clone(&schema);
    let parse = move |batch: Result<RecordBatch>| {
        with_instants(&batch?, &batch_schema, index).map_err(|e| e.with("column", EVENT_COLUMN))
    };
    FrameReader { schema, batches: Box::new(rows.batches.map(parse)) }
}

/// Replaces a column by its instants in UTC.
pub(super) fn into_instants(frame: &Frame, index: usize) -> Result<Frame> {
    let schema = with_type(&frame.schema, index);
    let convert = |batch: &RecordBatch| with_instants(batch, &schema, index);
    let batches = frame.batches.iter().map(convert).collect::<Result<_>>()?;
    Ok(Frame { schema, batches })
}

fn with_instants(batch: &RecordBatch, schema: &SchemaRef, index: usize) -> Result<RecordBatch> {
    let mut columns = batch.columns().to_vec();
    columns[index] = Arc::new(instants(&columns[index])?.with_timezone("UTC")) as ArrayRef;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn with_type(schema: &Schema, index: usize) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(i, field)| match i == index {
        true => Arc::new(Field::new(field.name(), timestamp_type(), true)),
        false => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
