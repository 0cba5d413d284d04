//! Data sources as values.

use super::described;
use provender_core::model::{DataSource, Field, FileFormat, SourceKind};
use provender_core::sql::QUERY_TAG;
use std::time::Duration;

/// A data source. Its timestamp column is inferred if it has exactly one.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Without a batch source: that is `batch`.
    pub(crate) model: DataSource,
    pub(crate) batch: Option<SourceRef>,
}

/// A data source by name, or the source itself.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum SourceRef {
    Name(String),
    Inline(Box<Source>),
}

impl From<&str> for SourceRef {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for SourceRef {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<Source> for SourceRef {
    fn from(source: Source) -> Self {
        Self::Inline(Box::new(source))
    }
}

impl SourceRef {
    /// Name of the source.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Inline(source) => &source.model.name,
        }
    }
}

described! { Source }

impl Source {
    /// A source of any kind.
    pub fn new(name: impl Into<String>, kind: SourceKind) -> Self {
        Self { model: DataSource::new(name, kind), batch: None }
    }

    /// Files: a file, a folder, a glob or a URL; a relative path starts at the repository's folder.
    pub fn file(name: impl Into<String>, path: impl Into<String>) -> Self {
        let kind = SourceKind::File {
            path: path.into(),
            format: FileFormat::Unset,
            s3_endpoint_override: String::new(),
        };
        Self::new(name, kind)
    }

    /// The rows of a query over other data sources, which it knows by name.
    pub fn query(name: impl Into<String>, sql: impl Into<String>) -> Self {
        let mut source = Self::file(name, "");
        source.model.tags.insert(QUERY_TAG.to_owned(), sql.into());
        source
    }

    /// A BigQuery table, `project.dataset.table`.
    pub fn bigquery(name: impl Into<String>, table: impl Into<String>) -> Self {
        Self::new(name, SourceKind::BigQuery { table: table.into(), query: String::new() })
    }

    /// A Snowflake table.
    pub fn snowflake(
        name: impl Into<String>,
        database: impl Into<String>,
        schema: impl Into<String>,
        table: impl Into<String>,
    ) -> Self {
        let kind = SourceKind::Snowflake {
            table: table.into(),
            query: String::new(),
            schema: schema.into(),
            database: database.into(),
        };
        Self::new(name, kind)
    }

    /// An inlet for rows that applications push; [`Source::batch`] says where they are kept for training.
    pub fn push(name: impl Into<String>) -> Self {
        Self::new(name, SourceKind::Push { batch: None })
    }

    /// Values that come with the request.
    pub fn request(name: impl Into<String>, schema: impl IntoIterator<Item = Field>) -> Self {
        Self::new(name, SourceKind::Request { schema: schema.into_iter().collect() })
    }

    /// A Kafka topic; [`Source::batch`] says where its history is kept.
    pub fn kafka(
        name: impl Into<String>,
        bootstrap_servers: impl Into<String>,
        topic: impl Into<String>,
    ) -> Self {
        let kind = SourceKind::Kafka {
            bootstrap_servers: bootstrap_servers.into(),
            topic: topic.into(),
            message_format: None,
            watermark_delay: None,
            batch: None,
        };
        Self::new(name, kind)
    }

    /// Sets the format of its files. Of other sources it changes nothing.
    #[must_use]
    pub fn file_format(mut self, wanted: FileFormat) -> Self {
        if let SourceKind::File { format, .. } = &mut self.model.kind {
            *format = wanted;
        }
        self
    }

    /// Sets how late a message of a Kafka topic may be. Of other sources it changes nothing.
    #[must_use]
    pub fn watermark_delay(mut self, delay: Duration) -> Self {
        if let SourceKind::Kafka { watermark_delay, .. } = &mut self.model.kind {
            *watermark_delay = i64::try_from(delay.as_micros()).ok();
        }
        self
    }

    /// Sets where the history of a push or stream source is kept: the name of a source, or the source itself.
    #[must_use]
    pub fn batch(mut self, source: impl Into<SourceRef>) -> Self {
        self.batch = Some(source.into());
        self
    }

    /// Sets the column of the event time, as definitions name it (after field mapping).
    #[must_use]
    pub fn timestamp_field(mut self, column: impl Into<String>) -> Self {
        self.model.timestamp_field = column.into();
        self
    }

    /// Sets the column of the time at which a row became known.
    #[must_use]
    pub fn created_timestamp_column(mut self, column: impl Into<String>) -> Self {
        self.model.created_timestamp_column = column.into();
        self
    }

    /// Gives a stored column the name that definitions use.
    #[must_use]
    pub fn map(mut self, column: impl Into<String>, name: impl Into<String>) -> Self {
        self.model.field_mapping.insert(column.into(), name.into());
        self
    }
}
