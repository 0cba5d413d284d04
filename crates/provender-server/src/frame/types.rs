//! Which columns rows may have, and what is in them.

use provender_core::model::{DataSource, FeatureView, SourceKind};
use provender_core::registry::RegistrySnapshot;
use provender_core::value::IntegerTime;
use provender_core::{Kind, Result, ValueType};
use std::collections::BTreeMap;

/// Names under which Feast's remote online store sends the time columns, whatever the source calls them.
const REMOTE_TIMES: [&str; 2] = ["event_timestamp", "created"];

/// A column's type, and what a number means in it if that is an instant.
pub(super) type ColumnType = (ValueType, IntegerTime);

/// Feast takes numbers for nanoseconds in the time columns, and for seconds in features and keys.
const TIME: ColumnType = (ValueType::UNIX_TIMESTAMP, IntegerTime::Nanoseconds);

/// The columns that rows of a push source or view may have. None for one that does not exist, which the engine then says.
#[derive(Debug, Default)]
pub(crate) struct ColumnTypes {
    declared: BTreeMap<String, ColumnType>,
    /// Another name for a column -> the column.
    others: BTreeMap<&'static str, String>,
    keep_undeclared: bool,
}

impl ColumnTypes {
    /// Of all views that a push source feeds. With `keep_undeclared`, columns that no view declares are kept as what their values look like: they
    /// may be columns of the offline source.
    ///
    /// # Errors
    /// `Internal` if the registry is damaged.
    pub(crate) fn of_source(
        snapshot: &RegistrySnapshot,
        project: &str,
        source: &str,
        keep_undeclared: bool,
    ) -> Result<Self> {
        let mut columns = Self { keep_undeclared, ..Self::default() };
        let pushes = |s: &DataSource| s.name == source && matches!(s.kind, SourceKind::Push { .. });
        for view in snapshot.feature_views(project) {
            let view = view?;
            let streamed = view.stream_source.as_ref().is_some_and(|s| s.name == source);
            if streamed || view.batch_source.as_ref().is_some_and(pushes) {
                columns.add(snapshot, project, view);
            }
        }
        Ok(columns)
    }

    /// Of one view.
    ///
    /// # Errors
    /// `Internal` if the registry is damaged.
    pub(crate) fn of_view(snapshot: &RegistrySnapshot, project: &str, view: &str) -> Result<Self> {
        let mut columns = Self::default();
        match snapshot.feature_view(project, view) {
            Ok(view) => {
                columns.add(snapshot, project, view);
                for (name, column) in REMOTE_TIMES.into_iter().zip(times(view)) {
                    if !columns.declared.contains_key(name) {
                        columns.others.insert(name, column.to_owned());
                    }
                }
            }
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(columns)
    }

    fn add(&mut self, snapshot: &RegistrySnapshot, project: &str, view: &FeatureView) {
        for column in times(view) {
            self.declared.insert(column.to_owned(), TIME);
        }
        for field in view.entity_columns.iter().chain(&view.features) {
            self.declare(&field.name, field.value_type);
        }
        // registries of old Feast versions know the types of join keys from the entities alone
        for entity in view.entities.iter().filter_map(|name| snapshot.entity(project, name).ok()) {
            self.declare(&entity.join_key, entity.value_type);
        }
    }

    fn declare(&mut self, column: &str, value_type: ValueType) {
        self.declared.entry(column.to_owned()).or_insert((value_type, IntegerTime::Seconds));
    }

    /// The column that a client means by a name, given what its values look like and which names it sends; `None` for one that has no place.
    ///
    /// # Errors
    /// What `guess` says, for an undeclared column.
    pub(super) fn column<'a>(
        &'a self,
        name: &'a str,
        guess: impl FnOnce() -> Result<Option<ValueType>>,
        is_sent: impl Fn(&str) -> bool,
    ) -> Result<Option<(&'a str, ColumnType)>> {
        if let Some(kind) = self.declared.get(name) {
            return Ok(Some((name, *kind)));
        }
        if let Some(column) = self.others.get(name) {
            return Ok((!is_sent(column)).then_some((column, TIME)));
        }
        let guessed = if self.keep_undeclared { guess()? } else { None };
        Ok(guessed.map(|value_type| (name, (value_type, IntegerTime::Seconds))))
    }
}

/// The time columns of a view's source: event time, then created if there is one.
fn times(view: &FeatureView) -> impl Iterator<Item = &str> {
    let source = view.batch_source.as_ref().and_then(DataSource::batch);
    source
        .into_iter()
        .flat_map(|source| [source.timestamp_field.as_str(), source.created_timestamp_column.as_str()])
        .take_while(|column| !column.is_empty())
}
