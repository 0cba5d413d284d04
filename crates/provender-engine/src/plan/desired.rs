//! What the registry should hold: definitions with their references resolved, what was left out inferred, everything checked.

mod columns;
mod fields;
mod permissions;
mod services;
mod sources;
mod views;

use super::inventory::Inventory;
use super::schemas::Schemas;
use provender_core::config::RepoConfig;
use provender_core::model::{DataSource, Entity, FeatureView, Object, ObjectKind, Project};
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, Result, ValueType};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What definitions are resolved against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) config: &'a RepoConfig,
    pub(crate) snapshot: &'a RegistrySnapshot,
    /// Whether registered objects that the repository does not declare stay, so that definitions may refer to them.
    pub(crate) keeps: bool,
    pub(crate) schemas: &'a Schemas,
}

/// Objects that have been resolved so far, by name.
#[derive(Debug, Default)]
struct Resolved {
    sources: BTreeMap<String, DataSource>,
    entities: BTreeMap<String, Entity>,
    views: BTreeMap<String, FeatureView>,
}

/// The objects that the definitions ask for, in the order in which they are applied. What is wrong is reported; the answer is of use only if nothing is.
pub(crate) fn desired(scope: Scope<'_>, inventory: &Inventory<'_>, problems: &mut Vec<Error>) -> Vec<Object> {
    let mut resolved =
        Resolved { sources: sources::resolve(scope, inventory, problems), ..Resolved::default() };
    resolved.entities =
        inventory.entities.iter().map(|i| (i.name.to_owned(), i.draft.model.clone())).collect();
    for item in &inventory.entities {
        views::check_entity(item, problems);
    }
    for item in &inventory.views {
        let view = views::resolve(scope, &resolved, item, problems);
        resolved.views.insert(view.name.clone(), view);
    }
    infer_entity_types(scope, inventory, &mut resolved, problems);
    let services: Vec<_> =
        inventory.services.iter().map(|item| services::resolve(scope, &resolved, item, problems)).collect();
    let permissions: Vec<_> =
        inventory.permissions.iter().map(|item| permissions::resolve(item, problems)).collect();
    let mut objects = vec![Object::Project(Arc::new(project(scope, inventory, problems)))];
    objects.extend(resolved.sources.into_values().map(|o| Object::DataSource(Arc::new(o))));
    objects.extend(resolved.entities.into_values().map(|o| Object::Entity(Arc::new(o))));
    objects.extend(resolved.views.into_values().map(|o| Object::FeatureView(Arc::new(o))));
    objects.extend(services.into_iter().map(|o| Object::FeatureService(Arc::new(o))));
    objects.extend(permissions.into_iter().map(|o| Object::Permission(Arc::new(o))));
    objects.sort_by(|a, b| (a.kind(), a.name()).cmp(&(b.kind(), b.name())));
    objects
}

/// The project's own object: as declared, else as registered with the description of the configuration.
fn project(scope: Scope<'_>, inventory: &Inventory<'_>, problems: &mut Vec<Error>) -> Project {
    let name = &scope.config.project;
    if let Some(item) = inventory.projects.first() {
        if item.name != name {
            problems.push(
                item.problem("the project has another name in feature_store.yaml").with("expected", name),
            );
        }
        return item.draft.model.clone();
    }
    let registered = scope.snapshot.project(name).ok().flatten().map(|project| Project::clone(project));
    let mut project = registered.unwrap_or_else(|| Project { name: name.clone(), ..Project::default() });
    if !scope.config.project_description.is_empty() {
        project.description.clone_from(&scope.config.project_description);
    }
    project
}

/// Gives entities without a declared type the one that the sources of their views have.
fn infer_entity_types(
    scope: Scope<'_>,
    inventory: &Inventory<'_>,
    resolved: &mut Resolved,
    problems: &mut Vec<Error>,
) {
    let mut found: HashMap<&str, Vec<(ValueType, &str)>> = HashMap::new();
    for view in resolved.views.values() {
        for (entity, column) in view.entities.iter().zip(&view.entity_columns) {
            found.entry(entity).or_default().push((column.value_type, &view.name));
        }
    }
    for item in &inventory.entities {
        let Some(entity) = resolved.entities.get_mut(item.name) else { continue };
        if entity.value_type != ValueType::UNKNOWN {
            continue;
        }
        match common_type(found.get(item.name).map_or(&[], Vec::as_slice)) {
            Ok(Some(value_type)) => entity.value_type = value_type,
            // No view has it, or no source was read: what was inferred before stays.
            Ok(None) => {
                let registered = scope.snapshot.entity(&scope.config.project, item.name);
                entity.value_type = registered.map_or(ValueType::UNKNOWN, |e| e.value_type);
            }
            Err((one, other)) => problems.push(
                item.problem("the sources of its views disagree on the type of its join key")
                    .with("found", format!("{} in view {}, {} in view {}", one.0, one.1, other.0, other.1))
                    .with("expected", "one type"),
            ),
        }
    }
}

type Found<'a> = (ValueType, &'a str);

/// The type that all have. Integers of different widths match; the wider one holds both.
fn common_type<'a>(found: &[Found<'a>]) -> Result<Option<ValueType>, (Found<'a>, Found<'a>)> {
    let known = || found.iter().filter(|(value_type, _)| *value_type != ValueType::UNKNOWN);
    let Some(first) = known().next() else { return Ok(None) };
    match known().find(|other| !columns::keys_match(first.0, other.0)) {
        Some(other) => Err((*first, *other)),
        None => Ok(known().map(|(value_type, _)| *value_type).max()),
    }
}

/// Whether the registry has an object that this apply would delete, because the repository does not declare it.
fn is_registered(scope: Scope<'_>, kind: ObjectKind, name: &str) -> bool {
    scope.snapshot.find(&scope.config.project, kind, name).is_some()
}
