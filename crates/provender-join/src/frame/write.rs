//! Writes a frame as Parquet, CSV, JSON or Arrow IPC, to local disk or an object store; no reader ever sees half a file.

use super::parquet_writer::ParquetWriter;
use super::{FileType, utf8};
use crate::storage::{Places, unwritable};
use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_json::writer::{JsonArray, JsonFormat, LineDelimited, WriterBuilder};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, SchemaRef};
use provender_core::{Error, Result};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Writes batches to a file, or to an object if the path is the URL of one; its name's ending says how, as for [`super::read`]. Parquet is compressed with Snappy. Answers the number of rows.
///
/// # Errors
/// The first error among the batches; `Invalid` if the format cannot hold a column; `Denied` or `Unavailable` as the disk says. No file is left then,
/// and one that was there stays as it was.
pub fn write(
    path: impl AsRef<Path>,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
) -> Result<u64> {
    write_with(path, schema, batches, &WriteOptions::default())
}

/// How to write a file.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// Where paths and URLs lead.
    pub places: Places,
    /// Bytes that the writer may hold; `None` for as many as are good for the file.
    pub memory: Option<u64>,
}

/// [`write()`] with options.
///
/// # Errors
/// Those of [`write()`].
pub fn write_with(
    path: impl AsRef<Path>,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
    options: &WriteOptions,
) -> Result<u64> {
    let path = path.as_ref();
    let file_type = FileType::of(path)?;
    options
        .places
        .write(utf8(path)?, |file| {
            let mut file = Noting { file, failure: None };
            let sink = sink(file_type, &mut file, schema, options.memory);
            let written = sink.and_then(|sink| write_all(sink, batches));
            match file.failure {
                Some(failure) if written.is_err() => Err(unwritable(failure)),
                _ => written,
            }
        })
        .map_err(|error| if error.get("file").is_some() { error } else { error.with("file", path.display()) })
}

fn write_all(
    mut sink: Box<dyn Sink + '_>,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
) -> Result<u64> {
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        sink.write(&batch)?;
    }
    sink.finish()?;
    Ok(rows)
}

/// Keeps the first failure of a file, of which the writers of some formats tell no more than the text.
struct Noting<'a> {
    file: Output<'a>,
    failure: Option<io::Error>,
}

impl Noting<'_> {
    fn noted<T>(&mut self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            self.failure.get_or_insert(error);
            told
        })
    }
}

impl Write for Noting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = self.file.write(bytes);
        self.noted(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.file.flush();
        self.noted(outcome)
    }
}

/// Where the bytes of a file go.
type Output<'a> = &'a mut (dyn Write + Send);

/// A file being written in one of the formats.
trait Sink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

fn sink<'a>(
    file_type: FileType,
    file: Output<'a>,
    schema: &SchemaRef,
    memory: Option<u64>,
) -> Result<Box<dyn Sink + 'a>> {
    Ok(match file_type {
        FileType::Parquet => Box::new(ParquetWriter::new(file, schema, memory)?),
        FileType::Csv => Box::new(Csv::new(file, schema)?),
        FileType::Json => Box::new(Json::<JsonArray>::new(file, schema)),
        FileType::JsonLines => Box::new(Json::<LineDelimited>::new(file, schema)),
        FileType::Arrow => Box::new(Arrow::new(file, schema)?),
    })
}

impl Sink for ParquetWriter<Output<'_>> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.write(batch)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        (*self).finish()
    }
}

struct Csv<'a> {
    writer: arrow_csv::Writer<Output<'a>>,
    schema: SchemaRef,
}

impl<'a> Csv<'a> {
    fn new(file: Output<'a>, schema: &SchemaRef) -> Result<Self> {
        check_flat(schema)?;
        let schema = printable_schema(schema);
        let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(file);
        // The header is written also when no batch comes.
        writer.write(&RecordBatch::new_empty(Arc::clone(&schema))).map_err(failed)?;
        Ok(Self { writer, schema })
    }
}

impl Sink for Csv<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(&printable(batch, &self.schema)?).map_err(failed)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        flush(self.writer.into_inner())
    }
}

struct Json<'a, F: JsonFormat> {
    writer: arrow_json::Writer<Output<'a>, F>,
    schema: SchemaRef,
}

impl<'a, F: JsonFormat> Json<'a, F> {
    fn new(file: Output<'a>, schema: &SchemaRef) -> Self {
        let writer = WriterBuilder::new().with_explicit_nulls(true).build(file);
        Self { writer, schema: printable_schema(schema) }
    }
}

impl<F: JsonFormat> Sink for Json<'_, F> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(&printable(batch, &self.schema)?).map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(failed)?;
        flush(self.writer.into_inner())
    }
}

/// The file format, which every reader of Arrow knows.
struct Arrow<'a>(arrow_ipc::writer::FileWriter<Output<'a>>);

impl<'a> Arrow<'a> {
    fn new(file: Output<'a>, schema: &SchemaRef) -> Result<Self> {
        Ok(Self(arrow_ipc::writer::FileWriter::try_new(file, schema).map_err(failed)?))
    }
}

impl Sink for Arrow<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.0.write(batch).map_err(failed)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        flush(self.0.into_inner().map_err(failed)?)
    }
}

fn flush(file: Output<'_>) -> Result<()> {
    file.flush().map_err(unwritable)
}

fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, cause) => unwritable(cause),
        other => other.into(),
    }
}

fn check_flat(schema: &Schema) -> Result<()> {
    match schema.fields().iter().find(|field| field.data_type().is_nested()) {
        None => Ok(()),
        Some(field) => Err(Error::invalid("CSV cannot hold the column")
            .with("column", field.name())
            .with("type", field.data_type())
            .with("expected", "a file that ends with .parquet or .jsonl")),
    }
}

/// Arrow prints instants only in zones that are an offset: all are printed in UTC.
fn printable_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(printable_field).collect::<Vec<_>>()))
}

fn printable_field(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(printable_type(field.data_type())))
}

fn printable_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(item) => DataType::List(printable_field(item)),
        DataType::LargeList(item) => DataType::LargeList(printable_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(printable_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(printable_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(printable_field(entries), *sorted),
        other => other.clone(),
    }
}

fn printable(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
