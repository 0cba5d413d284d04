//! A table in memory, and queries over it.

use crate::Datafusion;
use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema};
use provender_core::memory::MemoryOffline;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{FeatureColumn, KeyColumn, KnownAt, ViewJoin};
use provender_core::sql::{SqlEngine, SqlQuery, SqlRows, SqlTable};
use provender_core::{OfflineStore, RequestContext, Result, ValueType, timestamp_type};
use std::sync::Arc;

pub(crate) const HOUR: i64 = 3_600_000_000;

/// `driver_hourly`: five rows of two drivers, an hour apart from 1970 on.
pub(crate) fn store() -> Arc<dyn OfflineStore> {
    let schema = Schema::new(vec![
        Field::new("driver_id", DataType::Int64, true),
        Field::new("event_timestamp", timestamp_type(), true),
        Field::new("trips", DataType::Int64, true),
        Field::new("city", DataType::Utf8, true),
    ]);
    let times =
        TimestampMicrosecondArray::from_iter_values((0..5).map(|hour| hour * HOUR)).with_timezone("UTC");
    let rows = RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Int64Array::from(vec![1, 2, 1, 2, 1])),
            Arc::new(times),
            Arc::new(Int64Array::from(vec![Some(10), Some(20), None, Some(21), Some(12)])),
            Arc::new(StringArray::from(vec![Some("Graz"), None, Some("Graz"), Some("Wien"), Some("Linz")])),
        ],
    );
    let store = MemoryOffline::new();
    store.insert("driver_hourly", &[rows.unwrap()]).unwrap();
    Arc::new(store)
}

pub(crate) fn source() -> DataSource {
    let kind = SourceKind::File {
        path: "driver_hourly".to_owned(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let mut source = DataSource::new("driver_hourly", kind);
    source.timestamp_field = "event_timestamp".to_owned();
    source.tags.insert("team".to_owned(), "pricing".to_owned());
    source
}

pub(crate) fn tables() -> Vec<SqlTable> {
    vec![SqlTable { source: source(), store: Some(store()) }]
}

pub(crate) fn query(sql: &str, context: &RequestContext) -> SqlQuery {
    SqlQuery {
        text: sql.to_owned(),
        tables: Arc::new(tables()),
        max_memory: None,
        spill_folder: None,
        context: context.clone(),
    }
}

pub(crate) async fn ask(sql: &str) -> Result<SqlRows> {
    Datafusion.query(query(sql, &RequestContext::local())).await
}

pub(crate) fn view() -> ViewJoin {
    ViewJoin {
        name: "driver_stats".to_owned(),
        source: source(),
        keys: vec![KeyColumn {
            name: "driver".to_owned(),
            column: "driver_id".to_owned(),
            value_type: ValueType::INT64,
        }],
        features: vec![FeatureColumn {
            name: "trips_so_far".to_owned(),
            column: "trips".to_owned(),
            value_type: ValueType::INT64,
        }],
        event_column: "event_timestamp".to_owned(),
        created_column: None,
        ttl: Some(2 * HOUR),
        known_at: KnownAt::Event,
    }
}
