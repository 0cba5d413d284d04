//! Entity rows: checked against what the views join on, and brought into the form that stores get.

mod convert;
#[cfg(test)]
mod tests;

use crate::instants::{Integers, instants};
use crate::resolve::{Resolved, ViewUse};
use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema, SchemaRef};
use convert::{key_values, timestamp_field};
use provender_core::offline::Spine;
use provender_core::{Error, Result, ValueType};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Entity rows, twice.
#[derive(Debug)]
pub(super) struct PreparedSpine {
    /// What comes out: every column in its order, the event column as instants in UTC.
    pub(super) entity: Arc<Spine>,
    /// What stores get: join keys and the event column alone, keys in types that match their declaration.
    pub(super) join: Arc<Spine>,
}

/// Checks entity rows and prepares them.
///
/// # Errors
/// `Invalid` naming the view, the column and the row.
pub(super) fn prepare(frame: &Spine, resolved: &Resolved) -> Result<PreparedSpine> {
    let schema = &frame.schema;
    check_names(schema, resolved)?;
    let event = event_index(frame)?;
    let mut keys = key_columns(schema, &resolved.uses)?;
    keys.retain(|key| key.index != event);
    let mut entity = Vec::with_capacity(frame.batches.len());
    let mut join = Vec::with_capacity(frame.batches.len());
    let (entity_schema, join_schema) = (entity_schema(schema, event), join_schema(frame, event, &keys)?);
    let mut first_row = 0;
    for batch in &frame.batches {
        let mut columns = batch.columns().to_vec();
        columns[event] = instants(&columns[event], &frame.event_column, first_row, Integers::Refused)?;
        let mut joined = vec![Arc::clone(&columns[event])];
        for key in &keys {
            joined.push(key_values(&columns[key.index], key.value_type)?);
        }
        entity.push(RecordBatch::try_new(Arc::clone(&entity_schema), columns)?);
        join.push(RecordBatch::try_new(Arc::clone(&join_schema), joined)?);
        first_row += batch.num_rows();
    }
    let spine =
        |batches, schema| Arc::new(Spine { batches, schema, event_column: frame.event_column.clone() });
    Ok(PreparedSpine { entity: spine(entity, entity_schema), join: spine(join, join_schema) })
}

/// A column of the entity rows that views join on.
#[derive(Debug)]
struct KeyUse {
    index: usize,
    value_type: ValueType,
}

/// Columns must be told apart by name, those of the answer included.
fn check_names(schema: &Schema, resolved: &Resolved) -> Result<()> {
    let mut names = BTreeSet::new();
    for field in schema.fields() {
        if !names.insert(field.name().as_str()) {
            return Err(
                Error::invalid("the entity rows have two columns of one name").with("column", field.name())
            );
        }
    }
    match resolved.columns.iter().find(|c| names.contains(c.name.as_str())) {
        None => Ok(()),
        Some(column) => {
            let view = &resolved.uses[column.used];
            Err(Error::invalid(format!(
                "the entity rows have a column named like the feature {}: rename it, or ask for full feature names",
                column.name
            ))
            .with("view", &view.name)
            .with("column", &column.name))
        }
    }
}

fn event_index(frame: &Spine) -> Result<usize> {
    let missing = || {
        Error::invalid("the entity rows lack their event time column")
            .with("column", &frame.event_column)
            .with("columns", names(&frame.schema))
    };
    frame.schema.index_of(&frame.event_column).map_err(|_| missing())
}

/// The columns that the views join on, each once.
fn key_columns(schema: &Schema, uses: &[ViewUse]) -> Result<Vec<KeyUse>> {
    let mut keys: Vec<KeyUse> = Vec::new();
    for view in uses {
        for key in &view.keys {
            let Ok(index) = schema.index_of(&key.column) else {
                return Err(missing_key(schema, view, &key.column));
            };
            let data_type = schema.field(index).data_type();
            if !convert::key_fits(key.value_type, data_type) {
                return Err(Error::invalid(
                    "a join key of the entity rows has another type than its declaration",
                )
                .with("view", &view.name)
                .with("column", &key.column)
                .with("type", data_type)
                .with("expected", key.value_type));
            }
            match keys.iter_mut().find(|k| k.index == index) {
                Some(known) if known.value_type == ValueType::UNKNOWN => known.value_type = key.value_type,
                Some(_) => {}
                None => keys.push(KeyUse { index, value_type: key.value_type }),
            }
        }
    }
    Ok(keys)
}

fn missing_key(schema: &Schema, view: &ViewUse, column: &str) -> Error {
    let expected = view.keys.iter().map(|k| k.column.as_str()).collect::<Vec<_>>().join(", ");
    Error::invalid(format!("the entity rows lack the join key {column}"))
        .with("view", &view.name)
        .with("column", column)
        .with("expected", expected)
        .with("columns", names(schema))
}

fn names(schema: &Schema) -> String {
    schema.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn entity_schema(schema: &SchemaRef, event: usize) -> SchemaRef {
    let mut fields: Vec<FieldRef> = schema.fields().to_vec();
    fields[event] = timestamp_field(fields[event].name());
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn join_schema(frame: &Spine, event: usize, keys: &[KeyUse]) -> Result<SchemaRef> {
    let mut fields = vec![timestamp_field(frame.schema.field(event).name())];
    for key in keys {
        let field = frame.schema.field(key.index);
        let empty = arrow_array::new_empty_array(field.data_type());
        let data_type = key_values(&empty, key.value_type)?.data_type().clone();
        fields.push(Arc::new(arrow_schema::Field::new(field.name(), data_type, true)));
    }
    Ok(Arc::new(Schema::new(fields)))
}
