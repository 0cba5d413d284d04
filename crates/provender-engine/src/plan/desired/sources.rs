//! Data sources: batch sources behind push and stream sources, timestamp columns, field mappings.

use super::columns::{is_time, is_timestamp, stored, suggest};
use super::{Resolved, Scope, is_registered};
use crate::definitions::build::Source;
use crate::plan::inventory::{Inventory, Item};
use crate::plan::schemas::{Columns, has_columns, has_place};
use arrow_schema::Schema;
use provender_core::Error;
use provender_core::model::{DataSource, Field, ObjectKind, SourceKind};
use std::collections::BTreeMap;

/// All declared sources, complete.
pub(super) fn resolve(
    scope: Scope<'_>,
    inventory: &Inventory<'_>,
    problems: &mut Vec<Error>,
) -> BTreeMap<String, DataSource> {
    let mut resolved = Resolved::default();
    // Push and stream sources hold a copy of their batch source, which must be complete first.
    let (history, fronts): (Vec<_>, Vec<_>) =
        inventory.sources.iter().partition(|i| has_columns(&i.draft.model));
    for item in history {
        let source = complete(scope, item, problems);
        resolved.sources.insert(source.name.clone(), source);
    }
    for item in fronts {
        let source = in_front(scope, &resolved, inventory, item, problems);
        resolved.sources.insert(source.name.clone(), source);
    }
    resolved.sources
}

/// A source that the repository declares, or that only the registry has and that stays there.
pub(super) fn find<'a, T>(
    scope: Scope<'a>,
    resolved: &'a Resolved,
    item: &Item<'_, T>,
    name: &str,
) -> Result<&'a DataSource, Error> {
    if let Some(source) = resolved.sources.get(name) {
        return Ok(source);
    }
    let registered = is_registered(scope, ObjectKind::DataSource, name);
    if registered && scope.keeps {
        return scope
            .snapshot
            .data_source(&scope.config.project, name)
            .map(|s| &**s)
            .map_err(|e| item.blame(e));
    }
    Err(item.unknown("data source", name, resolved.sources.keys().map(String::as_str), registered))
}

fn in_front(
    scope: Scope<'_>,
    resolved: &Resolved,
    inventory: &Inventory<'_>,
    item: &Item<'_, Source>,
    problems: &mut Vec<Error>,
) -> DataSource {
    let mut source = item.draft.model.clone();
    let found = item.draft.batch.as_ref().and_then(|reference| {
        let name = reference.name();
        batch_source(scope, resolved, inventory, item, name)
            .map_err(|problem| problems.push(problem.with("field", "batch_source")))
            .ok()
    });
    match &mut source.kind {
        SourceKind::Push { batch } | SourceKind::Kafka { batch, .. } | SourceKind::Kinesis { batch, .. } => {
            *batch = found.map(|batch| Box::new(batch.clone()));
        }
        SourceKind::Request { schema } => check_request(item, schema, problems),
        _ => {}
    }
    source
}

fn batch_source<'a>(
    scope: Scope<'a>,
    resolved: &'a Resolved,
    inventory: &Inventory<'_>,
    item: &Item<'_, Source>,
    name: &str,
) -> Result<&'a DataSource, Error> {
    let front = inventory.sources.iter().find(|i| i.name == name).filter(|i| !has_columns(&i.draft.model));
    let wrong = match front {
        Some(front) => &front.draft.model,
        None => match find(scope, resolved, item, name)? {
            found if has_columns(found) => return Ok(found),
            other => other,
        },
    };
    Err(item
        .problem("the batch source holds no history itself")
        .with("found", format!("{} {name}", wrong.kind.class()))
        .with("expected", "a source of files or of a warehouse"))
}

fn check_request(item: &Item<'_, Source>, schema: &[Field], problems: &mut Vec<Error>) {
    for (index, field) in schema.iter().enumerate() {
        if field.name.is_empty() || schema[..index].iter().any(|f| f.name == field.name) {
            problems.push(
                item.problem("a value of the request has no name, or that of another")
                    .with("field", format!("schema[{index}].name"))
                    .with("value", &field.name),
            );
        }
    }
}

