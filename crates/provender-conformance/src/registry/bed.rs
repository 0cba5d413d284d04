//! What the rules of the registry are written with.

use super::Store;
use crate::outcome::Stop;
use provender_core::model::{
    DUMMY_ENTITY, DataSource, Entity, FeatureView, Meta, Object, ObjectKind, OnDemandSource, SourceKind,
};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Kind, Result, ValueType};
use std::sync::Arc;

/// A fresh registry.
pub(super) type Bed = crate::harness::Bed<Store>;

/// An entity with a description.
pub(super) fn entity(name: &str, description: &str) -> Object {
    Object::Entity(Arc::new(Entity {
        name: name.to_owned(),
        join_key: format!("{name}_id"),
        value_type: ValueType::INT64,
        description: description.to_owned(),
        ..Entity::default()
    }))
}

/// A change that puts an object.
pub(super) fn put(project: &str, object: Object) -> Change {
    Change::Put { project: project.to_owned(), object }
}

/// A change that deletes an entity.
pub(super) fn delete(project: &str, name: &str) -> Change {
    Change::Delete { project: project.to_owned(), kind: ObjectKind::Entity, name: name.to_owned() }
}

/// Names and descriptions of the entities of a project, without the one that a backend may add for Feast's sake.
pub(super) fn entities(snapshot: &RegistrySnapshot, project: &str) -> Result<Vec<String>> {
    let ours = snapshot.list(project, ObjectKind::Entity).filter(|stored| &*stored.name != DUMMY_ENTITY);
    ours.map(|stored| match stored.object()? {
        Object::Entity(entity) => Ok(format!("{}: {}", entity.name, entity.description)),
        other => Ok(format!("{} is listed as an entity", other.name())),
    })
    .collect()
}

/// Commits from the newest version, again and again until nobody was faster.
pub(super) async fn commit_until_done(store: &Store, changes: &[Change]) -> Result<Version> {
    loop {
        let (base, _) = store.snapshot().await?;
        match store.commit(&base, changes).await {
            Err(error) if error.kind() == Kind::Conflict => tokio::task::yield_now().await,
            done => return done,
        }
    }
}

impl Bed {
    /// Name of the rule's project.
    pub(super) fn project(&self) -> &str {
        &self.context.project
    }

    /// Commits from the newest version.
    pub(super) async fn commit(&self, changes: &[Change]) -> Result<Version, Stop> {
        let (base, _) = self.store.snapshot().await?;
        Ok(self.store.commit(&base, changes).await?)
    }

    /// Puts objects into the rule's project.
    pub(super) async fn put(&self, objects: impl IntoIterator<Item = Object>) -> Result<Version, Stop> {
        let changes: Vec<Change> = objects.into_iter().map(|object| put(self.project(), object)).collect();
        self.commit(&changes).await
    }

    /// The definitions as they are.
    pub(super) async fn snapshot(&self) -> Result<Arc<RegistrySnapshot>, Stop> {
        Ok(self.store.snapshot().await?.1)
    }

    /// Entities of the rule's project.
    pub(super) async fn entities(&self) -> Result<Vec<String>, Stop> {
        Ok(entities(&*self.snapshot().await?, self.project())?)
    }
}

/// An object without the times that a registry fills, its own and those of the sources in it.
pub(super) fn timeless(object: &Object) -> Object {
    match object.clone().with_meta(Meta::default()) {
        Object::DataSource(source) => Object::DataSource(Arc::new(timeless_source(&source))),
        Object::FeatureView(view) => Object::FeatureView(Arc::new(FeatureView {
            batch_source: view.batch_source.as_ref().map(timeless_source),
            stream_source: view.stream_source.as_ref().map(timeless_source),
            ..FeatureView::clone(&view)
        })),
        Object::OnDemandFeatureView(view) => {
            let mut view = provender_core::model::OnDemandFeatureView::clone(&view);
            for (_, source) in &mut view.sources {
                if let OnDemandSource::Request(request) = source {
                    **request = timeless_source(request);
                }
            }
            Object::OnDemandFeatureView(Arc::new(view))
        }
        other => other,
    }
}

fn timeless_source(source: &DataSource) -> DataSource {
    let mut source = DataSource { meta: Meta::default(), ..source.clone() };
    if let SourceKind::Push { batch } | SourceKind::Kafka { batch, .. } | SourceKind::Kinesis { batch, .. } =
        &mut source.kind
    {
        *batch = batch.as_deref().map(|batch| Box::new(timeless_source(batch)));
    }
    source
}
