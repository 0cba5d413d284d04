//! The parts of a manifest. Times are RFC 3339 in UTC, hashes hexadecimal SHA-256.

use super::Content;
use crate::Features;
use provender_core::offline::{FileVersion, KnownAt, SourceVersion, ViewJoin};
use provender_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// References, `view:feature`; empty if a service was asked for.
    pub features: Vec<String>,
    /// The feature service.
    pub feature_service: Option<String>,
    /// Whether columns are named `view__feature`.
    pub full_feature_names: bool,
    /// What the request said of known rows: `created` or `none`; nothing if it left that to the sources.
    pub known_at: Option<String>,
}

impl RequestRecord {
    /// The record of a request.
    pub(crate) fn new(features: &Features, full_feature_names: bool, known: Option<KnownAt>) -> Self {
        let (features, feature_service) = match features {
            Features::List(features) => (features.clone(), None),
            Features::Service(name) => (Vec::new(), Some(name.clone())),
        };
        Self { features, feature_service, full_feature_names, known_at: known.map(known_at) }
    }

    /// Which rows count as known.
    ///
    /// # Errors
    /// `Invalid` for a word that means nothing.
    pub fn known_at(&self) -> Result<Option<KnownAt>> {
        match self.known_at.as_deref() {
            None => Ok(None),
            Some("created") => Ok(Some(KnownAt::Created)),
            Some("none") => Ok(Some(KnownAt::Event)),
            Some(other) => Err(Error::invalid("the manifest says in no known way which rows count as known")
                .with("field", "request.known_at")
                .with("value", other)
                .with("expected", "created or none")),
        }
    }

    /// The features asked for.
    #[must_use]
    pub fn features(&self) -> Features {
        match &self.feature_service {
            Some(name) => Features::Service(name.clone()),
            None => Features::List(self.features.clone()),
        }
    }
}

fn known_at(known: KnownAt) -> String {
    match known {
        KnownAt::Created => "created",
        KnownAt::Event => "none",
    }
    .to_owned()
}

/// Where the entity rows came from, and what they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityRows {
    /// Where they came from.
    pub origin: EntityOrigin,
    /// Column of their time.
    pub event_column: String,
    /// Number of their columns, which are the first of the result.
    pub columns: usize,
    /// Content hash of these columns.
    pub hash: String,
    /// The earliest time among them.
    pub first: Option<String>,
    /// The latest.
    pub last: Option<String>,
}

/// Where entity rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EntityOrigin {
    /// A file or object.
    File(FileRecord),
    /// JSON text.
    Inline {
        /// The text.
        json: String,
    },
    /// A query over the data sources.
    Query {
        /// Its SQL text.
        sql: String,
    },
    /// One row for each key that has a valid row at the end.
    Snapshot {
        /// As Feast's `start_date`.
        start: Option<String>,
        /// The time of all rows.
        end: String,
    },
    /// Every change of the views' rows.
    Changes {
        /// First instant.
        start: String,
        /// Last instant.
        end: String,
    },
    /// Rows that a program handed over.
    Given,
}

/// A file or object, and what tells its content from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Absolute path, or URL.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// ETag of an object.
    pub etag: Option<String>,
    /// When a local file was last written.
    pub modified: Option<String>,
}

impl From<&FileVersion> for FileRecord {
    fn from(file: &FileVersion) -> Self {
        Self {
            path: file.path.clone(),
            size: file.size,
            etag: file.tag.clone(),
            modified: file.modified.map(|time| time.to_string()),
        }
    }
}

/// What state of its source a view was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Name of the view or its alias.
    pub view: String,
    /// Name of the source.
    pub source: String,
    /// Its state.
    pub state: StateRecord,
}

/// The state of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateRecord {
    /// The store cannot tell.
    Unknown,
    /// Files, in the order in which they are read.
    Files {
        /// The files.
        files: Vec<FileRecord>,
    },
    /// A version of a table.
    Table {
        /// Where it is.
        location: String,
        /// Its version.
        version: u64,
    },
}

