//! Builds sources, entity rows and requests.

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{FeatureColumn, KeyColumn, KnownAt, RangeRequest, Spine, ViewJoin};
use provender_core::{RequestContext, Result, Timestamp, ValueType};
use provender_join::{Format, HistoricalJoin, JoinOptions, Joined, Source, SourceSpec};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use tempfile::TempDir;

pub(crate) fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

pub(crate) fn ints(values: impl IntoIterator<Item = impl Into<Option<i64>>>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<Int64Array>())
}

/// Instants in microseconds, UTC.
pub(crate) fn times(values: impl IntoIterator<Item = impl Into<Option<i64>>>) -> ArrayRef {
    let values = values.into_iter().map(Into::into);
    Arc::new(values.collect::<arrow_array::TimestampMicrosecondArray>().with_timezone("UTC"))
}

pub(crate) fn texts<'a>(values: impl IntoIterator<Item = impl Into<Option<&'a str>>>) -> ArrayRef {
    Arc::new(values.into_iter().map(Into::into).collect::<arrow_array::StringArray>())
}

/// A file with pages of a few rows.
pub(crate) fn write_parquet(path: &Path, batch: &RecordBatch, row_group: usize) -> PathBuf {
    write_pages(path, batch, row_group, 3)
}

pub(crate) fn write_pages(path: &Path, batch: &RecordBatch, row_group: usize, page: usize) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(row_group))
        .set_data_page_row_count_limit(page)
        .set_write_batch_size(page);
    let properties = Some(properties.build());
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), properties).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    path.to_owned()
}

pub(crate) fn open(path: &Path) -> Result<Arc<Source>> {
    let format = if path.to_str().unwrap().ends_with("csv") { Format::Csv } else { Format::Parquet };
    Ok(Arc::new(Source::open(
        &SourceSpec::new("stats", path.to_str().unwrap(), format),
        &RequestContext::local(),
    )?))
}

pub(crate) fn spine(batches: Vec<RecordBatch>) -> Arc<Spine> {
    Arc::new(Spine::new(batches[0].schema(), batches, "time"))
}

fn data_source() -> DataSource {
    let kind = SourceKind::File {
        path: String::new(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    DataSource::new("stats", kind)
}

fn key(name: &str) -> KeyColumn {
    let (name, column) = name.split_once('=').unwrap_or((name, name));
    KeyColumn { name: name.into(), column: column.into(), value_type: ValueType::UNKNOWN }
}

fn feature(name: &str) -> FeatureColumn {
    let (name, column) = name.split_once('=').unwrap_or((name, name));
    FeatureColumn { name: name.into(), column: column.into(), value_type: ValueType::UNKNOWN }
}

/// A view with the time columns `event` and `created`; `a=b` is column `b` known as `a`.
pub(crate) fn view(keys: &[&str], features: &[&str]) -> ViewJoin {
    ViewJoin {
        name: "view".into(),
        source: data_source(),
        keys: keys.iter().map(|k| key(k)).collect(),
        features: features.iter().map(|f| feature(f)).collect(),
        event_column: "event".into(),
        created_column: Some("created".into()),
        ttl: None,
        known_at: KnownAt::Event,
    }
}

pub(crate) fn range(keys: &[&str], features: &[&str], start: i64, end: i64) -> RangeRequest {
    RangeRequest {
        source: data_source(),
        keys: keys.iter().map(|k| key(k)).collect(),
        features: features.iter().map(|f| feature(f)).collect(),
        event_column: "event".into(),
        created_column: Some("created".into()),
        start: Timestamp(start),
        end: Timestamp(end),
        context: RequestContext::local(),
    }
}

pub(crate) fn prepare(spine: &Arc<Spine>, view: ViewJoin, source: &Arc<Source>) -> Result<HistoricalJoin> {
    let views = vec![(view, Arc::clone(source))];
    HistoricalJoin::new(Arc::clone(spine), views, JoinOptions::default(), RequestContext::local())
}

pub(crate) fn join(spine: &Arc<Spine>, view: ViewJoin, source: &Arc<Source>) -> Result<Joined> {
    prepare(spine, view, source)?.run()
}

/// A column of all batches as integers.
pub(crate) fn column(batches: impl IntoIterator<Item = Result<RecordBatch>>, name: &str) -> Vec<Option<i64>> {
    let mut values = Vec::new();
    for batch in batches {
        let column =
            arrow_cast::cast(batch.unwrap().column_by_name(name).unwrap(), &arrow_schema::DataType::Int64)
                .unwrap();
        values.extend(column.as_any().downcast_ref::<Int64Array>().unwrap().iter());
    }
    values
}
