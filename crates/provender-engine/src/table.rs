//! A view as the online store knows it.

use crate::FeatureStore;
use provender_core::model::{DUMMY_JOIN_KEY, FeatureView, Field};
use provender_core::online::OnlineTable;
use provender_core::{Error, OnlineStore, Result};
use std::sync::Arc;

impl FeatureStore {
    /// # Errors
    /// `Invalid` if the configuration sets it to null.
    pub(crate) fn online_store(&self) -> Result<&Arc<dyn OnlineStore>> {
        self.online.as_ref().ok_or_else(|| {
            Error::invalid("this repository has no online store").with("field", "online_store")
        })
    }
}

/// The online table of a view whose join keys are known ([`crate::resolve::join_keys`]).
pub(crate) fn online_table(project: &str, view: &FeatureView, join_keys: &[Field]) -> Arc<OnlineTable> {
    let names: Vec<String> = match join_keys {
        [] => vec![DUMMY_JOIN_KEY.to_owned()],
        keys => keys.iter().map(|key| key.name.clone()).collect(),
    };
    Arc::new(OnlineTable {
        project: project.to_owned(),
        view: view.name.clone(),
        join_keys: names,
        features: view.features.iter().map(|f| (f.name.clone(), f.value_type)).collect(),
        ttl: view.limited_ttl(),
        tags: view.tags.clone(),
    })
}
