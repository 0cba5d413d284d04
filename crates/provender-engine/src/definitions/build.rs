//! Definitions as values: what every front end produces, and a program can write down itself.
//!
//! ```
//! use provender_engine::Definitions;
//! use provender_engine::build::{Entity, FeatureService, FeatureView, Source, Use};
//! use provender_core::ValueType;
//! use std::time::Duration;
//!
//! let definitions = Definitions::new()
//!     .with(Entity::new("driver").join_key("driver_id"))
//!     .with(Source::file("driver_hourly", "data/driver_hourly.parquet").timestamp_field("event_timestamp"))
//!     .with(
//!         FeatureView::new("driver_stats")
//!             .entity("driver")
//!             .ttl(Duration::from_hours(24))
//!             .feature("conv_rate", ValueType::FLOAT)
//!             .feature("trips", ValueType::INT64)
//!             .source("driver_hourly")
//!             .owner("team@example.com"),
//!     )
//!     .with(
//!         FeatureService::new("model_v1")
//!             .uses("driver_stats")
//!             .uses(Use::of("driver_stats").feature("trips").alias("origin").join_key("driver_id", "origin_driver")),
//!     );
//! assert_eq!(definitions.objects.len(), 4);
//! ```
//!
//! What is left out is inferred from the source, as in YAML: the features of a view, the type of an entity, the timestamp column of a source.

mod source;

pub use source::{Source, SourceRef};

use provender_core::model::{self, Field, Projection, ViewKind};
use provender_core::{SECOND, ValueType};
use std::time::Duration;

/// A declared object whose references are still names.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Draft {
    Project(Project),
    Entity(Entity),
    Source(Source),
    FeatureView(Box<FeatureView>),
    FeatureService(FeatureService),
    Permission(Permission),
}

macro_rules! drafts {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            pub(crate) model: model::$name,
        }
        drafts!(@draft $name);
    )*};
    (@draft $name:ident) => {
        impl From<$name> for Draft {
            fn from(draft: $name) -> Self {
                Self::$name(draft)
            }
        }
    };
}

drafts! {
    /// The project itself; without one it has the name and description of `feature_store.yaml`.
    Project;
    /// An entity. Its join key is its name unless another is set; the type of its join key is inferred from sources unless set.
    Entity;
    /// A feature service.
    FeatureService;
    /// A permission: kept and listed.
    Permission;
}
drafts!(@draft Source);

impl From<FeatureView> for Draft {
    fn from(draft: FeatureView) -> Self {
        Self::FeatureView(Box::new(draft))
    }
}

macro_rules! described {
    ($($name:ident)*) => {$(
        impl $name {
            /// Says what it is, for people.
            #[must_use]
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.model.description = text.into();
                self
            }

            /// Says whom to ask.
            #[must_use]
            pub fn owner(mut self, owner: impl Into<String>) -> Self {
                self.model.owner = owner.into();
                self
            }

            /// Adds a label.
            #[must_use]
            pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
                self.model.tags.insert(key.into(), value.into());
                self
            }
        }
    )*};
}
use described;

described! { Project Entity FeatureView FeatureService }

impl Project {
    /// The project; its name must be that of `feature_store.yaml`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { model: model::Project { name: name.into(), ..model::Project::default() } }
    }
}

impl Entity {
    /// An entity whose join key is its name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { model: model::Entity { join_key: name.clone(), name, ..model::Entity::default() } }
    }

    /// Sets the column that identifies it.
    #[must_use]
    pub fn join_key(mut self, column: impl Into<String>) -> Self {
        self.model.join_key = column.into();
        self
    }

    /// Sets the type of the join key.
    #[must_use]
    pub fn value_type(mut self, value_type: ValueType) -> Self {
        self.model.value_type = value_type;
        self
    }
}

/// A feature view: online, enabled, not offline, without ttl, and with the features of its source, unless set otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureView {
    /// The declared fields, join keys among them, are in `features`.
    pub(crate) model: model::FeatureView,
    pub(crate) source: Option<SourceRef>,
}

impl FeatureView {
    /// A view of a name.
    pub fn new(name: impl Into<String>) -> Self {
        let model = model::FeatureView {
            name: name.into(),
            ttl: Some(0),
            online: true,
            enabled: true,
            ..model::FeatureView::default()
        };
        Self { model, source: None }
    }