fn complete(scope: Scope<'_>, item: &Item<'_, Source>, problems: &mut Vec<Error>) -> DataSource {
    let mut source = item.draft.model.clone();
    if item.draft.batch.is_some() {
        problems.push(
            item.problem("only push and stream sources have a batch source").with("field", "batch_source"),
        );
    }
    if !has_place(&source) {
        let expected = if matches!(source.kind, SourceKind::File { .. }) {
            "path or query, one of the two"
        } else {
            "table or query, one of the two"
        };
        problems.push(item.problem("the source does not say where it is").with("expected", expected));
    }
    match scope.schemas.of(item.name) {
        Columns::Read(schema) => {
            check_mapping(item, schema, problems);
            complete_times(&mut source, item, schema, problems);
        }
        Columns::Skipped if source.timestamp_field.is_empty() => {
            match scope.snapshot.data_source(&scope.config.project, item.name) {
                Ok(registered) => source.timestamp_field.clone_from(&registered.timestamp_field),
                Err(_) => problems.push(
                    item.problem("the timestamp column cannot be inferred when sources are not read")
                        .with("field", "timestamp_field")
                        .with("expected", "the name of a column"),
                ),
            }
        }
        Columns::Skipped | Columns::Failed => {}
    }
    source
}

/// Mapped columns must be there, and no two columns may go by one name.
fn check_mapping(item: &Item<'_, Source>, schema: &Schema, problems: &mut Vec<Error>) {
    let source = &item.draft.model;
    for (column, name) in &source.field_mapping {
        let field = format!("field_mapping.{column}");
        if schema.column_with_name(column).is_none() {
            let problem = item.problem("the source has no such column").with("field", &field);
            problems.push(suggest(problem, column, stored(schema)));
        }
        let taken = schema.fields().iter().find(|f| f.name() != column && source.logical(f.name()) == name);
        if let Some(other) = taken {
            problems.push(
                item.problem(format!("two columns go by the name {name}"))
                    .with("field", field)
                    .with("columns", format!("{column}, {}", other.name())),
            );
        }
    }
}

/// Infers the timestamp column if need be, and checks both time columns.
fn complete_times(
    source: &mut DataSource,
    item: &Item<'_, Source>,
    schema: &Schema,
    problems: &mut Vec<Error>,
) {
    if source.timestamp_field.is_empty() {
        match infer_timestamp(source, schema) {
            Ok(column) => source.timestamp_field = column,
            Err(found) => problems.push(
                item.problem("the timestamp column cannot be inferred")
                    .with("field", "timestamp_field")
                    .with(
                        "found",
                        if found.is_empty() { "no timestamp column".to_owned() } else { found.join(", ") },
                    )
                    .with("expected", "the name of a column"),
            ),
        }
    } else {
        check_time(item, "timestamp_field", &source.timestamp_field, schema, problems);
    }
    if !source.created_timestamp_column.is_empty() {
        check_time(item, "created_timestamp_column", &source.created_timestamp_column, schema, problems);
    }
}

/// The only timestamp column besides the created one; all of them if they are more or fewer.
fn infer_timestamp(source: &DataSource, schema: &Schema) -> Result<String, Vec<String>> {
    let mut found: Vec<_> = schema
        .fields()
        .iter()
        .filter(|f| is_timestamp(f.data_type()))
        .map(|f| source.logical(f.name()).to_owned())
        .filter(|name| *name != source.created_timestamp_column)
        .collect();
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (_, last) => {
            found.extend(last);
            Err(found)
        }
    }
}

/// A column of times must be there, and hold times.
fn check_time(
    item: &Item<'_, Source>,
    field: &'static str,
    name: &str,
    schema: &Schema,
    problems: &mut Vec<Error>,
) {
    let source = &item.draft.model;
    let problem = |message: String| item.problem(message).with("field", field);
    if source.logical(name) != name {
        let other = "the column goes by another name after field mapping".to_owned();
        return problems.push(problem(other).with("found", name).with("expected", source.logical(name)));
    }
    match schema.column_with_name(source.physical(name)).map(|(_, f)| f.data_type()) {
        Some(data_type) if is_time(data_type) => {}
        Some(data_type) => problems.push(
            problem(format!("the column {name} holds no times"))
                .with("found", data_type)
                .with("expected", "a timestamp, a date, or ISO 8601 text"),
        ),
        None => {
            problems.push(suggest(problem(format!("the source has no column {name}")), name, stored(schema)))
        }
    }
}
