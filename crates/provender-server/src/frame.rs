//! Columns that clients write, as Arrow: what each column holds is what the views declare, not what its JSON looks like.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use provender_core::model::FeatureView;
use provender_core::registry::RegistrySnapshot;
use provender_core::value::{IntegerTime, json_column};
use provender_core::{Error, Kind, Result, ValueType};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names under which Feast's remote online store sends the time columns, whatever the source calls them.
const REMOTE_TIME: &str = "event_timestamp";
const REMOTE_CREATED: &str = "created";

/// A column's type, and what a number means in it if that is an instant.
type ColumnType = (ValueType, IntegerTime);

/// Feast takes numbers for nanoseconds in the time columns, and for seconds in features and keys.
const TIME: ColumnType = (ValueType::UNIX_TIMESTAMP, IntegerTime::Nanoseconds);

/// The columns that rows of a push source or view may have. Empty for one that does not exist, which the engine then says.
#[derive(Debug, Default)]
pub(crate) struct ColumnTypes {
    types: BTreeMap<String, ColumnType>,
    /// Another name for a column -> the column.
    others: BTreeMap<&'static str, String>,
}

impl ColumnTypes {
    /// Of all views that a push source feeds.
    pub(crate) fn of_source(snapshot: &RegistrySnapshot, project: &str, source: &str) -> Result<Self> {
        let mut columns = Self::default();
        for view in snapshot.feature_views(project) {
            let view = view?;
            if view.stream_source.as_ref().is_some_and(|stream| stream.name == source) {
                columns.add(view);
            }
        }
        Ok(columns)
    }

    /// Of one view.
    pub(crate) fn of_view(snapshot: &RegistrySnapshot, project: &str, view: &str) -> Result<Self> {
        let mut columns = Self::default();
        match snapshot.feature_view(project, view) {
            Ok(view) => {
                columns.add(view);
                columns.add_remote_names(view);
            }
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(columns)
    }

    fn add(&mut self, view: &FeatureView) {
        for column in times(view) {
            self.types.insert(column.to_owned(), TIME);
        }
        for field in view.entity_columns.iter().chain(&view.features) {
            self.types.entry(field.name.clone()).or_insert((field.value_type, IntegerTime::Seconds));
        }
    }

    fn add_remote_names(&mut self, view: &FeatureView) {
        for (name, column) in [REMOTE_TIME, REMOTE_CREATED].into_iter().zip(times(view)) {
            if !self.types.contains_key(name) {
                self.others.insert(name, column.to_owned());
            }
        }
    }

    /// The column that a client means by a name, given all names that it sends; `None` for one that no view declares.
    fn column<'a>(
        &'a self,
        name: &'a str,
        sent: &[(Cow<'_, str>, &RawValue)],
    ) -> Option<(&'a str, ColumnType)> {
        if let Some(kind) = self.types.get(name) {
            return Some((name, *kind));
        }
        let column = self.others.get(name).filter(|column| !sent.iter().any(|(name, _)| name == *column))?;
        Some((column, TIME))
    }
}

/// The time columns of a view's source: event time, then created if there is one.
fn times(view: &FeatureView) -> impl Iterator<Item = &str> {
    let sources = view.batch_source.iter();
    sources
        .flat_map(|source| [source.timestamp_field.as_str(), source.created_timestamp_column.as_str()])
        .take_while(|column| !column.is_empty())
}

/// The columns of a client as one batch. Columns that no view declares are left out.
///
/// # Errors
/// `Invalid` naming the column that is not a list, has another length, or holds a value of another type.
pub(crate) fn frame(sent: &[(Cow<'_, str>, &RawValue)], types: &ColumnTypes) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(sent.len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(sent.len());
    let mut first: Option<(&str, usize)> = None;
    for (name, raw) in sent {
        // one column at a time becomes a list of values, so that never the whole body does
        let values: Vec<serde_json::Value> = serde_json::from_str(raw.get()).map_err(|error| {
            Error::invalid("not a column")
                .with("field", format!("df.{name}"))
                .with("expected", "a list")
                .because(error)
        })?;
        let (other, rows) = *first.get_or_insert((name, values.len()));
        if values.len() != rows {
            return Err(Error::invalid("all columns must be of the same length")
                .with("field", format!("df.{name}"))
                .with("rows", values.len())
                .with("expected", format!("{rows}, as df.{other}")));
        }
        let Some((column, (value_type, numbers))) = types.column(name, sent) else { continue };
        let array = json_column(&values, value_type, numbers)
            .map_err(|error| error.with("field", format!("df.{name}")))?;
        fields.push(Field::new(column, array.data_type().clone(), true));
        columns.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(first.map_or(0, |(_, rows)| rows)));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

#[cfg(test)]
mod tests;
