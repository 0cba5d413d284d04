//! What a request for features names: references and services looked up in a registry, aliases applied, column names decided. Training and serving share it.

mod lookup;
#[cfg(test)]
mod tests;

pub(crate) use lookup::{join_keys, view_named};

use crate::Features;
use provender_core::model::{FeatureReference, FeatureView, Field, Projection};
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, Result, ValueType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The views that a request uses, and the feature columns that it answers.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// In first-mention order. A view appears once for each alias.
    pub(crate) uses: Vec<ViewUse>,
    /// In the order asked.
    pub(crate) columns: Vec<Column>,
}

/// One use of a view.
#[derive(Debug)]
pub(crate) struct ViewUse {
    pub(crate) view: Arc<FeatureView>,
    /// The alias, else the view's name.
    pub(crate) name: String,
    /// Its join keys; none for an entity-less view.
    pub(crate) keys: Vec<JoinKey>,
    /// Indexes into the view's features, in the order asked.
    pub(crate) features: Vec<usize>,
}

/// A join key of a view, and the column of the request that stands for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JoinKey {
    /// Name in the view.
    pub(crate) name: String,
    /// Name in the entity rows.
    pub(crate) column: String,
    /// Declared type.
    pub(crate) value_type: ValueType,
}

/// A feature column of the answer.
#[derive(Debug)]
pub(crate) struct Column {
    /// Which of [`Resolved::uses`].
    pub(crate) used: usize,
    /// Which of its [`ViewUse::features`].
    pub(crate) feature: usize,
    /// Name in the answer.
    pub(crate) name: String,
}

impl ViewUse {
    /// The features asked, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.features.iter().map(|i| &self.view.features[*i])
    }
}

/// Resolves a request against a registry.
pub(crate) fn resolve(
    snapshot: &RegistrySnapshot,
    project: &str,
    features: &Features,
    full_feature_names: bool,
) -> Result<Resolved> {
    let mut resolved = Resolved { uses: Vec::new(), columns: Vec::new() };
    match features {
        Features::List(references) => resolved.add_list(snapshot, project, references)?,
        Features::Service(name) => resolved.add_service(snapshot, project, name)?,
    }
    if resolved.columns.is_empty() {
        return Err(Error::invalid("No features specified for retrieval"));
    }
    resolved.name_columns(full_feature_names)?;
    Ok(resolved)
}

impl Resolved {
    fn add_list(&mut self, snapshot: &RegistrySnapshot, project: &str, references: &[String]) -> Result<()> {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for text in references {
            let reference = parse_reference(text)?;
            let used = match known.get(&reference.view) {
                Some(used) => *used,
                None => {
                    let whole = Projection { view: reference.view.clone(), ..Projection::default() };
                    let used = self.add_use(snapshot, project, &whole)?;
                    known.insert(reference.view, used);
                    used
                }
            };
            self.add_column(used, &reference.feature)?;
        }
        Ok(())
    }

    fn add_service(&mut self, snapshot: &RegistrySnapshot, project: &str, name: &str) -> Result<()> {
        let service = lookup::service(snapshot, project, name)?;
        for projection in &service.projections {
            let used = self.add_use(snapshot, project, projection)?;
            if projection.features.is_empty() {
                let all: Vec<String> = self.uses[used].view.features.iter().map(|f| f.name.clone()).collect();
                all.iter().try_for_each(|feature| self.add_column(used, feature))?;
            }
            projection.features.iter().try_for_each(|field| self.add_column(used, &field.name))?;
        }
        Ok(())
    }

    fn add_use(
        &mut self,
        snapshot: &RegistrySnapshot,
        project: &str,
        projection: &Projection,
    ) -> Result<usize> {
        let view = Arc::clone(view_named(snapshot, project, &projection.view)?);
        let keys = join_keys(snapshot, project, &view)?
            .into_iter()
            .map(|key| JoinKey {
                column: projection.join_key(&key.name).to_owned(),
                name: key.name,
                value_type: key.value_type,
            })
            .collect();
        let name = projection.name_to_use().to_owned();
        self.uses.push(ViewUse { view, name, keys, features: Vec::new() });
        Ok(self.uses.len() - 1)
    }

    fn add_column(&mut self, used: usize, feature: &str) -> Result<()> {
        let view_use = &mut self.uses[used];
        let index = view_use.view.features.iter().position(|f| f.name == feature).ok_or_else(|| {
            Error::not_found(format!("Feature {feature} not found in projection {}", view_use.name))
                .suggest(feature, view_use.view.features.iter().map(|f| f.name.as_str()))
        })?;
        view_use.features.push(index);
        self.columns.push(Column { used, feature: view_use.features.len() - 1, name: String::new() });
        Ok(())
    }

    /// `view:feature` of a column, with the alias if there is one.
    fn reference(&self, column: &Column) -> FeatureReference {
        let view_use = &self.uses[column.used];
        let feature = &view_use.view.features[view_use.features[column.feature]];
        FeatureReference { view: view_use.name.clone(), feature: feature.name.clone() }
    }

    fn name_columns(&mut self, full: bool) -> Result<()> {
        let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for i in 0..self.columns.len() {
            let reference = self.reference(&self.columns[i]);
            let name = match full {
                true => format!("{}__{}", reference.view, reference.feature),
                false => reference.feature.clone(),
            };
            named.entry(name.clone()).or_default().push(reference.to_string());
            self.columns[i].name = name;
        }
        named.retain(|_, references| references.len() > 1);
        if named.is_empty() { Ok(()) } else { Err(collision(&named, full)) }
    }
}

/// Reads `view:feature`; a version in it is refused, because only the current version of a view is served.
fn parse_reference(text: &str) -> Result<FeatureReference> {
    let reference = FeatureReference::parse(text).map_err(|_| {
        Error::invalid(format!(
            "Invalid feature reference '{text}'. Expected format: '<feature_view>:<feature>'"
        ))
    })?;
    if reference.view.contains('@') {
        return Err(Error::unsupported(format!(
            "Version-qualified ref '{}' not supported: only the current version of a view can be read",
            reference.view
        ))
        .with("feature", text));
    }
    Ok(reference)
}

/// The first line and the advice for short names are Feast's, which clients match on.
fn collision(named: &BTreeMap<String, Vec<String>>, full: bool) -> Error {
    let names = named.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let advice = if full {
        "Ask for each feature once, and give a view that is used twice another name in the feature service."
    } else {
        "To resolve this collision, either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have different names."
    };
    let references = named.values().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    let error = Error::invalid(format!("Duplicate features named {names} found.\n{advice}"))
        .with("class", "FeatureNameCollisionError")
        .with("features", references);
    if full {
        error
    } else {
        error.with("expected", "full_feature_names, on the command line --full-feature-names")
    }
}
