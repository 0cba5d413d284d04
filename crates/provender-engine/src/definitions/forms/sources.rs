//! The forms of data sources.

use super::form::form;
use super::objects::FieldForm;
use super::read::{At, FromNode};
use super::read_inline_source;
use super::reference::{FieldReference, KindReference};
use super::values::Ttl;
use crate::definitions::build::{Source, SourceRef};
use crate::definitions::yaml::{Node, Value};
use provender_core::model::{DataSource, FileFormat, SourceKind, Tags};
use provender_core::sql::QUERY_TAG;
use std::collections::BTreeMap;

form! {
    /// Files of feature rows.
    FileSourceForm as "FileSource" {
        /// Unique in the project, without regard to case; the path when left out.
        name: Option<String> = None;
        /// A file, a folder, a glob or a URL; a relative path starts at the repository's folder. This or a query.
        path: String = String::new();
        /// SQL text over other data sources, which it knows by name; a build with the feature `sql` answers it. This or a path.
        query: String = String::new();
        /// parquet, csv or delta; by the name of the files when left out.
        file_format: Format = Format(FileFormat::Unset);
        /// Column of the event time, as named after field mapping; inferred when there is exactly one timestamp column.
        timestamp_field: String = String::new();
        /// Column of the time at which a row became known; of rows with one event time the newest wins.
        created_timestamp_column: String = String::new();
        /// Column of the files -> name that definitions use.
        field_mapping: BTreeMap<String, String> = BTreeMap::new();
        /// Endpoint of an S3-compatible store.
        s3_endpoint_override: String = String::new();
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A table or query of BigQuery.
    BigQuerySourceForm as "BigQuerySource" {
        /// Unique in the project, without regard to case; the table when left out.
        name: Option<String> = None;
        /// `project.dataset.table`; this or a query.
        table: String = String::new();
        /// SQL text; this or a table.
        query: String = String::new();
        /// Column of the event time, as named after field mapping; inferred when there is exactly one timestamp column.
        timestamp_field: String = String::new();
        /// Column of the time at which a row became known.
        created_timestamp_column: String = String::new();
        /// Column that the table is partitioned by.
        date_partition_column: String = String::new();
        /// Column of the table -> name that definitions use.
        field_mapping: BTreeMap<String, String> = BTreeMap::new();
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A table or query of Snowflake.
    SnowflakeSourceForm as "SnowflakeSource" {
        /// Unique in the project, without regard to case; the table when left out.
        name: Option<String> = None;
        /// Database of the table.
        database: String = String::new();
        /// Schema of the table.
        schema: String = String::new();
        /// Table name; this or a query.
        table: String = String::new();
        /// SQL text; this or a table.
        query: String = String::new();
        /// Column of the event time, as named after field mapping; inferred when there is exactly one timestamp column.
        timestamp_field: String = String::new();
        /// Column of the time at which a row became known.
        created_timestamp_column: String = String::new();
        /// Column of the table -> name that definitions use.
        field_mapping: BTreeMap<String, String> = BTreeMap::new();
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// An inlet for rows that applications push.
    PushSourceForm as "PushSource" {
        /// Unique in the project, without regard to case.
        name: String;
        /// Where pushed rows are kept for training: the name of a data source, or the source itself. A view needs it.
        batch_source: Option<SourceRef> = None;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// Values that come with a request.
    RequestSourceForm as "RequestSource" {
        /// Unique in the project, without regard to case.
        name: String;
        /// Their names and types.
        schema: Vec<FieldForm>;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A Kafka topic: kept and listed; nothing reads the topic yet.
    KafkaSourceForm as "KafkaSource" {
        /// Unique in the project, without regard to case.
        name: String;
        /// `host:port,…`
        kafka_bootstrap_servers: String;
        /// Topic name.
        topic: String;
        /// Format of a message.
        message_format: Option<StreamFormatForm> = None;
        /// Column of the event time.
        timestamp_field: String = String::new();
        /// Column of the time at which a row became known.
        created_timestamp_column: String = String::new();
        /// Column of a message -> name that definitions use.
        field_mapping: BTreeMap<String, String> = BTreeMap::new();
        /// Where history is kept: the name of a data source, or the source itself. A view needs it.
        batch_source: Option<SourceRef> = None;
        /// How late a message may be.
        watermark_delay_threshold: Option<Ttl> = None;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// A Kinesis stream: kept and listed; nothing reads the stream yet.
    KinesisSourceForm as "KinesisSource" {
        /// Unique in the project, without regard to case.
        name: String;
        /// AWS region.
        region: String;
        /// Name of the stream.
        stream_name: String;
        /// Format of a record.
        record_format: Option<StreamFormatForm> = None;
        /// Column of the event time.
        timestamp_field: String = String::new();
        /// Column of the time at which a row became known.
        created_timestamp_column: String = String::new();
        /// Column of a record -> name that definitions use.
        field_mapping: BTreeMap<String, String> = BTreeMap::new();
        /// Where history is kept: the name of a data source, or the source itself. A view needs it.
        batch_source: Option<SourceRef> = None;
        /// For people.
        description: String = String::new();
        /// Free labels.
        tags: Tags = Tags::new();
        /// Whom to ask.
        owner: String = String::new();
    }
}

form! {
    /// Format of a stream's messages: exactly one of the three.
    StreamFormatForm as "StreamFormat" {
        /// Text of an Avro schema, for Avro messages.
        avro: Option<String> = None;
        /// Text of a schema, for JSON messages.
        json: Option<String> = None;
        /// Class path, for Protobuf messages.
        proto: Option<String> = None;
    }
}

/// Format of files, by name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Format(FileFormat);

const FORMATS: [(&str, FileFormat); 3] =
    [("parquet", FileFormat::Parquet), ("csv", FileFormat::Csv), ("delta", FileFormat::Delta)];

impl FromNode for Format {
    fn type_name() -> String {
        FORMATS.map(|(name, _)| name).join(" | ")
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        let found = match &node.value {
            Value::Text(text) => FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)),
            _ => None,
        };
        found.map(|(_, format)| Self(*format)).or_else(|| at.expected(node, "parquet, csv or delta"))
    }

    fn show(&self) -> String {
        FORMATS.iter().find(|(_, f)| *f == self.0).map_or("null", |(name, _)| name).to_owned()
    }
}

impl FromNode for SourceRef {
    fn type_name() -> String {
        "source's name, or a data source with its `kind`".to_owned()
    }

    fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
        match &node.value {
            Value::Text(name) => Some(Self::Name(name.clone())),
            Value::Map(entries) => {
                read_inline_source(node, entries, at).map(|source| Self::Inline(Box::new(source)))
            }
            _ => at.expected(node, "the name of a data source, or a data source"),
        }
    }
}

/// What sources have in common.
macro_rules! source {
    ($form:ident, $name:expr, $kind:expr) => {
        DataSource {
            description: $form.description,
            tags: $form.tags,
            owner: $form.owner,
            ..DataSource::new($name, $kind)
        }
    };
    ($form:ident, $name:expr, $kind:expr, columns) => {
        DataSource {
            timestamp_field: $form.timestamp_field,
            created_timestamp_column: $form.created_timestamp_column,
            field_mapping: $form.field_mapping,
            ..source!($form, $name, $kind)
        }
    };
}

impl From<FileSourceForm> for Source {
    fn from(form: FileSourceForm) -> Self {
        let name = form.name.unwrap_or_else(|| form.path.clone());
        let kind = SourceKind::File {
            path: form.path,
            format: form.file_format.0,
            s3_endpoint_override: form.s3_endpoint_override,
        };
        let mut model = source!(form, name, kind, columns);
        if !form.query.is_empty() {
            model.tags.insert(QUERY_TAG.to_owned(), form.query);
        }
        Self { model, batch: None }
    }
}

impl From<BigQuerySourceForm> for Source {
    fn from(form: BigQuerySourceForm) -> Self {
        let name = form.name.unwrap_or_else(|| form.table.clone());
        let kind = SourceKind::BigQuery { table: form.table, query: form.query };
        let date_partition_column = form.date_partition_column;
        let model = DataSource { date_partition_column, ..source!(form, name, kind, columns) };
        Self { model, batch: None }
    }
}

impl From<SnowflakeSourceForm> for Source {
    fn from(form: SnowflakeSourceForm) -> Self {
        let name = form.name.unwrap_or_else(|| form.table.clone());
        let kind = SourceKind::Snowflake {
            table: form.table,
            query: form.query,
            schema: form.schema,
            database: form.database,
        };
        Self { model: source!(form, name, kind, columns), batch: None }
    }
}

impl From<PushSourceForm> for Source {
    fn from(form: PushSourceForm) -> Self {
        Self { model: source!(form, form.name, SourceKind::Push { batch: None }), batch: form.batch_source }
    }
}

impl From<RequestSourceForm> for Source {
    fn from(form: RequestSourceForm) -> Self {
        let kind = SourceKind::Request { schema: form.schema.into_iter().map(Into::into).collect() };
        Self { model: source!(form, form.name, kind), batch: None }
    }
}

impl From<KafkaSourceForm> for Source {
    fn from(form: KafkaSourceForm) -> Self {
        let kind = SourceKind::Kafka {
            bootstrap_servers: form.kafka_bootstrap_servers,
            topic: form.topic,
            message_format: form.message_format.and_then(StreamFormatForm::pair),
            watermark_delay: form.watermark_delay_threshold.map(|ttl| ttl.0),
            batch: None,
        };
        Self { model: source!(form, form.name, kind, columns), batch: form.batch_source }
    }
}

impl From<KinesisSourceForm> for Source {
    fn from(form: KinesisSourceForm) -> Self {
        let kind = SourceKind::Kinesis {
            region: form.region,
            stream: form.stream_name,
            message_format: form.record_format.and_then(StreamFormatForm::pair),
            batch: None,
        };
        Self { model: source!(form, form.name, kind, columns), batch: form.batch_source }
    }
}

impl StreamFormatForm {
    /// The class and its schema text, as the model keeps them.
    fn pair(self) -> Option<(String, String)> {
        let avro = self.avro.map(|schema| ("avro".to_owned(), schema));
        let json = self.json.map(|schema| ("json".to_owned(), schema));
        let proto = self.proto.map(|class| ("proto".to_owned(), class));
        avro.or(json).or(proto)
    }
}
