//! What is sent: the views of a join and where their rows are, never how to reach them. Credentials stay with the stores of each process.

use arrow_schema::{Schema, SchemaRef};
use datafusion_proto::protobuf;
use prost::Message;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{FeatureColumn, KeyColumn, KnownAt, ViewJoin};
use provender_core::{Error, Result, ValueType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which views a join adds to its entity rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Hash)]
pub struct JoinSpec(JoinMessage);

#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
pub(super) struct JoinMessage {
    #[prost(string, tag = "1")]
    event_column: String,
    #[prost(message, repeated, tag = "2")]
    views: Vec<ViewMessage>,
    /// The feature columns, an encoded `datafusion_common.Schema`.
    #[prost(bytes = "vec", tag = "3")]
    features: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
struct ViewMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, required, tag = "2")]
    source: SourceMessage,
    #[prost(message, repeated, tag = "3")]
    keys: Vec<ColumnMessage>,
    #[prost(message, repeated, tag = "4")]
    features: Vec<ColumnMessage>,
    #[prost(string, tag = "5")]
    event_column: String,
    #[prost(string, optional, tag = "6")]
    created_column: Option<String>,
    #[prost(int64, optional, tag = "7")]
    ttl: Option<i64>,
    #[prost(bool, tag = "8")]
    known_by_created: bool,
}

/// A key or a feature.
#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
struct ColumnMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    column: String,
    /// Feast's number of the type.
    #[prost(int32, tag = "3")]
    value_type: i32,
}

/// A data source.
#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
pub(super) struct SourceMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(oneof = "KindMessage", tags = "2, 3, 4, 5")]
    kind: Option<KindMessage>,
    #[prost(string, tag = "6")]
    timestamp_field: String,
    #[prost(string, tag = "7")]
    created_timestamp_column: String,
    #[prost(string, tag = "8")]
    date_partition_column: String,
    #[prost(btree_map = "string, string", tag = "9")]
    field_mapping: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "10")]
    tags: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, prost::Oneof)]
enum KindMessage {
    #[prost(message, tag = "2")]
    File(FileMessage),
    #[prost(message, tag = "3")]
    BigQuery(WarehouseMessage),
    #[prost(message, tag = "4")]
    Snowflake(WarehouseMessage),
    #[prost(message, tag = "5")]
    Other(OtherMessage),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
struct FileMessage {
    #[prost(string, tag = "1")]
    path: String,
    /// 0 not said, 1 Parquet, 2 CSV, 3 Delta.
    #[prost(int32, tag = "2")]
    format: i32,
    #[prost(string, tag = "3")]
    s3_endpoint_override: String,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
struct WarehouseMessage {
    #[prost(string, tag = "1")]
    table: String,
    #[prost(string, tag = "2")]
    query: String,
    #[prost(string, tag = "3")]
    schema: String,
    #[prost(string, tag = "4")]
    database: String,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Hash, Message)]
struct OtherMessage {
    #[prost(int32, tag = "1")]
    source_type: i32,
    #[prost(string, tag = "2")]
    class: String,
    #[prost(uint32, optional, tag = "3")]
    options_field: Option<u32>,
    #[prost(bytes = "vec", tag = "4")]
    options: Vec<u8>,
}

impl JoinSpec {
    /// The join of rows whose time is in `event_column` with views whose features have the types of `features`, in the order of the views.
    ///
    /// # Errors
    /// `Unsupported` if the source of a view holds no history itself, or a type cannot be sent.
    pub fn new(event_column: impl Into<String>, views: &[ViewJoin], features: &Schema) -> Result<Self> {
        let views = views.iter().map(ViewMessage::of).collect::<Result<Vec<_>>>()?;
        let features = encode_schema(features)?;
        Ok(Self(JoinMessage { event_column: event_column.into(), views, features }))
    }

    /// Column of the entity rows' time.
    #[must_use]
    pub fn event_column(&self) -> &str {
        &self.0.event_column
    }

    /// The views.
    ///
    /// # Errors
    /// `Invalid` if it was sent by a program that knows other sources.
    pub fn views(&self) -> Result<Vec<ViewJoin>> {
        self.0.views.iter().map(ViewMessage::view).collect()
    }

    /// The feature columns.
    ///
    /// # Errors
    /// `Invalid` if they are damaged.
    pub fn features(&self) -> Result<SchemaRef> {
        decode_schema(&self.0.features)
    }

