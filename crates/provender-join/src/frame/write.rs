//! Writes a frame as Parquet, CSV or JSON, aside and then renamed, so that no reader sees half a file.

use super::parquet_writer::ParquetWriter;
use super::{FileType, is_flat};
use crate::storage::write_aside;
use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_json::writer::{JsonArray, JsonFormat, LineDelimited, WriterBuilder};
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, SchemaRef};
use provender_core::{Error, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Writes batches to a file; its name's ending says how, as for [`super::read`]. Parquet is compressed with Snappy. Answers the number of rows.
///
/// # Errors
/// The first error among the batches; `Invalid` if the format cannot hold a column; `Denied` or `Unavailable` as the disk says. No file is left then,
/// and one that was there stays as it was.
pub fn write(
    path: impl AsRef<Path>,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch>>,
) -> Result<u64> {
    let path = path.as_ref();
    let file_type = FileType::of(path)?;
    write_aside(path, |file| {
        let file = BufWriter::with_capacity(1 << 20, file);
        let mut writer = FrameWriter::new(file_type, file, schema)?;
        let mut rows = 0;
        for batch in batches {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        writer.finish()?;
        Ok(rows)
    })
    .map_err(|error| if error.get("file").is_some() { error } else { error.with("file", path.display()) })
}

enum FrameWriter<'a> {
    Parquet(Box<ParquetWriter<BufWriter<&'a File>>>),
    Csv(arrow_csv::Writer<BufWriter<&'a File>>, SchemaRef),
    Json(Json<'a, JsonArray>),
    JsonLines(Json<'a, LineDelimited>),
}

struct Json<'a, F: JsonFormat> {
    writer: arrow_json::Writer<BufWriter<&'a File>, F>,
    schema: SchemaRef,
}

impl<'a, F: JsonFormat> Json<'a, F> {
    fn new(file: BufWriter<&'a File>, schema: SchemaRef) -> Self {
        Self { writer: WriterBuilder::new().with_explicit_nulls(true).build(file), schema }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(&printable(batch, &self.schema)?).map_err(failed)
    }

    fn finish(mut self) -> Result<()> {
        self.writer.finish().map_err(failed)?;
        flush(self.writer.into_inner())
    }
}

impl<'a> FrameWriter<'a> {
    fn new(file_type: FileType, file: BufWriter<&'a File>, schema: &SchemaRef) -> Result<Self> {
        Ok(match file_type {
            FileType::Parquet => Self::Parquet(Box::new(ParquetWriter::new(file, schema)?)),
            FileType::Csv => {
                is_flat(schema)?;
                let mut writer = arrow_csv::WriterBuilder::new().with_header(true).build(file);
                let schema = printable_schema(schema);
                // The header is written also when no batch comes.
                writer.write(&RecordBatch::new_empty(Arc::clone(&schema))).map_err(failed)?;
                Self::Csv(writer, schema)
            }
            FileType::Json => Self::Json(Json::new(file, printable_schema(schema))),
            FileType::JsonLines => Self::JsonLines(Json::new(file, printable_schema(schema))),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.write(batch),
            Self::Csv(writer, schema) => writer.write(&printable(batch, schema)?).map_err(failed),
            Self::Json(writer) => writer.write(batch),
            Self::JsonLines(writer) => writer.write(batch),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.finish(),
            Self::Csv(writer, _) => flush(writer.into_inner()),
            Self::Json(writer) => writer.finish(),
            Self::JsonLines(writer) => writer.finish(),
        }
    }
}

fn flush(mut file: BufWriter<&File>) -> Result<()> {
    file.flush().map_err(|e| failed(ArrowError::from(e)))
}

fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, cause) => Error::unavailable("cannot write the file").because(cause),
        other => other.into(),
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
