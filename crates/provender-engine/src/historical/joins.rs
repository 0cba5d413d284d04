//! What a request for features joins, for engines that plan the join themselves.

use super::Features;
use super::routes::view_join;
use crate::FeatureStore;
use crate::resolve::resolve;
use provender_core::offline::{KnownAt, ViewJoin};
use provender_core::{OfflineStore, Result};
use std::sync::Arc;

/// The joins of a request.
#[derive(Clone, Debug)]
pub struct Joins {
    /// One a use of a view, in the order of the request.
    pub views: Vec<ViewJoin>,
    /// Names of the feature columns, in the order asked.
    pub columns: Vec<String>,
}

impl FeatureStore {
    /// What a request for features joins: references, aliases, join-key maps and field mappings resolved against the registry as it is now.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, feature or service; `Invalid` for colliding names.
    pub async fn joins(
        &self,
        features: &Features,
        full_feature_names: bool,
        known_at: Option<KnownAt>,
    ) -> Result<Joins> {
        let (_, snapshot) = self.snapshot().await?;
        let resolved = resolve(&snapshot, self.project(), features, full_feature_names)?;
        let views = (0..resolved.uses.len()).map(|index| view_join(&resolved, index, known_at));
        let columns = resolved.columns.iter().map(|column| column.name.clone());
        Ok(Joins { views: views.collect::<Result<_>>()?, columns: columns.collect() })
    }

    /// The offline stores; a view is read by the first that reads its source.
    #[must_use]
    pub fn offline_stores(&self) -> &[Arc<dyn OfflineStore>] {
        &self.offline
    }
}
