//! The registry: versioned definitions behind a compare-and-swap.
//!
//! A backend stores versioned bytes or rows. Lookup, listing, validation, diff and caching are written once, over the immutable snapshot.

use crate::model::{
    DataSource, Entity, FeatureService, FeatureView, Object, ObjectKind, OnDemandFeatureView, Permission,
    Project,
};
use crate::{Error, Result, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, OnceLock};

/// A store of definitions.
#[async_trait]
pub trait Registry: Debug + Send + Sync + 'static {
    /// The current definitions and their version. A registry that does not exist yet is empty, not an error.
    async fn snapshot(&self) -> Result<(Version, Arc<RegistrySnapshot>)>;

    /// Applies changes if the registry is still at `base`, all or none; answers the new version.
    ///
    /// # Errors
    /// `Conflict` if somebody else committed since `base`; read again, plan again, retry.
    async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Version>;

    /// Where it is, for people.
    fn describe(&self) -> String;
}

/// An opaque version of a registry: equal exactly when nothing was committed in between.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub Arc<str>);

impl Version {
    /// The version of a registry that does not exist yet.
    #[must_use]
    pub fn absent() -> Self {
        Self("".into())
    }
}

impl Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.0)
    }
}

/// One change of a commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Adds an object, or replaces the one of its kind and name. The backend fills times and keeps what the model does not carry.
    Put {
        /// Project it belongs to (its own name for a project).
        project: String,
        /// The object.
        object: Object,
    },
    /// Removes an object; one that is not there is no error.
    Delete {
        /// Project it belongs to.
        project: String,
        /// Its kind.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// Removes a project with everything in it.
    DeleteProject(String),
}

/// Turns the stored bytes of an object into the model and into JSON.
pub trait ObjectCodec: Debug + Send + Sync + 'static {
    /// Decodes one object.
    fn decode(&self, kind: ObjectKind, raw: &[u8]) -> Result<Object>;
    /// The object in protobuf-JSON form (camelCase), as `registry-dump` and `describe` show it.
    fn to_json(&self, kind: ObjectKind, raw: &[u8]) -> Result<serde_json::Value>;
}

/// One object as a registry holds it: raw bytes, decoded when first asked for.
pub struct Stored {
    /// What it is.
    pub kind: ObjectKind,
    /// Project it belongs to.
    pub project: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    raw: Bytes,
    codec: Option<Arc<dyn ObjectCodec>>,
    decoded: OnceLock<Result<Object, String>>,
}

impl Stored {
    /// An object whose bytes are decoded when first asked for.
    #[must_use]
    pub fn lazy(
        kind: ObjectKind,
        project: Arc<str>,
        name: Arc<str>,
        raw: Bytes,
        codec: Arc<dyn ObjectCodec>,
    ) -> Self {
        Self { kind, project, name, raw, codec: Some(codec), decoded: OnceLock::new() }
    }

    /// An object that was never bytes: of the in-memory registry.
    #[must_use]
    pub fn decoded(project: Arc<str>, object: Object) -> Self {
        let (kind, name) = (object.kind(), object.name().into());
        Self { kind, project, name, raw: Bytes::new(), codec: None, decoded: OnceLock::from(Ok(object)) }
    }

    /// Its bytes as stored; empty for an object that was never bytes.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The object.
    ///
    /// # Errors
    /// `Internal` naming the object if its bytes are damaged; other objects are not affected.
    pub fn object(&self) -> Result<&Object> {
        let decode = || match &self.codec {
            Some(codec) => codec.decode(self.kind, &self.raw).map_err(|e| e.report()),
            None => Err("no bytes and no codec".to_owned()),
        };
        self.decoded.get_or_init(decode).as_ref().map_err(|cause| {
            Error::internal("the registry holds a damaged object")
                .with("kind", self.kind)
                .with("name", &self.name)
                .with("project", &self.project)
                .because(cause.clone())
        })
    }

    /// The object in protobuf-JSON form.
    ///
    /// # Errors
    /// `Internal` if its bytes are damaged; `Unsupported` for an object that was never bytes.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        match &self.codec {
            Some(codec) => codec.to_json(self.kind, &self.raw),
            None => Err(Error::unsupported("this registry keeps no stored form of its objects")),
        }
    }
}

impl Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {} ({} bytes)", self.kind, self.name, self.project, self.raw.len())
    }
}

/// The definitions of a registry at one version: immutable, shared by readers.
#[derive(Debug, Default)]
pub struct RegistrySnapshot {
    projects: BTreeMap<Arc<str>, ProjectObjects>,
    /// When it was last written.
    pub updated: Option<Timestamp>,
}

type ProjectObjects = BTreeMap<(ObjectKind, Arc<str>), Arc<Stored>>;

