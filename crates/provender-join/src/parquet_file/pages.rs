//! What the pages of a column hold, by the page index; and which values are in a row group, by its bloom filter. Both are read only for the columns that
//! need them: the indexes of a wide table would fill more memory than its entity rows.

use super::{Chunks, ParquetFile, damaged};
use crate::keys::Few;
use crate::storage::ReadAt;
use arrow_array::ArrayRef;
use arrow_schema::{DataType, Schema};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::Type as Physical;
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{
    FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::schema::types::{SchemaDescriptor, Type};
use provender_core::Result;
use std::ops::Range;
use std::sync::Arc;

/// The pages of a column chunk.
#[derive(Debug)]
pub(crate) struct Pages {
    /// The rows of each page in its row group.
    pub(crate) rows: Vec<Range<u32>>,
    /// Smallest value of each page, null where unknown.
    pub(crate) mins: ArrayRef,
    /// Largest value of each page, null where unknown.
    pub(crate) maxes: ArrayRef,
}

impl ParquetFile {
    /// The pages of a column in some row groups; `None` if the file does not tell.
    ///
    /// # Errors
    /// Those of reading; `Invalid` if the index is damaged.
    pub(crate) fn pages(
        &self,
        open: impl FnOnce() -> Result<Arc<dyn ReadAt>>,
        column: &str,
        row_groups: &[usize],
    ) -> Result<Option<Vec<Pages>>> {
        let Some(leaf) = self.leaf(column) else { return Ok(None) };
        let is_indexed = |row_group: &usize| {
            let chunk = self.row_group(*row_group).column(leaf);
            chunk.column_index_offset().is_some() && chunk.offset_index_offset().is_some()
        };
        if row_groups.is_empty() || !row_groups.iter().all(is_indexed) {
            return Ok(None);
        }
        let narrow = self.narrowed(leaf, row_groups).map_err(damaged)?;
        let mut reader = ParquetMetaDataReader::new_with_metadata(narrow)
            .with_page_index_policy(PageIndexPolicy::Optional);
        reader.read_page_indexes(&Chunks(open()?)).map_err(damaged)?;
        let narrow = reader.finish().map_err(damaged)?;
        Ok(self.read_pages(column, &narrow))
    }

    /// The metadata of one column in some row groups.
    fn narrowed(&self, leaf: usize, row_groups: &[usize]) -> ParquetResult<ParquetMetaData> {
        let whole = self.metadata.metadata();
        let column = whole.file_metadata().schema_descr().column(leaf);
        let root = Type::group_type_builder("schema").with_fields(vec![column.self_type_ptr()]).build()?;
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        let groups = row_groups.iter().map(|index| {
            let group = self.row_group(*index);
            RowGroupMetaData::builder(Arc::clone(&schema))
                .set_num_rows(group.num_rows())
                .set_total_byte_size(group.total_byte_size())
                .set_column_metadata(vec![group.column(leaf).clone()])
                .build()
        });
        let groups = groups.collect::<ParquetResult<Vec<_>>>()?;
        let file = whole.file_metadata();
        let created_by = file.created_by().map(str::to_owned);
        let file = FileMetaData::new(file.version(), file.num_rows(), created_by, None, schema, None);
        Ok(ParquetMetaData::new(file, groups))
    }

    fn read_pages(&self, column: &str, narrow: &ParquetMetaData) -> Option<Vec<Pages>> {
        let (columns, offsets) = (narrow.column_index()?, narrow.offset_index()?);
        let schema = narrow.file_metadata().schema_descr();
        // Columns are told apart by their place, which is the first here.
        let field = self.schema().field_with_name(column).ok()?.clone();
        let arrow = Schema::new(vec![field]);
        let converter = StatisticsConverter::try_new(column, &arrow, schema).ok()?;
        let pages = |(at, group): (usize, &RowGroupMetaData)| {
            let locations = offsets.get(at)?.first()?.page_locations();
            let starts = locations.iter().map(|page| u32::try_from(page.first_row_index).ok());
            let starts = starts.collect::<Option<Vec<u32>>>()?;
            let end = u32::try_from(group.num_rows()).ok()?;
            let ends = starts.iter().copied().skip(1).chain([end]);
            let rows: Vec<Range<u32>> = starts.iter().zip(ends).map(|(start, end)| *start..end).collect();
            let mins = converter.data_page_mins(columns, offsets, [&at]).ok()?;
            let maxes = converter.data_page_maxes(columns, offsets, [&at]).ok()?;
            let is_sound = rows.first().is_some_and(|rows| rows.start == 0)
                && rows.iter().all(|rows| rows.start < rows.end)
                && (mins.len(), maxes.len()) == (rows.len(), rows.len());
            is_sound.then_some(Pages { rows, mins, maxes })
        };
        narrow.row_groups().iter().enumerate().map(pages).collect()
    }

    /// Whether a row group has a bloom filter for a column.
    pub(crate) fn has_bloom_filter(&self, column: &str, row_group: usize) -> bool {
        let chunk = self.leaf(column).map(|leaf| self.row_group(row_group).column(leaf));
        chunk.is_some_and(|chunk| chunk.bloom_filter_offset().is_some())
    }

    /// Whether one of some keys may be in a row group, as its bloom filter says.
    ///
    /// # Errors
    /// Those of reading; `Invalid` if the filter is damaged.
    pub(crate) fn may_hold(
        &self,
        file: &Arc<dyn ReadAt>,
        column: &str,
        row_group: usize,
        keys: &Few,
    ) -> Result<bool> {
        let (Some(leaf), Ok(field)) = (self.leaf(column), self.schema().field_with_name(column)) else {
            return Ok(true);
        };
        let chunk = self.row_group(row_group).column(leaf);
        let Some(probe) = Probe::of(field.data_type(), chunk.column_type(), keys) else { return Ok(true) };
        let filter = Sbbf::read_from_column_chunk(chunk, &Chunks(Arc::clone(file))).map_err(damaged)?;
        Ok(filter.is_none_or(|filter| probe.any(&filter)))
    }

    /// The leaf of a top-level column that is not nested.
    fn leaf(&self, column: &str) -> Option<usize> {
        let columns = self.metadata.parquet_schema().columns();
        columns.iter().position(|leaf| leaf.path().parts() == [column])
    }
}

/// Keys in the form in which a filter knows them.
enum Probe {
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
    Bytes(Vec<Vec<u8>>),
}

impl Probe {
    /// `None` if the filter cannot be asked.
    fn of(data_type: &DataType, physical: Physical, keys: &Few) -> Option<Self> {
        use DataType as D;
        Some(match (keys, physical, data_type) {
            (Few::Whole(keys), Physical::INT32, D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16) => {
                Self::Narrow(keys.iter().filter_map(|key| i32::try_from(*key).ok()).collect())
            }
            (Few::Whole(keys), Physical::INT64, D::Int64) => Self::Wide(keys.iter().copied().collect()),
            (
                Few::Bytes(keys),
                Physical::BYTE_ARRAY,
                D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Binary | D::LargeBinary | D::BinaryView,
            ) => Self::Bytes(keys.iter().cloned().collect()),
            _ => return None,
        })
    }

    fn any(&self, filter: &Sbbf) -> bool {
        match self {
            Self::Narrow(keys) => keys.iter().any(|key| filter.check(key)),
            Self::Wide(keys) => keys.iter().any(|key| filter.check(key)),
            Self::Bytes(keys) => keys.iter().any(|key| filter.check(key.as_slice())),
        }
    }
}
