//! Writes Parquet with the columns of a row group encoded by several threads.

use crate::storage::unwritable;
use crate::threads;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use provender_core::{Error, RequestContext, Result};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Rows of a row group, which stays in memory, encoded, until it is complete.
const ROW_GROUP_ROWS: usize = 128 << 10;
/// Encoded bytes at which a row group is closed early, at most.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// Rows of a batch below which threads cost more than they save.
const PARALLEL_ROWS: usize = 4 << 10;

/// Writes one file, row group by row group.
pub(super) struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The open row group: the writers of each field's leaves.
    columns: Vec<Mutex<Vec<ArrowColumnWriter>>>,
    rows: usize,
    /// Encoded bytes at which a row group is closed early.
    row_group_bytes: usize,
    context: RequestContext,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn new(file: W, schema: &SchemaRef, memory: Option<u64>) -> Result<Self> {
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties(schema))).map_err(failed)?;
        let (file, factory) = writer.into_serialized_writer().map_err(failed)?;
        let context = RequestContext::local();
        // What is encoded is held twice for a moment, when a row group is closed.
        let bound = memory.map_or(usize::MAX, |bytes| usize::try_from(bytes / 2).unwrap_or(usize::MAX));
        let row_group_bytes = ROW_GROUP_BYTES.min(bound);
        Ok(Self {
            file,
            factory,
            schema: schema.clone(),
            columns: Vec::new(),
            rows: 0,
            row_group_bytes,
            context,
        })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            if self.columns.is_empty() {
                self.columns = self.open_row_group()?;
            }
            let rows = (batch.num_rows() - start).min(ROW_GROUP_ROWS - self.rows);
            self.encode(&batch.slice(start, rows))?;
            start += rows;
            self.rows += rows;
            if self.rows == ROW_GROUP_ROWS || self.encoded_bytes() > self.row_group_bytes {
                self.close_row_group()?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.close_row_group()?;
        self.file.finish().map_err(failed)?;
        self.file.inner_mut().flush().map_err(|e| failed(e.into()))
    }

    fn open_row_group(&self) -> Result<Vec<Mutex<Vec<ArrowColumnWriter>>>> {
        let leaves =
            self.factory.create_column_writers(self.file.flushed_row_groups().len()).map_err(failed)?;
        let mut columns: Vec<_> = self.schema.fields().iter().map(|_| Vec::new()).collect();
        for (leaf, writer) in leaves.into_iter().enumerate() {
            columns[self.file.schema_descr().get_column_root_idx(leaf)].push(writer);
        }
        Ok(columns.into_iter().map(Mutex::new).collect())
    }

    fn encode(&self, batch: &RecordBatch) -> Result<()> {
        let threads = if batch.num_rows() < PARALLEL_ROWS { 1 } else { threads::available() };
        let (schema, columns) = (&self.schema, &self.columns);
        threads::for_each(
            threads,
            columns.len(),
            &self.context,
            || (),
            |(), index| {
                let leaves = compute_leaves(schema.field(index), batch.column(index)).map_err(failed)?;
                let mut writers = columns[index].lock().unwrap_or_else(PoisonError::into_inner);
                for (writer, leaf) in writers.iter_mut().zip(&leaves) {
                    writer.write(leaf).map_err(failed)?;
                }
                Ok(())
            },
        )
    }

    fn encoded_bytes(&mut self) -> usize {
        let columns = self.columns.iter_mut().map(|c| c.get_mut().unwrap_or_else(PoisonError::into_inner));
        columns.flatten().map(|writer| writer.memory_size()).sum()
    }

    fn close_row_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let columns = std::mem::take(&mut self.columns);
        let closed: Vec<Mutex<Vec<ArrowColumnChunk>>> = columns.iter().map(|_| Mutex::default()).collect();
        threads::for_each(
            threads::available(),
            columns.len(),
            &self.context,
            || (),
            |(), index| {
                let writers =
                    std::mem::take(&mut *columns[index].lock().unwrap_or_else(PoisonError::into_inner));
                let chunks = writers.into_iter().map(|writer| writer.close().map_err(failed));
                *closed[index].lock().unwrap_or_else(PoisonError::into_inner) =
                    chunks.collect::<Result<_>>()?;
                Ok(())
            },
        )?;
        let mut row_group = self.file.next_row_group().map_err(failed)?;
        for column in closed {
            for chunk in column.into_inner().unwrap_or_else(PoisonError::into_inner) {
                chunk.append_to_row_group(&mut row_group).map_err(failed)?;
            }
        }
        row_group.close().map_err(failed)?;
        self.rows = 0;
        Ok(())
    }
}

/// Measurements and instants hardly repeat: a dictionary of them costs time and saves no space.
fn properties(schema: &SchemaRef) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("provender ", env!("CARGO_PKG_VERSION")).to_owned());
    for field in schema.fields() {
        if field.data_type().is_floating() || matches!(field.data_type(), DataType::Timestamp(..)) {
            let path = ColumnPath::from(field.name().as_str());
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    properties.build()
}

fn failed(error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => unwritable(*cause),
            Err(cause) => Error::internal("cannot write Parquet").because(cause),
        },
        ParquetError::ArrowError(_) | ParquetError::NYI(_) => {
            Error::invalid("Parquet cannot hold the columns").because(error)
        }
        other => Error::internal("cannot write Parquet").because(other),
    }
}