impl RegistrySnapshot {
    /// A snapshot of these objects. Of two with the same project, kind and name the later stays.
    #[must_use]
    pub fn new(objects: impl IntoIterator<Item = Arc<Stored>>, updated: Option<Timestamp>) -> Self {
        let mut projects: BTreeMap<Arc<str>, ProjectObjects> = BTreeMap::new();
        for object in objects {
            projects
                .entry(object.project.clone())
                .or_default()
                .insert((object.kind, object.name.clone()), object);
        }
        Self { projects, updated }
    }

    /// Names of the projects that have any object, sorted.
    pub fn project_names(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(|k| &**k)
    }

    /// All objects of a project, by kind and name.
    pub fn objects(&self, project: &str) -> impl Iterator<Item = &Arc<Stored>> {
        self.projects.get(project).into_iter().flat_map(|objects| objects.values())
    }

    /// The objects of one kind of a project, by name.
    pub fn list(&self, project: &str, kind: ObjectKind) -> impl Iterator<Item = &Arc<Stored>> {
        self.objects(project).filter(move |o| o.kind == kind)
    }

    /// One object as stored.
    #[must_use]
    pub fn find(&self, project: &str, kind: ObjectKind, name: &str) -> Option<&Arc<Stored>> {
        self.projects.get(project)?.get(&(kind, Arc::from(name)))
    }

    /// A project's own object, if it has one.
    ///
    /// # Errors
    /// `Internal` if it is damaged.
    pub fn project(&self, name: &str) -> Result<Option<&Arc<Project>>> {
        Ok(match self.find(name, ObjectKind::Project, name).map(|s| s.object()).transpose()? {
            Some(Object::Project(p)) => Some(p),
            _ => None,
        })
    }

    /// An entity.
    ///
    /// # Errors
    /// `NotFound`, or `Internal` if it is damaged.
    pub fn entity(&self, project: &str, name: &str) -> Result<&Arc<Entity>> {
        match self.require(project, ObjectKind::Entity, name)? {
            Object::Entity(o) => Ok(o),
            _ => Err(missing(project, ObjectKind::Entity, name)),
        }
    }

    /// A data source.
    ///
    /// # Errors
    /// `NotFound`, or `Internal` if it is damaged.
    pub fn data_source(&self, project: &str, name: &str) -> Result<&Arc<DataSource>> {
        match self.require(project, ObjectKind::DataSource, name)? {
            Object::DataSource(o) => Ok(o),
            _ => Err(missing(project, ObjectKind::DataSource, name)),
        }
    }

    /// A batch or stream feature view.
    ///
    /// # Errors
    /// `NotFound`, or `Internal` if it is damaged.
    pub fn feature_view(&self, project: &str, name: &str) -> Result<&Arc<FeatureView>> {
        for kind in [ObjectKind::FeatureView, ObjectKind::StreamFeatureView] {
            if let Some(stored) = self.find(project, kind, name)
                && let Object::FeatureView(view) = stored.object()?
            {
                return Ok(view);
            }
        }
        Err(missing(project, ObjectKind::FeatureView, name))
    }

    /// All batch and stream feature views of a project, by name; a damaged one is an error in its place.
    pub fn feature_views(&self, project: &str) -> impl Iterator<Item = Result<&Arc<FeatureView>>> {
        self.objects(project)
            .filter(|o| matches!(o.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView))
            .filter_map(|stored| match stored.object() {
                Ok(Object::FeatureView(view)) => Some(Ok(view)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            })
    }

    /// An on-demand feature view.
    ///
    /// # Errors
    /// `NotFound`, or `Internal` if it is damaged.
    pub fn on_demand_view(&self, project: &str, name: &str) -> Result<&Arc<OnDemandFeatureView>> {
        match self.require(project, ObjectKind::OnDemandFeatureView, name)? {
            Object::OnDemandFeatureView(o) => Ok(o),
            _ => Err(missing(project, ObjectKind::OnDemandFeatureView, name)),
        }
    }

    /// A feature service.
    ///
    /// # Errors
    /// `NotFound`, or `Internal` if it is damaged.
    pub fn feature_service(&self, project: &str, name: &str) -> Result<&Arc<FeatureService>> {
        match self.require(project, ObjectKind::FeatureService, name)? {
            Object::FeatureService(o) => Ok(o),
            _ => Err(missing(project, ObjectKind::FeatureService, name)),
        }
    }

    /// A permission.
    ///
    /// # Errors
    /// `NotFound`, or `Internal` if it is damaged.
    pub fn permission(&self, project: &str, name: &str) -> Result<&Arc<Permission>> {
        match self.require(project, ObjectKind::Permission, name)? {
            Object::Permission(o) => Ok(o),
            _ => Err(missing(project, ObjectKind::Permission, name)),
        }
    }

    fn require(&self, project: &str, kind: ObjectKind, name: &str) -> Result<&Object> {
        self.find(project, kind, name).ok_or_else(|| missing(project, kind, name))?.object()
    }
}

fn missing(project: &str, kind: ObjectKind, name: &str) -> Error {
    Error::not_found(format!("{kind} {name} does not exist in project {project}")).with("kind", kind.class())
}
