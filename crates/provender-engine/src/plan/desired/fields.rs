//! The fields of a view: join keys and features matched with the source's columns, or inferred from them.

use super::columns::{LogicalColumns, keys_match, suggest};
use crate::definitions::build;
use crate::plan::inventory::Item;
use crate::plan::schemas::Columns;
use arrow_schema::DataType;
use provender_core::model::{DataSource, Entity, FeatureView, Field};
use provender_core::{Dtype, Error, ValueType, value};

/// What a join key can be, for errors.
pub(super) const KEY_TYPES: &str = "String, Int32, Int64, Bytes or UnixTimestamp";

/// Matches the fields of one view with the columns of its source.
pub(super) struct Check<'c, 'a> {
    pub(super) item: &'c Item<'a, build::FeatureView>,
    /// Columns of the source; `None` if they were not read.
    pub(super) known: Option<&'c LogicalColumns<'c>>,
    /// The view as the registry has it.
    pub(super) registered: Option<&'c FeatureView>,
    pub(super) problems: &'c mut Vec<Error>,
}

impl Check<'_, '_> {
    /// A join key with its type: declared by the entity or the schema, else the source's.
    pub(super) fn join_key(&mut self, entity: &Entity, declared: &[Field]) -> Field {
        let given = declared.iter().find(|field| field.name == entity.join_key);
        let mut key = given.cloned().unwrap_or_else(|| Field::new(&entity.join_key, entity.value_type));
        if entity.value_type != ValueType::UNKNOWN && key.value_type != entity.value_type {
            self.problems.push(
                self.item
                    .problem("the schema and the entity declare different types")
                    .with("field", format!("schema.{}.dtype", key.name))
                    .with("found", key.value_type)
                    .with("expected", format!("{}, as entity {}", entity.value_type, entity.name)),
            );
            return key;
        }
        let column = match self.known {
            Some(known) => match known.get(&key.name) {
                Some(column) => Some(column),
                None => {
                    self.missing_column("join key", &key.name, known);
                    return key;
                }
            },
            None => None,
        };
        if key.value_type == ValueType::UNKNOWN {
            let registered =
                self.registered.and_then(|v| v.entity_columns.iter().find(|c| c.name == key.name));
            key.value_type = match column {
                Some(column) => ValueType::of_arrow(column).unwrap_or_default(),
                None => registered.map_or(ValueType::UNKNOWN, |c| c.value_type),
            };
        }
        self.check_key_type(&key, entity, column);
        key
    }

    fn check_key_type(&mut self, key: &Field, entity: &Entity, column: Option<&DataType>) {
        let problem = |message: &'static str| {
            self.item
                .problem(message)
                .with("field", format!("entities.{}", entity.name))
                .with("join key", &key.name)
        };
        // What the entity itself declares wrongly has been reported there.
        let own = entity.value_type != ValueType::UNKNOWN;
        let found = column.and_then(ValueType::of_arrow);
        if !key.value_type.is_entity_key() && (column.is_some() || key.value_type != ValueType::UNKNOWN) {
            if !own {
                let found = column.map_or_else(|| key.value_type.to_string(), ToString::to_string);
                self.problems.push(
                    problem("a join key cannot have that type")
                        .with("found", found)
                        .with("expected", KEY_TYPES),
                );
            }
        } else if let Some(column) = column
            && !found.is_some_and(|found| keys_match(found, key.value_type))
        {
            self.problems.push(
                problem("the join key has another type in the source")
                    .with("declared", key.value_type)
                    .with("found", column),
            );
        }
    }

    /// Checks declared features.
    pub(super) fn features(&mut self, features: &[Field], source: Option<&DataSource>) {
        for (index, feature) in features.iter().enumerate() {
            let name = &feature.name;
            let problem =
                |message: String| self.item.problem(message).with("field", format!("schema.{name}"));
            if name.is_empty() {
                self.problems.push(self.item.problem("a field has no name").with("field", "schema"));
                continue;
            }
            if name.contains(':') {
                self.problems.push(problem("a feature's name must not contain `:`".to_owned()));
            }
            if features[..index].iter().any(|f| f.name == *name) {
                self.problems.push(problem("the field is declared twice".to_owned()));
            }
            if let Some(source) = source {
                if let Some(role) = time_role(source, name) {
                    self.problems
                        .push(problem(format!("the column is the source's {role} and cannot be a feature")));
                }
                if source.logical(name) != name {
                    self.problems.push(
                        problem("the column goes by another name after field mapping".to_owned())
                            .with("expected", source.logical(name)),
                    );
                    continue;
                }
            }
            self.feature_column(feature);
        }
        if features.iter().filter(|f| f.vector.is_some()).count() > 1 {
            self.problems.push(
                self.item
                    .problem("only one feature of a view can have a vector index")
                    .with("field", "schema"),
            );
        }
    }

    fn feature_column(&mut self, feature: &Field) {
        let Some(known) = self.known else { return };
        let Some(column) = known.get(&feature.name) else {
            return self.missing_column("feature", &feature.name, known);
        };
        if value::check(column, feature.value_type).is_err() {
            self.problems.push(
                self.item
                    .problem("the feature has another type in the source")
                    .with("field", format!("schema.{}.dtype", feature.name))
                    .with("declared", feature.value_type)
                    .with("found", column),
            );
        }
    }

    /// All columns that are neither join keys nor times. Those that begin with two underscores are for internal use and left out, as Feast does.
    pub(super) fn infer_features(
        &mut self,
        source: Option<&DataSource>,
        columns: Columns<'_>,
        keys: &[Field],
    ) -> Vec<Field> {
        let (Some(known), Some(source)) = (self.known, source) else {
            return self.registered_features(columns);
        };
        let mut features = Vec::new();
        for (name, column) in &known.columns {
            if keys.iter().any(|key| key.name == *name)
                || time_role(source, name).is_some()
                || name.starts_with("__")
            {
                continue;
            }
            match Dtype::of_arrow(column).filter(|dtype| value::check(column, dtype.value_type).is_ok()) {
                Some(dtype) => {
                    features.push(Field { tags: dtype.tags, ..Field::new(*name, dtype.value_type) });
                }
                None => self.problems.push(
                    self.item
                        .problem("a column of the source has a type that no feature can have")
                        .with("column", name)
                        .with("found", column)
                        .with("expected", "a `schema` that leaves it out"),
                ),
            }
        }
        if features.is_empty() {
            self.problems.push(
                self.item
                    .problem("the source has no columns besides join keys and times")
                    .with("field", "schema")
                    .with("source", &source.name),
            );
        }
        features
    }

    /// Without a look at the source, what was inferred before.
    fn registered_features(&mut self, columns: Columns<'_>) -> Vec<Field> {
        match (self.registered, columns) {
            (Some(view), _) => view.features.clone(),
            (None, Columns::Skipped) => {
                self.problems.push(
                    self.item
                        .problem("features cannot be inferred when sources are not read")
                        .with("field", "schema")
                        .with("expected", "names and types of the features"),
                );
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn missing_column(&mut self, what: &'static str, name: &str, known: &LogicalColumns<'_>) {
        let problem = self.item.problem(format!("the {what} {name} is not a column of the source"));
        self.problems.push(suggest(problem, name, known.names()));
    }
}

/// What a column means to its source, if it holds times.
fn time_role(source: &DataSource, name: &str) -> Option<&'static str> {
    if name.is_empty() {
        None
    } else if name == source.timestamp_field {
        Some("timestamp_field")
    } else if name == source.created_timestamp_column {
        Some("created_timestamp_column")
    } else {
        None
    }
}
