//! `feature_store.yaml`: Feast's keys, and ours.

use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One store's section: its `type:` and the settings that belong to that type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreConfig {
    /// The value of `type:`.
    pub kind: String,
    /// Everything else in the section.
    pub rest: Map<String, Value>,
}

impl StoreConfig {
    /// A section of a type without settings.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), rest: Map::new() }
    }

    /// Sets one setting.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.rest.insert(key.to_owned(), value.into());
        self
    }

    /// The settings as a provider's own type.
    ///
    /// # Errors
    /// `Invalid` with the section, the type, and the path and cause of what does not fit.
    pub fn settings<C: DeserializeOwned>(&self, section: &'static str) -> Result<C> {
        serde_path_to_error::deserialize(Value::Object(self.rest.clone())).map_err(|error| {
            let at = error.path().to_string();
            Error::invalid(format!("invalid store settings: {}", error.inner()))
                .with("section", section)
                .with("type", &self.kind)
                .with("at", at)
        })
    }
}