    /// A stream feature view: its source is a stream or push source.
    pub fn stream(name: impl Into<String>) -> Self {
        let mut view = Self::new(name);
        view.model.kind = ViewKind::Stream;
        view
    }

    /// Adds an entity, by name.
    #[must_use]
    pub fn entity(mut self, name: impl Into<String>) -> Self {
        self.model.entities.push(name.into());
        self
    }

    /// Limits how long a row is valid, in whole microseconds; zero means for ever.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        let whole = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX).saturating_mul(SECOND);
        self.model.ttl = Some(whole.saturating_add(ttl.subsec_micros().into()));
        self
    }

    /// Adds a feature of a name and type.
    #[must_use]
    pub fn feature(self, name: impl Into<String>, value_type: ValueType) -> Self {
        self.field(Field::new(name, value_type))
    }

    /// Adds a feature with all its settings. A field that is named as a join key declares the type of that key.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.model.features.push(field);
        self
    }

    /// Sets where its rows come from: the name of a source, or the source itself.
    #[must_use]
    pub fn source(mut self, source: impl Into<SourceRef>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets whether it is served online.
    #[must_use]
    pub fn online(mut self, online: bool) -> Self {
        self.model.online = online;
        self
    }

    /// Sets whether materialized rows are also appended to the offline store.
    #[must_use]
    pub fn offline(mut self, offline: bool) -> Self {
        self.model.offline = offline;
        self
    }

    /// Sets whether reads and materialization are allowed.
    #[must_use]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.model.enabled = enabled;
        self
    }
}

impl FeatureService {
    /// A service without features.
    pub fn new(name: impl Into<String>) -> Self {
        Self { model: model::FeatureService { name: name.into(), ..model::FeatureService::default() } }
    }

    /// Adds features: a view by its name, with all of its features, or a [`Use`] of one.
    #[must_use]
    pub fn uses(mut self, what: impl Into<Use>) -> Self {
        self.model.projections.push(what.into().0);
        self
    }
}

/// How a service uses a view: with all of its features unless some are named.
#[derive(Clone, Debug, PartialEq)]
pub struct Use(Projection);

impl Use {
    /// All features of a view.
    pub fn of(view: impl Into<String>) -> Self {
        Self(Projection { view: view.into(), ..Projection::default() })
    }

    /// Adds one feature of the view, instead of all.
    #[must_use]
    pub fn feature(mut self, name: impl Into<String>) -> Self {
        self.0.features.push(Field::new(name, ValueType::UNKNOWN));
        self
    }

    /// Sets the name that it goes by here.
    #[must_use]
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.0.alias = Some(name.into());
        self
    }

    /// Takes a join key of the view from another column of the entity rows.
    #[must_use]
    pub fn join_key(mut self, key: impl Into<String>, column: impl Into<String>) -> Self {
        self.0.join_key_map.insert(key.into(), column.into());
        self
    }
}

impl From<&str> for Use {
    fn from(view: &str) -> Self {
        Self::of(view)
    }
}

impl Permission {
    /// A permission on objects of all kinds, for nobody, to do nothing.
    pub fn new(name: impl Into<String>) -> Self {
        Self { model: model::Permission { name: name.into(), ..model::Permission::default() } }
    }

    /// Adds a kind of object, by Feast's class name.
    #[must_use]
    pub fn object_type(mut self, class: impl Into<String>) -> Self {
        self.model.types.push(class.into());
        self
    }

    /// Adds a regular expression on object names.
    #[must_use]
    pub fn name_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.model.name_patterns.push(pattern.into());
        self
    }

    /// Adds an action by Feast's name, such as `READ_ONLINE`, or an alias: `READ`, `WRITE`, `CRUD`, `ALL_ACTIONS`.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.model.actions.push(action.into());
        self
    }

    /// Adds a role that has it.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.model.roles.push(role.into());
        self
    }

    /// Adds a tag that an object must carry.
    #[must_use]
    pub fn required_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.model.required_tags.insert(key.into(), value.into());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.model.tags.insert(key.into(), value.into());
        self
    }
}
