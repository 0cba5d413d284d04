//! Entity rows: checked against what the views join on, and brought into the form that stores get.

mod convert;
#[cfg(test)]
mod tests;

use crate::instants::{Integers, instants};
use crate::resolve::{Resolved, ViewUse};
use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema, SchemaRef};
use convert::{key_values, timestamp_field};
use provender_core::offline::{RowBatches, Spine, StoredRows};
use provender_core::{Error, Result, ValueType};
use std::collections::BTreeSet;
use std::ops::Range;
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
    let (entity_schema, join_schema) = (entity_schema(schema, event), join_schema(frame, event, &keys)?);
    let forms =
        Arc::new(Forms { event_column: frame.event_column.clone(), event, keys, entity_schema, join_schema });
    match (frame.held(), frame.stored_rows()) {
        (Some(batches), _) => forms.held(batches),
        (None, Some(rows)) => Ok(forms.stored(rows)),
        (None, None) => Err(Error::internal("entity rows that are nowhere")),
    }
}

/// The two forms in which entity rows are needed.
#[derive(Debug)]
struct Forms {
    event_column: String,
    event: usize,
    keys: Vec<KeyUse>,
    entity_schema: SchemaRef,
    join_schema: SchemaRef,
}

impl Forms {
    /// Converts rows in memory at once.
    fn held(&self, batches: &[RecordBatch]) -> Result<PreparedSpine> {
        let (mut entity, mut join) = (Vec::with_capacity(batches.len()), Vec::with_capacity(batches.len()));
        let mut first_row = 0;
        for batch in batches {
            let rows = self.entity(batch, first_row)?;
            join.push(self.join(&rows)?);
            entity.push(rows);
            first_row += batch.num_rows();
        }
        let spine = |schema: &SchemaRef, batches| {
            Arc::new(Spine::new(Arc::clone(schema), batches, &*self.event_column))
        };
        Ok(PreparedSpine { entity: spine(&self.entity_schema, entity), join: spine(&self.join_schema, join) })
    }

    /// Converts stored rows whenever they are read.
    fn stored(self: &Arc<Self>, rows: &Arc<dyn StoredRows>) -> PreparedSpine {
        let form = |for_join| {
            let converted = Converted { rows: Arc::clone(rows), forms: Arc::clone(self), for_join };
            Arc::new(Spine::stored(Arc::new(converted), &*self.event_column))
        };
        PreparedSpine { entity: form(false), join: form(true) }
    }

    /// What comes out.
    fn entity(&self, batch: &RecordBatch, first_row: usize) -> Result<RecordBatch> {
        let mut columns = batch.columns().to_vec();
        columns[self.event] =
            instants(&columns[self.event], &self.event_column, first_row, Integers::Refused)?;
        Ok(RecordBatch::try_new(Arc::clone(&self.entity_schema), columns)?)
    }

    /// What stores get of it.
    fn join(&self, entity: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = vec![Arc::clone(entity.column(self.event))];
        for key in &self.keys {
            columns.push(key_values(entity.column(key.index), key.value_type)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.join_schema), columns)?)
    }
}

/// Stored entity rows in one of their forms.
#[derive(Debug)]
struct Converted {
    rows: Arc<dyn StoredRows>,
    forms: Arc<Forms>,
    for_join: bool,
}

impl StoredRows for Converted {
    fn schema(&self) -> &SchemaRef {
        if self.for_join { &self.forms.join_schema } else { &self.forms.entity_schema }
    }

    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn read(&self, rows: Range<usize>) -> RowBatches<'_> {
        let mut first_row = rows.start;
        Box::new(self.rows.read(rows).map(move |batch| {
            let batch = batch?;
            let entity = self.forms.entity(&batch, first_row)?;
            first_row += batch.num_rows();
            if self.for_join { self.forms.join(&entity) } else { Ok(entity) }
        }))
    }
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
