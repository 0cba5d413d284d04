//! Recording in the registry what has been materialized.

use crate::FeatureStore;
use provender_core::model::{FeatureView, MaterializationInterval, Object};
use provender_core::registry::Change;
use provender_core::{Error, Kind, Result};
use std::sync::Arc;

/// `feast.core.FeatureViewState.AVAILABLE_ONLINE`.
const AVAILABLE_ONLINE: i32 = 4;
/// Commits that may be lost to others before giving up. Every loss means that somebody else got on.
const ATTEMPTS: usize = 32;

impl FeatureStore {
    /// Appends an interval to a view as it is in the registry now, so that what others applied meanwhile stays.
    pub(super) async fn record_interval(&self, name: &str, interval: MaterializationInterval) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let (version, snapshot) = self.snapshot().await?;
            let mut view = FeatureView::clone(snapshot.feature_view(self.project(), name)?);
            view.materialization_intervals.push(interval);
            view.state = AVAILABLE_ONLINE;
            let object = Object::FeatureView(Arc::new(view));
            let change = Change::Put { project: self.project().to_owned(), object };
            match self.registry.commit(&version, &[change]).await {
                Err(error) if error.kind() == Kind::Conflict => {}
                answer => return answer.map(drop),
            }
        }
        Err(Error::conflict("the registry keeps changing, the interval is not recorded").with("view", name))
    }
}