impl From<&SourceVersion> for StateRecord {
    fn from(version: &SourceVersion) -> Self {
        match version {
            SourceVersion::Unknown => Self::Unknown,
            SourceVersion::Files(files) => {
                Self::Files { files: files.iter().map(FileRecord::from).collect() }
            }
            SourceVersion::Table { location, version } => {
                Self::Table { location: location.clone(), version: *version }
            }
        }
    }
}

impl StateRecord {
    /// What a store is told to go back to.
    pub(crate) fn version(&self) -> SourceVersion {
        match self {
            Self::Unknown => SourceVersion::Unknown,
            Self::Table { location, version } => {
                SourceVersion::Table { location: location.clone(), version: *version }
            }
            Self::Files { files } => SourceVersion::Files(files.iter().map(FileRecord::version).collect()),
        }
    }
}

impl FileRecord {
    fn version(&self) -> FileVersion {
        FileVersion {
            path: self.path.clone(),
            size: self.size,
            tag: self.etag.clone(),
            modified: self.modified.as_deref().and_then(|time| Timestamp::parse(time).ok()),
        }
    }
}

/// What was joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Of the views below, in canonical form.
    pub hash: String,
    /// One a use of a view, in the order of the request.
    pub views: Vec<ViewPlan>,
}

/// What was read of a view. Columns are those of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewPlan {
    /// Name of the view or its alias.
    pub name: String,
    /// Name of its source.
    pub source: String,
    /// What it was joined on.
    pub keys: Vec<KeyRecord>,
    /// Its features: column of the result, and of the source.
    pub features: Vec<(String, String)>,
    /// Column of the event time.
    pub event_column: String,
    /// Column of the created time.
    pub created_column: Option<String>,
    /// Lifetime in microseconds; nothing for ever.
    pub ttl: Option<i64>,
    /// Which rows counted as known: `created` or `none`.
    pub known_at: String,
}

/// A join key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Column of the entity rows.
    pub name: String,
    /// Column of the source.
    pub column: String,
    /// Declared type.
    pub r#type: String,
}

impl From<&ViewJoin> for ViewPlan {
    fn from(view: &ViewJoin) -> Self {
        let key = |key: &provender_core::offline::KeyColumn| KeyRecord {
            name: key.name.clone(),
            column: key.column.clone(),
            r#type: key.value_type.to_string(),
        };
        Self {
            name: view.name.clone(),
            source: view.source.name.clone(),
            keys: view.keys.iter().map(key).collect(),
            features: view.features.iter().map(|f| (f.name.clone(), f.column.clone())).collect(),
            event_column: view.event_column.clone(),
            created_column: view.created_column.clone(),
            ttl: view.ttl,
            known_at: known_at(view.known_at),
        }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultRecord {
    /// Where it was written: absolute path, or URL.
    pub location: Option<String>,
    /// Rows of a block of the content hashes.
    pub block_rows: u64,
    /// Hashes of the rows.
    pub content: Content,
}

/// What the join found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRecord {
    /// Entity rows.
    pub rows: u64,
    /// One a use of a view, in the order of the request.
    pub views: Vec<ViewRecord>,
    /// By feature column: cells that the other choice of known rows would change. Columns that nobody counted are left out.
    pub changed: BTreeMap<String, u64>,
}

/// What the join found in a view. Counts are of entity rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRecord {
    /// Name of the view or its alias.
    pub name: String,
    /// Rows that got a value row.
    pub matched: u64,
    /// Rows with no row at or before their time.
    pub unmatched: u64,
    /// Rows whose newest candidate is older than the ttl.
    pub expired: u64,
    /// Rows whose value row was created after their time; nothing without a created column.
    pub leaked: Option<u64>,
    /// Rows by the age of what they got; nothing from a store that does not count.
    pub ages: Option<Vec<AgeRecord>>,
}

/// How many rows got values of an age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeRecord {
    /// The oldest of that age, in seconds; nothing for all that are older.
    pub seconds: Option<i64>,
    /// Rows.
    pub rows: u64,
}
