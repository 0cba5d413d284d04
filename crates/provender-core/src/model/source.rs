//! Data sources: where feature rows come from.

use super::{Field, Meta, Tags};
use crate::sql::QUERY_TAG;
use std::collections::BTreeMap;

/// Where feature rows come from, with the columns that mean something in it.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSource {
    /// Unique in the project, without regard to case.
    pub name: String,
    /// What it is and where.
    pub kind: SourceKind,
    /// Column of the event time *after* field mapping; empty if it is to be inferred.
    pub timestamp_field: String,
    /// Column of the time at which a row became known, after field mapping; empty if there is none.
    pub created_timestamp_column: String,
    /// Partition column of a warehouse table; empty if there is none.
    pub date_partition_column: String,
    /// Column of the source -> name that definitions use.
    pub field_mapping: BTreeMap<String, String>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// Filled by the registry.
    pub meta: Meta,
}

impl DataSource {
    /// A source of a name and kind, nothing else.
    pub fn new(name: impl Into<String>, kind: SourceKind) -> Self {
        Self {
            name: name.into(),
            kind,
            timestamp_field: String::new(),
            created_timestamp_column: String::new(),
            date_partition_column: String::new(),
            field_mapping: BTreeMap::new(),
            description: String::new(),
            tags: Tags::new(),
            owner: String::new(),
            meta: Meta::default(),
        }
    }

    /// The column of the stored data that definitions know as `name`.
    #[must_use]
    pub fn physical<'a>(&'a self, name: &'a str) -> &'a str {
        self.field_mapping.iter().find(|(_, to)| *to == name).map_or(name, |(from, _)| from)
    }

    /// The name by which definitions know a column of the stored data.
    #[must_use]
    pub fn logical<'a>(&'a self, column: &'a str) -> &'a str {
        self.field_mapping.get(column).map_or(column, String::as_str)
    }

    /// The query whose rows these are, if the source is one over other sources: see [`QUERY_TAG`].
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.tags.get(QUERY_TAG).map(String::as_str)
    }

    /// The source that holds history: itself, or the batch source behind a push or stream source.
    #[must_use]
    pub fn batch(&self) -> Option<&DataSource> {
        match &self.kind {
            SourceKind::Push { batch }
            | SourceKind::Kafka { batch, .. }
            | SourceKind::Kinesis { batch, .. } => batch.as_deref(),
            SourceKind::Request { .. } => None,
            _ => Some(self),
        }
    }
}

/// What a source is. Feast's class names are in [`SourceKind::class`].
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// Files: a file, a folder, a glob or a URL.
    File {
        /// Path or URL; a relative path starts at the repository's folder.
        path: String,
        /// Format of the files.
        format: FileFormat,
        /// Endpoint instead of AWS's; empty if there is none.
        s3_endpoint_override: String,
    },
    /// A BigQuery table or query; one of the two is empty.
    BigQuery {
        /// `project.dataset.table`.
        table: String,
        /// SQL text.
        query: String,
    },
    /// A Snowflake table or query; one of the two is empty.
    Snowflake {
        /// Table name.
        table: String,
        /// SQL text.
        query: String,
        /// Schema of the table.
        schema: String,
        /// Database of the table.
        database: String,
    },
    /// An inlet for rows that applications push.
    Push {
        /// Where pushed rows are kept for training.
        batch: Option<Box<DataSource>>,
    },
    /// Values that come with the request.
    Request {
        /// Their names and types.
        schema: Vec<Field>,
    },
    /// A Kafka topic.
    Kafka {
        /// `host:port,…`.
        bootstrap_servers: String,
        /// Topic name.
        topic: String,
        /// Format of a message: the class and its schema text, such as `json` and an Avro-like schema.
        message_format: Option<(String, String)>,
        /// How late a message may be, in microseconds.
        watermark_delay: Option<i64>,
        /// Where history is kept.
        batch: Option<Box<DataSource>>,
    },
    /// A Kinesis stream.
    Kinesis {
        /// AWS region.
        region: String,
        /// Stream name.
        stream: String,
        /// Format of a record, as of Kafka.
        message_format: Option<(String, String)>,
        /// Where history is kept.
        batch: Option<Box<DataSource>>,
    },
    /// A source of another store: kept as it is, readable by a provider that knows the class.
    Other {
        /// Number of `feast.core.DataSource.SourceType`.
        source_type: i32,
        /// Feast's class path.
        class: String,
        /// The options message's bytes with its field number, as in the registry.
        options: Option<(u32, Vec<u8>)>,
    },
}

impl SourceKind {
    /// Feast's class name, the `kind:` of a definition.
    #[must_use]
    pub fn class(&self) -> &str {
        match self {
            Self::File { .. } => "FileSource",
            Self::BigQuery { .. } => "BigQuerySource",
            Self::Snowflake { .. } => "SnowflakeSource",
            Self::Push { .. } => "PushSource",
            Self::Request { .. } => "RequestSource",
            Self::Kafka { .. } => "KafkaSource",
            Self::Kinesis { .. } => "KinesisSource",
            Self::Other { class, .. } => class.rsplit('.').next().unwrap_or(class),
        }
    }
}

/// Format of the files of a [`SourceKind::File`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileFormat {
    /// Apache Parquet: Feast's message is present.
    #[default]
    Parquet,
    /// Not said, which means Parquet (or CSV by a `.csv` path); Feast leaves the message out.
    Unset,
    /// Comma separated values with a header line. Feast has no message for it: kept in the tag `provender:file_format`.
    Csv,
    /// A Delta table.
    Delta,
}
