//! The changes that lead from a registry to what it should hold.

use super::diff::diff;
use super::flat::flatten;
use super::{FieldChange, ObjectAction, ObjectChange, Plan};
use provender_core::model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, Entity, FeatureView, Object, ObjectKind, OnDemandSource, SourceKind,
};
use provender_core::registry::{Change, RegistrySnapshot, Stored};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// A change to the registry, as people see it and as it is committed.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) shown: ObjectChange,
    pub(super) change: Change,
}

/// Objects to create, change and delete: objects before those that refer to them, deletions last and the other way round.
pub(super) fn steps(
    snapshot: &RegistrySnapshot,
    project: &str,
    desired: Vec<Object>,
    delete: bool,
) -> Vec<Step> {
    let gone = if delete { undeclared(snapshot, project, &desired) } else { Vec::new() };
    let mut steps: Vec<Step> =
        desired.into_iter().filter_map(|object| put(snapshot, project, object)).collect();
    steps.extend(gone.iter().rev().map(|stored| deletion(stored)));
    steps
}

/// Feast cannot read views without entities unless this is in the registry. Users never see it.
pub(super) fn missing_dummy(snapshot: &RegistrySnapshot, project: &str) -> Option<Change> {
    if snapshot.find(project, ObjectKind::Entity, DUMMY_ENTITY).is_some() {
        return None;
    }
    let entity = Entity { name: DUMMY_ENTITY.into(), join_key: DUMMY_JOIN_KEY.into(), ..Entity::default() };
    Some(Change::Put { project: project.to_owned(), object: Object::Entity(Arc::new(entity)) })
}

/// The deletion of an object.
pub(super) fn deletion(stored: &Stored) -> Step {
    let shown = ObjectChange {
        action: ObjectAction::Delete,
        kind: stored.kind,
        name: stored.name.to_string(),
        fields: Vec::new(),
    };
    let change = Change::Delete {
        project: stored.project.to_string(),
        kind: stored.kind,
        name: stored.name.to_string(),
    };
    Step { shown, change }
}

fn put(snapshot: &RegistrySnapshot, project: &str, object: Object) -> Option<Step> {
    let stored = snapshot.find(project, object.kind(), object.name());
    let (action, fields, object) = match stored.map(|stored| stored.object()) {
        None => (ObjectAction::Create, Vec::new(), object),
        Some(Ok(before)) => {
            let fields = diff(before, &object);
            if fields.is_empty() {
                return None;
            }
            (ObjectAction::Update, fields, carry(before, object))
        }
        Some(Err(_)) => {
            let damaged = FieldChange {
                field: "(stored object)".to_owned(),
                before: Some("damaged".to_owned()),
                after: Some("as declared".to_owned()),
            };
            (ObjectAction::Update, vec![damaged], object)
        }
    };
    let shown = ObjectChange { action, kind: object.kind(), name: object.name().to_owned(), fields };
    Some(Step { shown, change: Change::Put { project: project.to_owned(), object } })
}

/// Takes over what definitions know nothing of: what has been materialized, state, version, the time of creation.
fn carry(before: &Object, after: Object) -> Object {
    match (before, after) {
        (Object::FeatureView(before), Object::FeatureView(after)) => {
            Object::FeatureView(Arc::new(FeatureView {
                materialization_intervals: before.materialization_intervals.clone(),
                state: before.state,
                version_number: before.version_number,
                meta: before.meta,
                ..FeatureView::clone(&after)
            }))
        }
        (_, after) => after,
    }
}

/// Registered objects that the repository could declare and does not, unless something that stays refers to them.
fn undeclared<'a>(snapshot: &'a RegistrySnapshot, project: &str, desired: &[Object]) -> Vec<&'a Arc<Stored>> {
    let declared: HashSet<_> = desired.iter().map(|object| (object.kind(), object.name())).collect();
    let needed = needed(snapshot, project);
    snapshot
        .objects(project)
        .filter(|stored| stored.kind != ObjectKind::Project && &*stored.name != DUMMY_ENTITY)
        .filter(|stored| !declared.contains(&(stored.kind, &*stored.name)))
        .filter(|stored| declarable(stored) && !needed.contains(&(stored.kind, stored.name.to_string())))
        .collect()
}

