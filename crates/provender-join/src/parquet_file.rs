//! Parquet files: footers, statistics, and row groups read through [`ReadAt`].

mod columnwise;
mod culprit;
mod pages;

use crate::reader::Pick;
use crate::storage::{Fetched, ReadAt, Sequential, unreadable};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use columnwise::Columnwise;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection,
};
use parquet::basic::Type;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use provender_core::{Error, Result};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Rows decoded at a time: enough to spread the cost of a call, few enough to stay in a core's cache.
const BATCH_ROWS: usize = 16 << 10;
/// Bytes decoded at a time, about.
const BATCH_BYTES: u64 = 4 << 20;

/// Bytes of a column chunk in memory, as far as the file tells.
pub(crate) fn decoded_bytes(chunk: &ColumnChunkMetaData) -> u64 {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    unsigned(chunk.uncompressed_size()).max(chunk.unencoded_byte_array_data_bytes().map_or(0, unsigned))
}

/// A Parquet file whose footer has been read.
#[derive(Debug)]
pub(crate) struct ParquetFile {
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// `Invalid` if it is no Parquet file or cut short.
    pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Self> {
        let size = file.size();
        let tail = || std::iter::once(size.saturating_sub(TAIL_BYTES)..size).collect();
        let chunks = Chunks(fetched(file, tail)?);
        let load = || ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new()).map_err(damaged);
        let metadata = culprit::guarded(load)?;
        let schema = plain_schema(&metadata);
        if schema == **metadata.schema() {
            return Ok(Self { metadata });
        }
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(damaged)?;
        Ok(Self { metadata })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    fn row_group(&self, index: usize) -> &RowGroupMetaData {
        self.metadata.metadata().row_group(index)
    }

    fn rows(&self, row_group: usize) -> u64 {
        u64::try_from(self.row_group(row_group).num_rows()).unwrap_or(0)
    }

    /// Number and rows of each row group that has rows.
    pub(crate) fn row_groups(&self) -> impl Iterator<Item = (usize, u64)> {
        let groups = self.metadata.metadata().row_groups().iter().enumerate();
        groups
            .map(|(i, group)| (i, u64::try_from(group.num_rows()).unwrap_or(0)))
            .filter(|(_, rows)| *rows > 0)
    }

    /// Column chunks of a row group that belong to some top-level columns.
    pub(crate) fn chunks(
        &self,
        row_group: usize,
        roots: &[usize],
    ) -> impl Iterator<Item = &ColumnChunkMetaData> {
        let schema = self.metadata.parquet_schema();
        let columns = self.row_group(row_group).columns().iter().enumerate();
        columns
            .filter(move |(leaf, _)| roots.contains(&schema.get_column_root_idx(*leaf)))
            .map(|(_, chunk)| chunk)
    }

    /// Where some top-level columns of a row group are in the file.
    pub(crate) fn ranges(&self, row_group: usize, roots: &[usize]) -> Vec<Range<u64>> {
        self.chunks(row_group, roots).map(byte_range).collect()
    }

    /// Smallest and largest value of a column in each of some row groups, null where unknown; `None` if nothing is known.
    pub(crate) fn statistics(&self, column: &str, row_groups: &[usize]) -> Option<(ArrayRef, ArrayRef)> {
        let schema = self.metadata.parquet_schema();
        let converter = StatisticsConverter::try_new(column, self.schema(), schema).ok()?;
        let leaf = converter.parquet_column_index()?;
        let groups: Vec<_> = row_groups.iter().map(|index| self.row_group(*index)).collect();
        // Before the order of values was defined, writers compared bytes as they pleased.
        let deprecated = |group: &&RowGroupMetaData| {
            group.column(leaf).statistics().is_some_and(|s| s.is_min_max_deprecated())
        };
        if groups.iter().any(deprecated) {
            return None;
        }
        let mins = converter.row_group_mins(groups.iter().copied()).ok()?;
        let maxes = converter.row_group_maxes(groups.iter().copied()).ok()?;
        Some((mins, maxes))
    }

    /// Rows to decode at a time: fewer of wide ones.
    fn batch_rows(&self, row_group: usize, roots: &[usize]) -> usize {
        let bytes: u64 = self.chunks(row_group, roots).map(decoded_bytes).sum();
        let rows = self.rows(row_group);
        let fitting = usize::try_from(BATCH_BYTES * rows / bytes.max(1)).unwrap_or(BATCH_ROWS);
        fitting.clamp(1, BATCH_ROWS)
    }

    /// Reads some top-level columns of a row group, some of its rows. Pages without such rows are skipped.
    pub(crate) fn read(
        &self,
        file: Arc<dyn ReadAt>,
        row_group: usize,
        roots: &[usize],
        rows: Pick<'_>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch>> + Send + use<>> {
        let file = fetched(file, || self.ranges(row_group, roots))?;
        let count = rows.count(self.rows(row_group));
        let next: Box<dyn FnMut() -> Option<Result<RecordBatch>> + Send> = match rows {
            Pick::Rows(rows) if self.is_columnwise(roots) => {
                let mut batch = Some(self.columnwise(&file, row_group, roots, rows)?);
                Box::new(move || batch.take().map(Columnwise::read))
            }
            _ => {
                let mut reader = self.reader(file, row_group, roots, rows)?;
                Box::new(move || reader.next().map(|batch| batch.map_err(|e| damaged(e.into()))))
            }
        };
        Ok(culprit::checked(next, count))
    }

