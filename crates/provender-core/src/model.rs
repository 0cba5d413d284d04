//! The domain model: what a feature repository declares and a registry holds.
//!
//! These types carry no serialisation: YAML, protobuf and JSON are converted at the edges.

mod service;
mod source;
mod view;

pub use service::{FeatureReference, FeatureService, Projection};
pub use source::{DataSource, FileFormat, SourceKind};
pub use view::{FeatureView, MaterializationInterval, OnDemandFeatureView, OnDemandSource, ViewKind};

use crate::{Timestamp, ValueType};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Free labels on an object.
pub type Tags = BTreeMap<String, String>;

/// Name of the entity that Feast gives to views without entities; it must be in every registry.
pub const DUMMY_ENTITY: &str = "__dummy";
/// Join key of [`DUMMY_ENTITY`]; its value is the empty string.
pub const DUMMY_JOIN_KEY: &str = "__dummy_id";
/// Tag in which Feast keeps the JSON text of a struct's fields; hidden from users.
pub const STRUCT_SCHEMA_TAG: &str = "feast:struct_schema";
/// Tag in which Feast keeps the type text of a nested collection; hidden from users.
pub const NESTED_TYPE_TAG: &str = "feast:nested_inner_type";

/// When an object was first and last applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// First applied.
    pub created: Option<Timestamp>,
    /// Last changed.
    pub updated: Option<Timestamp>,
}

/// A namespace of definitions; one repository holds one project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Unique in the registry.
    pub name: String,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// Filled by the registry; ignored when definitions are compared.
    pub meta: Meta,
}

/// A thing that features describe, known by one join key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entity {
    /// Unique in the project.
    pub name: String,
    /// The column that identifies it; the name when not declared.
    pub join_key: String,
    /// Type of the join key; UNKNOWN if it is to be inferred from sources.
    pub value_type: ValueType,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// Filled by the registry.
    pub meta: Meta,
}

/// A named, typed column: a feature, an entity column, or an input of a request source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// Unique in its view.
    pub name: String,
    /// Feast's type.
    pub value_type: ValueType,
    /// For people.
    pub description: String,
    /// Free labels, including Feast's hidden ones ([`STRUCT_SCHEMA_TAG`], [`NESTED_TYPE_TAG`]).
    pub tags: Tags,
    /// Vector search settings, if it is indexed.
    pub vector: Option<VectorIndex>,
}

impl Field {
    /// A field of a name and type, nothing else.
    pub fn new(name: impl Into<String>, value_type: ValueType) -> Self {
        Self { name: name.into(), value_type, ..Self::default() }
    }
}

/// How a vector feature is indexed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorIndex {
    /// Number of items.
    pub length: i32,
    /// Distance, such as `COSINE`.
    pub metric: String,
}

/// Who may do what to which objects; kept and listed, enforced by servers in a later version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Permission {
    /// Unique in the project.
    pub name: String,
    /// Kinds of object, by Feast's class names.
    pub types: Vec<String>,
    /// Regular expressions on object names.
    pub name_patterns: Vec<String>,
    /// Tags that an object must carry.
    pub required_tags: Tags,
    /// Feast's action names, such as `READ_ONLINE`.
    pub actions: Vec<String>,
    /// Roles of a role based policy.
    pub roles: Vec<String>,
    /// Free labels.
    pub tags: Tags,
    /// Filled by the registry.
    pub meta: Meta,
}

/// An object of a kind that Provender only keeps and lists.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Unique in the project and kind.
    pub name: String,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// Filled by the registry.
    pub meta: Meta,
}

macro_rules! object_kinds {
    ($($variant:ident, $class:literal, $noun:literal, $command:literal;)*) => {
        /// The kinds of object that a registry holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum ObjectKind { $($variant,)* }
        impl ObjectKind {
            /// Every kind, in the order in which they are applied.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// Feast's class name, the `kind:` of a definition.
            #[must_use]
            pub fn class(self) -> &'static str { match self { $(Self::$variant => $class,)* } }
            /// What people call it: `feature view`.
            #[must_use]
            pub fn noun(self) -> &'static str { match self { $(Self::$variant => $noun,)* } }
            /// The command that lists it: `feature-views`.
            #[must_use]
            pub fn command(self) -> &'static str { match self { $(Self::$variant => $command,)* } }
        }
    };
}

