//! Feature views: named groups of features of one source.

use super::{DUMMY_ENTITY, DataSource, Field, Meta, Projection, Tags};
use crate::Timestamp;

/// Which list of the registry holds a feature view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ViewKind {
    /// `FeatureView`.
    #[default]
    Batch,
    /// `StreamFeatureView`.
    Stream,
}

/// A named group of features of one source, keyed by entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureView {
    /// Unique among all views of the project, without regard to case; no `:` or `@`.
    pub name: String,
    /// Which list of the registry holds it.
    pub kind: ViewKind,
    /// Names of its entities; empty or `["__dummy"]` for a view without entities.
    pub entities: Vec<String>,
    /// Join keys with their types, in the order of the entities.
    pub entity_columns: Vec<Field>,
    /// Features, in order.
    pub features: Vec<Field>,
    /// How long a row is valid, in microseconds; `None` (absent) and `Some(0)` mean for ever, and Feast tells them apart.
    pub ttl: Option<i64>,
    /// Where its history is.
    pub batch_source: Option<DataSource>,
    /// The push or stream source in front of it.
    pub stream_source: Option<DataSource>,
    /// Whether it is served online.
    pub online: bool,
    /// Whether materialized rows are also appended to the offline store.
    pub offline: bool,
    /// Whether reads and materialization are allowed.
    pub enabled: bool,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// What has been materialized, in the order it was recorded.
    pub materialization_intervals: Vec<MaterializationInterval>,
    /// Number of `feast.core.FeatureViewState`; 4 is AVAILABLE_ONLINE.
    pub state: i32,
    /// Version of its schema, from 0.
    pub version_number: i32,
    /// Filled by the registry.
    pub meta: Meta,
}

impl FeatureView {
    /// Whether it has no entity (its rows are known by time alone).
    #[must_use]
    pub fn is_entityless(&self) -> bool {
        self.entities.is_empty() || self.entities.iter().all(|e| e == DUMMY_ENTITY)
    }

    /// Join keys that its rows are known by; none for an entity-less view.
    pub fn join_keys(&self) -> impl Iterator<Item = &Field> {
        let dummy = self.is_entityless();
        self.entity_columns.iter().filter(move |_| !dummy)
    }

    /// The feature of a name.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&Field> {
        self.features.iter().find(|f| f.name == name)
    }

    /// The lifetime in microseconds, if it is limited.
    #[must_use]
    pub fn limited_ttl(&self) -> Option<i64> {
        self.ttl.filter(|ttl| *ttl > 0)
    }
}

/// A window that has been materialized, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaterializationInterval {
    /// First instant.
    pub start: Timestamp,
    /// Last instant.
    pub end: Timestamp,
}

/// A view computed from other views and request data. Kept and listed; runs where a runtime of its mode is registered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnDemandFeatureView {
    /// Unique among all views of the project.
    pub name: String,
    /// `pandas`, `python`, `substrait`, …
    pub mode: String,
    /// What it computes.
    pub features: Vec<Field>,
    /// What it reads, by name.
    pub sources: Vec<(String, OnDemandSource)>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// Filled by the registry.
    pub meta: Meta,
}

/// One input of an on-demand view.
#[derive(Clone, Debug, PartialEq)]
pub enum OnDemandSource {
    /// Features of a view.
    View(Projection),
    /// Values that come with the request.
    Request(Box<DataSource>),
}