    fn reader(
        &self,
        file: Arc<dyn ReadAt>,
        row_group: usize,
        roots: &[usize],
        rows: Pick<'_>,
    ) -> Result<ParquetRecordBatchReader> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots.iter().copied());
        let most = self.batch_rows(row_group, roots);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(Chunks(file), self.metadata.clone())
            .with_row_groups(vec![row_group])
            .with_projection(mask);
        let total = usize::try_from(self.rows(row_group)).unwrap_or(0);
        let builder = match rows {
            Pick::All => builder.with_batch_size(most),
            Pick::Ranges(ranges) => {
                let ranges = ranges.iter().map(|range| range.start as usize..range.end as usize);
                builder
                    .with_row_selection(RowSelection::from_consecutive_ranges(ranges, total))
                    .with_batch_size(most)
            }
            Pick::Rows(rows) => {
                // The reader decodes all rows between the chosen ones and then drops them: keep as many as it decodes within bounds.
                let share = BATCH_ROWS * rows.len() / total.max(1);
                builder
                    .with_row_selection(selection(rows, total)?)
                    .with_batch_size(share.clamp(64.min(most), most))
            }
        };
        builder.build().map_err(damaged)
    }
}

/// Bytes at the end of a far file that are read with the footer's length: they hold most footers whole.
const TAIL_BYTES: u64 = 64 << 10;

/// The file with some ranges of it in memory, if it is far away: one wait instead of one for each page.
fn fetched(file: Arc<dyn ReadAt>, ranges: impl FnOnce() -> Vec<Range<u64>>) -> Result<Arc<dyn ReadAt>> {
    if !file.is_far() {
        return Ok(file);
    }
    Ok(match file.begin(&ranges()) {
        Some(begun) => Arc::new(Fetched::new(file, begun.wait()?)),
        None => file,
    })
}

/// Where the pages of a column chunk are; nowhere if the file is damaged, which reading it will tell.
fn byte_range(chunk: &ColumnChunkMetaData) -> Range<u64> {
    let start = chunk.dictionary_page_offset().unwrap_or(i64::MAX).min(chunk.data_page_offset());
    match (u64::try_from(start), u64::try_from(chunk.compressed_size())) {
        (Ok(start), Ok(length)) => start..start.saturating_add(length),
        _ => 0..0,
    }
}

fn selection(rows: &[u32], total: usize) -> Result<RowSelection> {
    let mut mask = BooleanBufferBuilder::new(total);
    mask.append_n(total, false);
    for row in rows {
        let row = *row as usize;
        if row >= total {
            return Err(Error::internal("row beyond its row group").with("row", row).with("rows", total));
        }
        mask.set_bit(row, true);
    }
    Ok(RowSelection::from_boolean_buffer(mask.finish()))
}

/// A failure of the Parquet reader: the disk's, or a damaged file.
fn damaged(error: ParquetError) -> Error {
    match error {
        ParquetError::NYI(what) => {
            Error::unsupported("the Parquet file uses a feature that is not supported").because(what)
        }
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                Error::invalid("the Parquet file is cut short").because(cause)
            }
            Ok(cause) => unreadable(*cause),
            Err(cause) => Error::invalid("not a readable Parquet file").because(cause),
        },
        other => Error::invalid("not a readable Parquet file").because(other),
    }
}

/// The file's schema with dictionaries unpacked, so that row groups agree, and with Spark's 96-bit instants in microseconds, which hold more years.
fn plain_schema(metadata: &ArrowReaderMetadata) -> Schema {
    let columns = metadata.parquet_schema().columns();
    let is_int96 =
        |name: &str| columns.iter().any(|c| c.path().parts() == [name] && c.physical_type() == Type::INT96);
    let fields = metadata.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_int96(field.name()) => {
            let data_type = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            Arc::new(field.as_ref().clone().with_data_type(data_type))
        }
        _ => plain_field(field),
    });
    Schema::new_with_metadata(fields.collect::<Fields>(), metadata.schema().metadata().clone())
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let data_type = plain_type(field.data_type());
    if data_type == *field.data_type() {
        return Arc::clone(field);
    }
    // A dictionary's identifier in the field's own attributes means nothing any more: build the field anew.
    let plain =
        Field::new(field.name(), data_type, field.is_nullable()).with_metadata(field.metadata().clone());
    Arc::new(plain)
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        DataType::List(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        other => other.clone(),
    }
}

/// [`ReadAt`] as the Parquet crate wants it.
struct Chunks(Arc<dyn ReadAt>);

/// Bytes read ahead for a page header, which is rarely larger.
const HEADER_BYTES: usize = 512;

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for Chunks {
    type T = Sequential;

    fn get_read(&self, start: u64) -> ParquetResult<Sequential> {
        Ok(Sequential::new(Arc::clone(&self.0), start, HEADER_BYTES))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.0.read_at(start, length).map_err(|e| ParquetError::External(Box::new(e)))
    }
}
