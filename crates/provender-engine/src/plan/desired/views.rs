//! Feature views: entities and sources looked up, settings checked.

use super::columns::LogicalColumns;
use super::fields::{Check, KEY_TYPES};
use super::{Resolved, Scope, is_registered, sources};
use crate::definitions::build;
use crate::definitions::ttl;
use crate::plan::inventory::Item;
use crate::plan::schemas::{Columns, has_columns};
use provender_core::model::{Entity, FeatureView, ObjectKind, SourceKind, ViewKind};
use provender_core::{Error, Kind, ValueType};

/// Checks what an entity says of itself.
pub(super) fn check_entity(item: &Item<'_, build::Entity>, problems: &mut Vec<Error>) {
    let entity = &item.draft.model;
    if entity.join_key.trim().is_empty() {
        problems.push(item.problem("the join key is empty").with("field", "join_keys"));
    }
    if entity.value_type != ValueType::UNKNOWN && !entity.value_type.is_entity_key() {
        problems.push(
            item.problem("a join key cannot have that type")
                .with("field", "value_type")
                .with("found", entity.value_type)
                .with("expected", KEY_TYPES),
        );
    }
}

/// One view, complete.
pub(super) fn resolve(
    scope: Scope<'_>,
    resolved: &Resolved,
    item: &Item<'_, build::FeatureView>,
    problems: &mut Vec<Error>,
) -> FeatureView {
    let mut view = item.draft.model.clone();
    check_settings(scope, item, problems);
    let entities = find_entities(scope, resolved, item, problems);
    attach_source(scope, resolved, item, &mut view, problems);
    let source = view.batch_source.clone();
    let columns = match &source {
        Some(source) => scope.schemas.of(&source.name),
        None => Columns::Failed,
    };
    let known = match (&source, columns) {
        (Some(source), Columns::Read(schema)) => Some(LogicalColumns::new(source, schema)),
        _ => None,
    };
    let (keys, features): (Vec<_>, Vec<_>) = std::mem::take(&mut view.features)
        .into_iter()
        .partition(|field| entities.iter().any(|entity| entity.join_key == field.name));
    let registered = scope.snapshot.feature_view(&scope.config.project, item.name).ok().map(|v| &**v);
    let mut check = Check { item, known: known.as_ref(), registered, problems };
    view.entity_columns = entities.iter().map(|entity| check.join_key(entity, &keys)).collect();
    view.features = if features.is_empty() {
        check.infer_features(source.as_ref(), columns, &view.entity_columns)
    } else {
        check.features(&features, source.as_ref());
        features
    };
    view
}

/// Checks that need neither the source nor the entities.
fn check_settings(scope: Scope<'_>, item: &Item<'_, build::FeatureView>, problems: &mut Vec<Error>) {
    let view = &item.draft.model;
    if let Some(ttl) = view.ttl.filter(|ttl| *ttl < 0) {
        problems.push(
            item.problem("the ttl is negative")
                .with("field", "ttl")
                .with("found", ttl::show(ttl))
                .with("expected", "a duration; 0 for ever"),
        );
    }
    let folded = item.name.to_lowercase();
    let own =
        if view.kind == ViewKind::Stream { ObjectKind::StreamFeatureView } else { ObjectKind::FeatureView };
    let taken = scope
        .snapshot
        .objects(&scope.config.project)
        .filter(|stored| stored.kind.is_view() && (stored.kind != own || *stored.name != *item.name))
        .find(|stored| stored.name.to_lowercase() == folded);
    if let Some(stored) = taken {
        let problem = Error::new(Kind::AlreadyExists, "the registry has another view of that name");
        problems.push(
            item.blame(problem)
                .with("found", format!("{} {}", stored.kind, stored.name))
                .with("expected", "another name, or the registered view deleted first"),
        );
    }
}

fn find_entities<'a>(
    scope: Scope<'a>,
    resolved: &'a Resolved,
    item: &Item<'_, build::FeatureView>,
    problems: &mut Vec<Error>,
) -> Vec<&'a Entity> {
    let mut entities: Vec<&Entity> = Vec::new();
    for (index, name) in item.draft.model.entities.iter().enumerate() {
        let field = format!("entities[{index}]");
        let registered = is_registered(scope, ObjectKind::Entity, name);
        let found = match resolved.entities.get(name) {
            Some(entity) => Ok(entity),
            None if registered && scope.keeps => {
                scope.snapshot.entity(&scope.config.project, name).map(|e| &**e).map_err(|e| item.blame(e))
            }
            None => {
                Err(item.unknown("entity", name, resolved.entities.keys().map(String::as_str), registered))
            }
        };
        match found {
            Ok(entity) => {
                if let Some(other) = entities.iter().find(|e| e.join_key == entity.join_key) {
                    problems.push(
                        item.problem("two entities of the view share a join key")
                            .with("field", field)
                            .with("entities", format!("{}, {}", other.name, entity.name))
                            .with("join key", &entity.join_key),
                    );
                } else {
                    entities.push(entity);
                }
            }
            Err(problem) => problems.push(problem.with("field", field)),
        }
    }
    entities
}

/// Fills in the batch source and, if the view has one in front of it, the push or stream source.
fn attach_source(
    scope: Scope<'_>,
    resolved: &Resolved,
    item: &Item<'_, build::FeatureView>,
    view: &mut FeatureView,
    problems: &mut Vec<Error>,
) {
    let Some(reference) = &item.draft.source else {
        problems.push(item.problem("the view has no source").with("field", "source"));
        return;
    };
    let source = match sources::find(scope, resolved, item, reference.name()) {
        Ok(source) => source,
        Err(problem) => return problems.push(problem.with("field", "source")),
    };
    let wrong = |message: &'static str, expected: &'static str| {
        item.problem(message)
            .with("field", "source")
            .with("found", format!("{} {}", source.kind.class(), source.name))
            .with("expected", expected)
    };
    match source.batch() {
        Some(_) if has_columns(source) && view.kind == ViewKind::Stream => problems.push(wrong(
            "the source of a stream feature view is no stream",
            "a PushSource, KafkaSource or KinesisSource, or kind: FeatureView",
        )),
        Some(batch) if has_columns(source) => view.batch_source = Some(batch.clone()),
        Some(batch) => {
            view.batch_source = Some(batch.clone());
            view.stream_source = Some(source.clone());
        }
        None if matches!(source.kind, SourceKind::Request { .. }) => {
            problems.push(wrong("values of a request cannot be a view's source", "a source with history"));
        }
        None => problems.push(wrong(
            "the source has no batch source, so that the view has no history",
            "a source with `batch_source`",
        )),
    }
}
