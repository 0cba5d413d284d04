//! CSV files with a header line, types inferred from all rows.

use crate::reader::Pick;
use crate::source::Body;
use crate::storage::{ReadAt, Sequential, StoredFile, unreadable};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_csv::ReaderBuilder;
use arrow_csv::reader::Format;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::take::take_record_batch;
use provender_core::{Error, Result};
use std::io::{BufReader, Read};
use std::sync::Arc;

const BATCH_ROWS: usize = 8 << 10;
const READ_BYTES: usize = 1 << 20;

/// A CSV file that has been read once, for its types and number of rows.
#[derive(Debug)]
pub(crate) struct CsvFile {
    schema: SchemaRef,
    rows: u64,
}

impl CsvFile {
    /// Infers the type of each column from all rows; one that is empty throughout has type `Null`.
    ///
    /// # Errors
    /// `Invalid` if it is no CSV file with a header line.
    pub(crate) fn infer(file: Arc<dyn ReadAt>) -> Result<Self> {
        let format = Format::default().with_header(true);
        let (schema, rows) = format.infer_schema(open(file)?, None).map_err(malformed)?;
        if schema.fields().is_empty() {
            return Err(Error::invalid("the CSV file is empty").with("expected", "a line with column names"));
        }
        Ok(Self { schema: Arc::new(schema), rows: rows as u64 })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Reads some columns of some rows.
    pub(crate) fn read(
        &self,
        file: Arc<dyn ReadAt>,
        columns: &[usize],
        rows: Pick<'_>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let builder = ReaderBuilder::new(Arc::clone(&self.schema))
            .with_header(true)
            .with_batch_size(BATCH_ROWS)
            .with_projection(columns.to_vec());
        let reader =
            builder.build_buffered(BufReader::with_capacity(READ_BYTES, open(file)?)).map_err(malformed)?;
        let wanted = match rows {
            Pick::All => None,
            Pick::Ranges(ranges) => Some(ranges.iter().cloned().flatten().collect::<Vec<u32>>()),
            Pick::Rows(rows) => Some(rows.to_vec()),
        };
        let (mut first, mut taken) = (0, 0);
        Ok(reader.map(move |batch| {
            let batch = batch.map_err(malformed)?;
            let range = first..first + batch.num_rows() as u32;
            first = range.end;
            let Some(wanted) = &wanted else { return Ok(batch) };
            let left = &wanted[taken..];
            let here = &left[..left.partition_point(|row| *row < range.end)];
            taken += here.len();
            let here = UInt32Array::from_iter_values(here.iter().map(|row| row - range.start));
            Ok(take_record_batch(&batch, &here)?)
        }))
    }
}

/// Opens the file behind its byte order mark, if it has one.
fn open(file: Arc<dyn ReadAt>) -> Result<Sequential> {
    let mut mark = Vec::new();
    let start = Sequential::new(Arc::clone(&file), 0, 3);
    start.take(3).read_to_end(&mut mark).map_err(unreadable)?;
    let offset = if mark == *b"\xef\xbb\xbf" { 3 } else { 0 };
    Ok(Sequential::new(file, offset, READ_BYTES))
}

fn malformed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, cause) => unreadable(cause),
        other => Error::invalid("not a readable CSV file").because(other),
    }
}

/// Gives the columns of several CSV files the types that hold all their values. Columns of nothing become text.
///
/// # Errors
/// `Invalid` naming file and column if no type but text would hold both.
pub(crate) fn unify(bodies: &mut [Body], files: &[StoredFile], text_columns: &[String]) -> Result<()> {
    let mut merged: Vec<(String, DataType)> = Vec::new();
    for (body, stored) in bodies.iter().zip(files) {
        let Body::Csv(file) = body else { continue };
        for field in file.schema.fields() {
            let Some((_, held)) = merged.iter_mut().find(|(name, _)| name == field.name()) else {
                merged.push((field.name().clone(), field.data_type().clone()));
                continue;
            };
            *held = wider(held, field.data_type()).ok_or_else(|| {
                Error::invalid("the schema differs between files")
                    .with("file", &stored.path)
                    .with("column", field.name())
                    .with("type", field.data_type())
                    .with("expected", &*held)
            })?;
        }
    }
    let final_type = |field: &Field| match merged.iter().find(|(name, _)| name == field.name()) {
        Some((name, data_type)) if *data_type != DataType::Null && !text_columns.contains(name) => {
            data_type.clone()
        }
        _ => DataType::Utf8,
    };
    for body in bodies {
        let Body::Csv(file) = body else { continue };
        let fields =
            file.schema.fields().iter().map(|field| Field::new(field.name(), final_type(field), true));
        file.schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    }
    Ok(())
}

fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as D;
    Some(match (a, b) {
        (a, b) if a == b => a.clone(),
        (D::Null, other) | (other, D::Null) => other.clone(),
        (D::Int64, D::Float64) | (D::Float64, D::Int64) => D::Float64,
        (D::Timestamp(unit, None), D::Date32) | (D::Date32, D::Timestamp(unit, None)) => {
            D::Timestamp(*unit, None)
        }
        (D::Timestamp(a, None), D::Timestamp(b, None)) => D::Timestamp(finer(*a, *b), None),
        _ => return None,
    })
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    let digits = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    if digits(&a) >= digits(&b) { a } else { b }
}