/// Whether a repository can declare such an object. What it has no way to declare, a full sync must not delete.
fn declarable(stored: &Stored) -> bool {
    let foreign = |kind: &SourceKind| matches!(kind, SourceKind::Other { .. });
    match stored.object() {
        Ok(Object::OnDemandFeatureView(_) | Object::Other(_)) => false,
        Ok(Object::DataSource(source)) => !foreign(&source.kind),
        Ok(Object::FeatureView(view)) => !view.batch_source.as_ref().is_some_and(|s| foreign(&s.kind)),
        _ => !matches!(
            stored.kind,
            ObjectKind::OnDemandFeatureView
                | ObjectKind::LabelView
                | ObjectKind::SavedDataset
                | ObjectKind::ValidationReference
        ),
    }
}

/// What objects that stay whatever the repository says refer to: on-demand views their inputs, views their entities and sources.
fn needed(snapshot: &RegistrySnapshot, project: &str) -> HashSet<(ObjectKind, String)> {
    let mut needed = HashSet::new();
    let staying = || snapshot.objects(project).filter(|stored| !declarable(stored));
    for object in staying().filter_map(|stored| stored.object().ok()) {
        if let Object::OnDemandFeatureView(_) = object {
            needed.extend(references(object));
        }
    }
    let stays = |object: &Object| {
        let key = (object.kind(), object.name().to_owned());
        needed.contains(&key)
            || snapshot.find(project, key.0, &key.1).is_some_and(|stored| !declarable(stored))
    };
    let objects = snapshot.objects(project).filter_map(|stored| stored.object().ok());
    let views = objects.filter(|object| matches!(object, Object::FeatureView(_)));
    let behind: Vec<_> = views.filter(|view| stays(view)).flat_map(references).collect();
    needed.extend(behind);
    needed
}

/// What a view refers to: its entities, sources and views, the latter under both kinds that they may be of. Nothing for other objects.
fn references(object: &Object) -> Vec<(ObjectKind, String)> {
    match object {
        Object::FeatureView(view) => {
            let sources = view.batch_source.iter().chain(&view.stream_source);
            let entities = view.entities.iter().map(|name| (ObjectKind::Entity, name.clone()));
            entities.chain(sources.map(|source| (ObjectKind::DataSource, source.name.clone()))).collect()
        }
        Object::OnDemandFeatureView(view) => {
            let input = |source: &OnDemandSource| match source {
                OnDemandSource::View(used) => [ObjectKind::FeatureView, ObjectKind::StreamFeatureView]
                    .map(|kind| (kind, used.view.clone()))
                    .to_vec(),
                OnDemandSource::Request(source) => vec![(ObjectKind::DataSource, source.name.clone())],
            };
            view.sources.iter().flat_map(|(_, source)| input(source)).collect()
        }
        _ => Vec::new(),
    }
}

/// Names of the views that refer to an object. A damaged view cannot be asked.
pub(super) fn users<'a>(snapshot: &'a RegistrySnapshot, used: &Stored) -> Vec<&'a str> {
    let key = (used.kind, used.name.to_string());
    snapshot
        .objects(&used.project)
        .filter_map(|stored| stored.object().ok())
        .filter(|object| references(object).contains(&key))
        .map(Object::name)
        .collect()
}

/// A plan's id: a short hash of what it does and of the project as it is. What other projects do, and what is materialized meanwhile, does not count.
pub(super) fn plan_id(plan: &Plan, steps: &[Step], snapshot: &RegistrySnapshot) -> String {
    let mut hash = Sha256::new();
    hash.update(plan.changes_json().to_string());
    // What a plan shows of an object to create is its name alone.
    for step in steps {
        if let Change::Put { object, .. } = &step.change {
            hash_object(&mut hash, object.kind(), object.name(), Some(object), &[]);
        }
    }
    for stored in snapshot.objects(&plan.project) {
        hash_object(&mut hash, stored.kind, &stored.name, stored.object().ok(), stored.raw());
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What an object means; its bytes if that cannot be told.
fn hash_object(hash: &mut Sha256, kind: ObjectKind, name: &str, object: Option<&Object>, raw: &[u8]) {
    hash.update(format!("\n{} {name}\n", kind.class()));
    match object.map(flatten) {
        Some(flat) if !flat.is_empty() => flat.iter().for_each(|(k, v)| hash.update(format!("{k}={v}\n"))),
        _ => hash.update(raw),
    }
}