    /// Columns of the entity rows that the join looks at.
    pub(super) fn entity_columns(&self) -> Vec<&str> {
        let keys = self.0.views.iter().flat_map(|view| &view.keys).map(|key| key.name.as_str());
        let mut columns = vec![self.event_column()];
        for key in keys {
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
        columns
    }

    /// `driver_stats (driver_hourly: trips), …`.
    pub(super) fn summary(&self) -> String {
        let view = |view: &ViewMessage| {
            let features: Vec<_> = view.features.iter().map(|feature| feature.name.as_str()).collect();
            let keys: Vec<_> = view.keys.iter().map(|key| key.name.as_str()).collect();
            let mut text = format!("{} on [{}] from {}", view.name, keys.join(", "), view.source.name);
            if let Some(ttl) = view.ttl.filter(|ttl| *ttl > 0) {
                text.push_str(&format!(" within {}s", ttl as f64 / 1e6));
            }
            if view.known_by_created {
                text.push_str(" known by created time");
            }
            format!("{text}: {}", features.join(", "))
        };
        self.0.views.iter().map(view).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn message(&self) -> &JoinMessage {
        &self.0
    }
}

impl From<JoinMessage> for JoinSpec {
    fn from(message: JoinMessage) -> Self {
        Self(message)
    }
}

impl ViewMessage {
    fn of(view: &ViewJoin) -> Result<Self> {
        let key = |key: &KeyColumn| ColumnMessage {
            name: key.name.clone(),
            column: key.column.clone(),
            value_type: key.value_type.0,
        };
        let feature = |feature: &FeatureColumn| ColumnMessage {
            name: feature.name.clone(),
            column: feature.column.clone(),
            value_type: feature.value_type.0,
        };
        Ok(Self {
            name: view.name.clone(),
            source: SourceMessage::of(&view.source).map_err(|error| error.with("view", &view.name))?,
            keys: view.keys.iter().map(key).collect(),
            features: view.features.iter().map(feature).collect(),
            event_column: view.event_column.clone(),
            created_column: view.created_column.clone(),
            ttl: view.ttl,
            known_by_created: view.known_at == KnownAt::Created,
        })
    }

    fn view(&self) -> Result<ViewJoin> {
        let keys = self.keys.iter().map(|key| KeyColumn {
            name: key.name.clone(),
            column: key.column.clone(),
            value_type: ValueType(key.value_type),
        });
        let features = self.features.iter().map(|feature| FeatureColumn {
            name: feature.name.clone(),
            column: feature.column.clone(),
            value_type: ValueType(feature.value_type),
        });
        Ok(ViewJoin {
            name: self.name.clone(),
            source: self.source.source().map_err(|error| error.with("view", &self.name))?,
            keys: keys.collect(),
            features: features.collect(),
            event_column: self.event_column.clone(),
            created_column: self.created_column.clone(),
            ttl: self.ttl,
            known_at: if self.known_by_created { KnownAt::Created } else { KnownAt::Event },
        })
    }
}

const FORMATS: [FileFormat; 4] = [FileFormat::Unset, FileFormat::Parquet, FileFormat::Csv, FileFormat::Delta];

impl SourceMessage {
    pub(super) fn of(source: &DataSource) -> Result<Self> {
        Ok(Self {
            name: source.name.clone(),
            kind: Some(KindMessage::of(source)?),
            timestamp_field: source.timestamp_field.clone(),
            created_timestamp_column: source.created_timestamp_column.clone(),
            date_partition_column: source.date_partition_column.clone(),
            field_mapping: source.field_mapping.clone(),
            tags: source.tags.clone(),
        })
    }

    pub(super) fn source(&self) -> Result<DataSource> {
        let unknown = || Error::invalid("a source of an unknown kind was sent").with("source", &self.name);
        let kind = self.kind.as_ref().and_then(KindMessage::kind).ok_or_else(unknown)?;
        Ok(DataSource {
            timestamp_field: self.timestamp_field.clone(),
            created_timestamp_column: self.created_timestamp_column.clone(),
            date_partition_column: self.date_partition_column.clone(),
            field_mapping: self.field_mapping.clone(),
            tags: self.tags.clone(),
            ..DataSource::new(&self.name, kind)
        })
    }
}

impl KindMessage {
    fn of(source: &DataSource) -> Result<Self> {
        Ok(match source.kind.clone() {
            SourceKind::File { path, format, s3_endpoint_override } => {
                let format = FORMATS.iter().position(|known| *known == format);
                let format = format.and_then(|number| i32::try_from(number).ok()).unwrap_or_default();
                Self::File(FileMessage { path, format, s3_endpoint_override })
            }
            SourceKind::BigQuery { table, query } => {
                Self::BigQuery(WarehouseMessage { table, query, ..WarehouseMessage::default() })
            }
            SourceKind::Snowflake { table, query, schema, database } => {
                Self::Snowflake(WarehouseMessage { table, query, schema, database })
            }
            SourceKind::Other { source_type, class, options } => {
                let (options_field, options) =
                    options.map(|(field, bytes)| (Some(field), bytes)).unwrap_or_default();
                Self::Other(OtherMessage { source_type, class, options_field, options })
            }
            SourceKind::Push { .. }
            | SourceKind::Request { .. }
            | SourceKind::Kafka { .. }
            | SourceKind::Kinesis { .. } => {
                return Err(Error::unsupported("the source holds no history itself")
                    .with("source", &source.name)
                    .with("type", source.kind.class()));
            }
        })
    }

    fn kind(&self) -> Option<SourceKind> {
        Some(match self.clone() {
            Self::File(FileMessage { path, format, s3_endpoint_override }) => SourceKind::File {
                path,
                format: *FORMATS.get(usize::try_from(format).ok()?)?,
                s3_endpoint_override,
            },
            Self::BigQuery(WarehouseMessage { table, query, .. }) => SourceKind::BigQuery { table, query },
            Self::Snowflake(WarehouseMessage { table, query, schema, database }) => {
                SourceKind::Snowflake { table, query, schema, database }
            }
            Self::Other(OtherMessage { source_type, class, options_field, options }) => {
                SourceKind::Other { source_type, class, options: options_field.map(|field| (field, options)) }
            }
        })
    }
}

pub(super) fn encode_schema(schema: &Schema) -> Result<Vec<u8>> {
    let message: Result<protobuf::Schema, _> = schema.try_into();
    let unsupported = |e: String| Error::unsupported("a column's type cannot be sent").because(e);
    Ok(message.map_err(|e| unsupported(e.to_string()))?.encode_to_vec())
}

pub(super) fn decode_schema(bytes: &[u8]) -> Result<SchemaRef> {
    let damaged = |e: String| Error::invalid("the columns that were sent are damaged").because(e);
    let message = protobuf::Schema::decode(bytes).map_err(|e| damaged(e.to_string()))?;
    Ok(Arc::new(Schema::try_from(&message).map_err(|e| damaged(e.to_string()))?))
}
