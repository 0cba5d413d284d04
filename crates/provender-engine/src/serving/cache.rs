//! Compiled plans of one registry version. They are kept beside the snapshot they were made from and go with it.

use super::FeaturesRef;
use super::plan::OnlinePlan;
use crate::FeatureStore;
use foldhash::fast::RandomState;
use provender_core::model::{Object, ObjectKind};
use provender_core::registry::RegistrySnapshot;
use provender_core::{EntityKeyEncoder, Result};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Most plans kept. Requests of a live system name few lists of features; one that makes up lists must not fill the memory.
const MOST_PLANS: usize = 1_024;

/// The join keys of a project's entities, each with an encoder for its declared type.
pub(super) type KnownKeys = BTreeMap<String, EntityKeyEncoder>;

/// A plan with short names and one with full names.
type PlanPair = [Option<Arc<OnlinePlan>>; 2];

/// Plans by the features that they answer.
#[derive(Debug, Default)]
pub(crate) struct PlanCache {
    plans: RwLock<HashMap<FeaturesRef<'static>, PlanPair, RandomState>>,
    known: OnceLock<Arc<KnownKeys>>,
}

impl PlanCache {
    /// The plan of a request: the kept one, else a new one. The cache belongs to the snapshot that is given.
    ///
    /// # Errors
    /// As [`OnlinePlan::compile`]. Failures are not kept.
    pub(super) fn plan(
        &self,
        snapshot: &RegistrySnapshot,
        store: &FeatureStore,
        features: &FeaturesRef<'_>,
        full_feature_names: bool,
    ) -> Result<Arc<OnlinePlan>> {
        match self.kept(features, full_feature_names) {
            Some(plan) => Ok(plan),
            None => self.compile(snapshot, store, features, full_feature_names),
        }
    }

    /// Looks a plan up by the names as the request has them; nothing is copied.
    fn kept(&self, features: &FeaturesRef<'_>, full_feature_names: bool) -> Option<Arc<OnlinePlan>> {
        let kept = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(features)?[usize::from(full_feature_names)].clone()
    }

    #[cold]
    fn compile(
        &self,
        snapshot: &RegistrySnapshot,
        store: &FeatureStore,
        features: &FeaturesRef<'_>,
        full_feature_names: bool,
    ) -> Result<Arc<OnlinePlan>> {
        let known = Arc::clone(self.known.get_or_init(|| Arc::new(known_keys(snapshot, store.project()))));
        let features = features.to_features();
        let plan = OnlinePlan::compile(snapshot, store, &features, full_feature_names, known)?;
        let (plan, features) = (Arc::new(plan), FeaturesRef::from(features));
        let mut kept = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_PLANS && !kept.contains_key(&features) {
            kept.clear();
        }
        kept.entry(features).or_default()[usize::from(full_feature_names)] = Some(Arc::clone(&plan));
        Ok(plan)
    }

    /// Number of feature lists and services that are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.plans.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Entities that are damaged or whose join key has no type yet are left out: only requests that need them fail.
fn known_keys(snapshot: &RegistrySnapshot, project: &str) -> KnownKeys {
    let entity = |object: &Object| match object {
        Object::Entity(entity) => {
            let encoder = EntityKeyEncoder::new([(entity.join_key.clone(), entity.value_type)]).ok()?;
            Some((entity.join_key.clone(), encoder))
        }
        _ => None,
    };
    let entities = snapshot.list(project, ObjectKind::Entity);
    entities.filter_map(|stored| stored.object().ok().and_then(entity)).collect()
}
