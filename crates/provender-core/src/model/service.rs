//! Feature services: the features of one model version.

use super::{Field, Meta, Tags};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fmt;

/// The named list of features that a model reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureService {
    /// Unique in the project.
    pub name: String,
    /// What it reads, in order.
    pub projections: Vec<Projection>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: Tags,
    /// Whom to ask.
    pub owner: String,
    /// Filled by the registry.
    pub meta: Meta,
}

/// Some features of a view, possibly under another name and with other join keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// Name of the view, of any view kind.
    pub view: String,
    /// Another name for this use; prefix of full feature names.
    pub alias: Option<String>,
    /// Join key of the view -> column of the entity frame or request.
    pub join_key_map: BTreeMap<String, String>,
    /// Its features, with types. In a definition, empty means all; in a registry the list is complete.
    pub features: Vec<Field>,
}

impl Projection {
    /// The name it goes by: the alias, else the view's name.
    #[must_use]
    pub fn name_to_use(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.view)
    }

    /// The column of the entity frame that stands for a join key of the view.
    #[must_use]
    pub fn join_key<'a>(&'a self, key: &'a str) -> &'a str {
        self.join_key_map.get(key).map_or(key, String::as_str)
    }
}

/// `view:feature`, as users write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeatureReference {
    /// Name of the view.
    pub view: String,
    /// Name of the feature.
    pub feature: String,
}

impl FeatureReference {
    /// Reads `view:feature`.
    ///
    /// # Errors
    /// `Invalid` with the expected form.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((view, feature)) if !view.is_empty() && !feature.is_empty() && !feature.contains(':') => {
                Ok(Self { view: view.to_owned(), feature: feature.to_owned() })
            }
            _ => Err(Error::invalid("not a feature reference")
                .with("feature", text)
                .with("expected", "view:feature")),
        }
    }
}

impl fmt::Display for FeatureReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.view, self.feature)
    }
}
