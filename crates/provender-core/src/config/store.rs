//! One store's section.

use super::redact;
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;

/// One store's section: its `type:` and the settings that belong to that type. `Debug` hides what looks like a secret.
#[derive(Clone, Default, PartialEq)]
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
    /// `Invalid` with the section, the type, the path and cause of what does not fit, and the nearest key if one is unknown.
    pub fn settings<C: DeserializeOwned>(&self, section: &'static str) -> Result<C> {
        serde_path_to_error::deserialize(Value::Object(self.rest.clone())).map_err(|error| {
            let at = error.path().to_string();
            let cause = error.inner().to_string();
            let at = if at == "." { section.to_owned() } else { format!("{section}.{at}") };
            let error = Error::invalid(format!("invalid store settings: {cause}"))
                .with("section", section)
                .with("type", &self.kind)
                .with("at", at);
            suggest_field(error, &cause)
        })
    }

    /// The section as in the file, secrets hidden.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut section = Map::new();
        section.insert("type".to_owned(), self.kind.as_str().into());
        section.extend(redact::map(&self.rest));
        Value::Object(section)
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("kind", &self.kind)
            .field("rest", &redact::map(&self.rest))
            .finish()
    }
}

/// Adds the nearest known field, if serde says "unknown field `prot`, expected one of `port`, `host`".
fn suggest_field(error: Error, cause: &str) -> Error {
    let Some(list) = cause.strip_prefix("unknown field ") else { return error };
    let mut words = list.split('`').skip(1).step_by(2);
    match words.next() {
        Some(unknown) => error.suggest(unknown, words),
        None => error,
    }
}
