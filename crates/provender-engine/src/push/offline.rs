//! Pushed rows on their way to the offline store: with the source's stored columns, names and types.

use crate::FeatureStore;
use crate::history::History;
use crate::instants::{Integers, instants};
use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use provender_core::model::{DataSource, FeatureView};
use provender_core::offline::AppendRequest;
use provender_core::{Error, RequestContext, Result, ValueType, value};
use std::collections::BTreeSet;
use std::sync::Arc;

impl FeatureStore {
    /// One append for each batch source behind the views, with the index of its store.
    ///
    /// # Errors
    /// `Invalid` naming the source and the column that is missing, unknown or does not fit; `Unsupported` if the store cannot append.
    pub(super) async fn prepare_appends(
        &self,
        views: &[Arc<FeatureView>],
        rows: &RecordBatch,
        context: &RequestContext,
    ) -> Result<Vec<(usize, AppendRequest)>> {
        let mut appends: Vec<(usize, AppendRequest)> = Vec::new();
        for view in views {
            let history = History::of(view)?;
            let source = history.source;
            // Views that share a source share its rows: Feast appends them once a view.
            if appends.iter().any(|(_, append)| append.source.name == source.name) {
                continue;
            }
            let index = history.store(&view.name, &self.offline)?;
            let store = &self.offline[index];
            if !store.capabilities().append {
                return Err(Error::unsupported("the offline store cannot append rows")
                    .with("view", &view.name)
                    .with("source", &source.name));
            }
            let schema = store.schema(source).await.map_err(|e| e.with("source", &source.name))?;
            let batch = stored(rows, source, &schema, &declared(views, &source.name))
                .map_err(|e| e.with("source", &source.name))?;
            let append =
                AppendRequest { source: source.clone(), batches: vec![batch], context: context.clone() };
            appends.push((index, append));
        }
        Ok(appends)
    }
}

/// Columns that the views over a source declare, by the names of definitions.
fn declared<'a>(views: &'a [Arc<FeatureView>], source: &str) -> BTreeSet<&'a str> {
    let over = views
        .iter()
        .filter(|v| v.batch_source.as_ref().and_then(DataSource::batch).is_some_and(|s| s.name == source));
    over.flat_map(|view| {
        let source = view.batch_source.as_ref().and_then(DataSource::batch);
        let times = source.into_iter().flat_map(|s| [&s.timestamp_field, &s.created_timestamp_column]);
        let fields = view.join_keys().chain(&view.features).map(|field| &field.name);
        fields.chain(times).map(String::as_str)
    })
    .collect()
}

/// The rows as the source stores them.
fn stored(
    rows: &RecordBatch,
    source: &DataSource,
    schema: &SchemaRef,
    declared: &BTreeSet<&str>,
) -> Result<RecordBatch> {
    let known: BTreeSet<&str> = schema.fields().iter().map(|f| source.logical(f.name())).collect();
    if let Some(unknown) = rows.schema().fields().iter().find(|f| !known.contains(f.name().as_str())) {
        return Err(Error::invalid(format!("the source has no column {}", unknown.name()))
            .with("columns", known.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let column = |field: &Arc<Field>| {
        let name = source.logical(field.name());
        match rows.column_by_name(name) {
            Some(column) => conform(column, name, field),
            None if field.is_nullable() && !declared.contains(name) => {
                Ok(new_null_array(field.data_type(), rows.num_rows()))
            }
            None => Err(Error::invalid(format!("the rows lack the column {name} of the source"))),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    // Without the source's metadata, which is about its files.
    let schema = Schema::new(schema.fields().clone());
    RecordBatch::try_new(Arc::new(schema), columns)
        .map_err(|e| Error::invalid("the rows do not fit the source").because(e))
}

/// A column in the type of the source's. Values that it could not hold are refused; times are cut to its unit.
fn conform(column: &ArrayRef, name: &str, field: &Field) -> Result<ArrayRef> {
    let wanted = field.data_type();
    if !field.is_nullable() && column.logical_null_count() > 0 {
        return Err(Error::invalid("a column of the source takes no nulls").with("column", name));
    }
    if column.data_type() == wanted {
        return Ok(Arc::clone(column));
    }
    let canonical = match (wanted, ValueType::of_arrow(wanted)) {
        (DataType::Timestamp(..) | DataType::Date32 | DataType::Date64, _) => {
            instants(column, name, 0, Integers::Nanoseconds)?
        }
        // Through the values that features are made of, which refuses what would be cut or rounded.
        (_, Some(value_type)) if value_type.arrow().is_some() => {
            let values = value::encode(column, value_type).map_err(|e| e.with("column", name))?;
            value::decode(&values, value_type)?
        }
        _ => Arc::clone(column),
    };
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&canonical, wanted, &strict).map_err(|e| {
        Error::invalid("a column does not fit the source's")
            .with("column", name)
            .with("type", column.data_type())
            .with("expected", wanted)
            .because(e)
    })
}