object_kinds! {
    Project, "Project", "project", "projects";
    DataSource, "DataSource", "data source", "data-sources";
    Entity, "Entity", "entity", "entities";
    FeatureView, "FeatureView", "feature view", "feature-views";
    StreamFeatureView, "StreamFeatureView", "stream feature view", "stream-feature-views";
    OnDemandFeatureView, "OnDemandFeatureView", "on demand feature view", "on-demand-feature-views";
    LabelView, "LabelView", "label view", "label-views";
    FeatureService, "FeatureService", "feature service", "feature-services";
    SavedDataset, "SavedDataset", "saved dataset", "saved-datasets";
    ValidationReference, "ValidationReference", "validation reference", "validation-references";
    Permission, "Permission", "permission", "permissions";
}

impl ObjectKind {
    /// Whether it is a view: view names are unique across all view kinds, without regard to case.
    #[must_use]
    pub fn is_view(self) -> bool {
        matches!(
            self,
            Self::FeatureView | Self::StreamFeatureView | Self::OnDemandFeatureView | Self::LabelView
        )
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}

/// One object of a registry, decoded.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Object {
    Project(Arc<Project>),
    DataSource(Arc<DataSource>),
    Entity(Arc<Entity>),
    /// A batch or stream feature view; [`FeatureView::kind`] says which list of the registry holds it.
    FeatureView(Arc<FeatureView>),
    OnDemandFeatureView(Arc<OnDemandFeatureView>),
    FeatureService(Arc<FeatureService>),
    Permission(Arc<Permission>),
    Other(Arc<OtherObject>),
}

impl Object {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Project(_) => ObjectKind::Project,
            Self::DataSource(_) => ObjectKind::DataSource,
            Self::Entity(_) => ObjectKind::Entity,
            Self::FeatureView(v) if v.kind == ViewKind::Stream => ObjectKind::StreamFeatureView,
            Self::FeatureView(_) => ObjectKind::FeatureView,
            Self::OnDemandFeatureView(_) => ObjectKind::OnDemandFeatureView,
            Self::FeatureService(_) => ObjectKind::FeatureService,
            Self::Permission(_) => ObjectKind::Permission,
            Self::Other(o) => o.kind,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Project(o) => &o.name,
            Self::DataSource(o) => &o.name,
            Self::Entity(o) => &o.name,
            Self::FeatureView(o) => &o.name,
            Self::OnDemandFeatureView(o) => &o.name,
            Self::FeatureService(o) => &o.name,
            Self::Permission(o) => &o.name,
            Self::Other(o) => &o.name,
        }
    }

    /// Its free labels.
    #[must_use]
    pub fn tags(&self) -> &Tags {
        match self {
            Self::Project(o) => &o.tags,
            Self::DataSource(o) => &o.tags,
            Self::Entity(o) => &o.tags,
            Self::FeatureView(o) => &o.tags,
            Self::OnDemandFeatureView(o) => &o.tags,
            Self::FeatureService(o) => &o.tags,
            Self::Permission(o) => &o.tags,
            Self::Other(o) => &o.tags,
        }
    }

    /// When it was created and last changed.
    #[must_use]
    pub fn meta(&self) -> Meta {
        match self {
            Self::Project(o) => o.meta,
            Self::DataSource(o) => o.meta,
            Self::Entity(o) => o.meta,
            Self::FeatureView(o) => o.meta,
            Self::OnDemandFeatureView(o) => o.meta,
            Self::FeatureService(o) => o.meta,
            Self::Permission(o) => o.meta,
            Self::Other(o) => o.meta,
        }
    }

    /// The same with these times.
    #[must_use]
    pub fn with_meta(mut self, meta: Meta) -> Self {
        match &mut self {
            Self::Project(o) => Arc::make_mut(o).meta = meta,
            Self::DataSource(o) => Arc::make_mut(o).meta = meta,
            Self::Entity(o) => Arc::make_mut(o).meta = meta,
            Self::FeatureView(o) => Arc::make_mut(o).meta = meta,
            Self::OnDemandFeatureView(o) => Arc::make_mut(o).meta = meta,
            Self::FeatureService(o) => Arc::make_mut(o).meta = meta,
            Self::Permission(o) => Arc::make_mut(o).meta = meta,
            Self::Other(o) => Arc::make_mut(o).meta = meta,
        }
        self
    }
}
