//! Rows of a view to the form that online stores take: entity keys and value bytes, column by column. Materialization and push share it.

#[cfg(test)]
mod tests;

use crate::table::online_table;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use provender_core::model::{FeatureView, Field};
use provender_core::online::OnlineTable;
use provender_core::{EntityKeyEncoder, Error, Result, timestamp_type, value};
use std::sync::Arc;

/// Encodes rows of one view.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    pub(crate) table: Arc<OnlineTable>,
    keys: EntityKeyEncoder,
    /// Number of join keys, none for an entity-less view.
    join_keys: usize,
    schema: SchemaRef,
    /// Name of the source, for error messages.
    source: String,
}

/// Columns of rows to encode, all of one length.
#[derive(Debug)]
pub(crate) struct RowColumns<'a> {
    pub(crate) rows: usize,
    /// In the order of the view's join keys.
    pub(crate) keys: &'a [ArrayRef],
    /// In the order of the view's features.
    pub(crate) features: &'a [ArrayRef],
    /// Microseconds in UTC, no nulls.
    pub(crate) event: ArrayRef,
    /// Microseconds in UTC.
    pub(crate) created: Option<ArrayRef>,
}

/// What an online store takes.
#[derive(Debug)]
pub(crate) struct EncodedRows {
    /// Columns as of [`provender_core::online::OnlineWrite::rows`].
    pub(crate) batch: RecordBatch,
    /// Rows left out because a join key was null.
    pub(crate) null_keys: u64,
}

impl RowEncoder {
    /// # Errors
    /// `Invalid` if a join key has a type that no key can have.
    pub(crate) fn new(project: &str, view: &FeatureView, join_keys: &[Field]) -> Result<Self> {
        let keys = EntityKeyEncoder::new(join_keys.iter().map(|key| (key.name.clone(), key.value_type)))
            .map_err(|e| e.with("view", &view.name))?;
        let source = view.batch_source.as_ref().map_or(String::new(), |source| source.name.clone());
        Ok(Self {
            table: online_table(project, view, join_keys),
            keys,
            join_keys: join_keys.len(),
            schema: schema(view),
            source,
        })
    }

    /// Number of join key columns.
    pub(crate) fn join_keys(&self) -> usize {
        self.join_keys
    }

    /// Encodes rows. Those with a null join key are left out.
    ///
    /// # Errors
    /// `Invalid` naming the view, the source, the column, and the type or value that does not fit.
    pub(crate) fn encode(&self, columns: &RowColumns<'_>) -> Result<EncodedRows> {
        let keys = self.keys.encode(columns.keys, columns.rows).map_err(|e| self.name(e))?;
        let null_keys = keys.null_count() as u64;
        let valid = keys.valid.as_ref().map(|valid| BooleanArray::new(valid.inner().clone(), None));
        let created = match &columns.created {
            Some(created) => Arc::clone(created),
            None => new_null_array(&timestamp_type(), columns.rows),
        };
        let mut out: Vec<ArrayRef> =
            vec![Arc::new(keys.keys.into_array()?), Arc::clone(&columns.event), created];
        for ((name, value_type), column) in self.table.features.iter().zip(columns.features) {
            let bytes = value::encode(column, *value_type);
            out.push(Arc::new(bytes.map_err(|e| self.name(e).with("column", name))?));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), out)?;
        let batch = match valid {
            Some(valid) => filter_record_batch(&batch, &valid)?,
            None => batch,
        };
        Ok(EncodedRows { batch, null_keys })
    }

    /// Says at once whether columns of these types could be encoded, in the order of the view's features.
    ///
    /// # Errors
    /// `Invalid` naming the view, the source, the column and the types.
    pub(crate) fn check<'a>(&self, types: impl Iterator<Item = &'a DataType>) -> Result<()> {
        for ((name, value_type), data_type) in self.table.features.iter().zip(types) {
            value::check(data_type, *value_type).map_err(|e| self.name(e).with("column", name))?;
        }
        Ok(())
    }

    fn name(&self, error: Error) -> Error {
        error.with("view", &self.table.view).with("source", &self.source)
    }
}

fn schema(view: &FeatureView) -> SchemaRef {
    let mut fields = vec![
        ArrowField::new("entity_key", DataType::Binary, false),
        ArrowField::new("event_timestamp", timestamp_type(), false),
        ArrowField::new("created_timestamp", timestamp_type(), true),
    ];
    fields.extend(view.features.iter().map(|f| ArrowField::new(&f.name, DataType::Binary, false)));
    Arc::new(Schema::new(fields))
}
