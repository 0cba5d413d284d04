//! Executing a plan.
//!
//! The order is such that a crash at any point loses nothing, and that running the apply again finishes the job:
//!
//! 1. Online tables are created, or given more features. A table that no registry mentions harms nobody; a view without its table would fail its readers.
//! 2. The registry is changed, except for what destroys served values. This is also the check that nobody else committed since the plan was made: nothing has been lost
//!    so far, so the plan can be made again.
//! 3. Served values are destroyed: tables dropped, features taken out of them.
//! 4. Only then does the registry forget the views they belonged to. A crash between 3 and 4 leaves views without values, which the next apply plans to delete again; the
//!    other way round it would leave values that nothing knows of, and that a later view of the same name would serve.

use super::planner::{Planned, Planner};
use super::{Applied, ApplyOptions, Plan};
use crate::{Definitions, FeatureStore, Problems};
use provender_core::model::ObjectKind;
use provender_core::online::{InfraChanges, removal_task};
use provender_core::registry::{Change, Version};
use provender_core::{Error, Kind, Progress, Result};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a commit that others came before is tried again.
const ATTEMPTS: u32 = 40;

impl FeatureStore {
    /// Compares the definitions with the registry. Nothing is changed.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions, at once.
    pub async fn plan(&self, definitions: &Definitions, options: &ApplyOptions) -> Result<Plan, Problems> {
        Ok(Planner::new(self, definitions, options).await?.plan().await?.plan)
    }

    /// Plans and executes. When somebody else commits in between, plans again and retries, unless the options expect a certain plan.
    ///
    /// # Errors
    /// As [`FeatureStore::plan`]; `Conflict` if the expected plan is no longer the plan.
    pub async fn apply(
        &self,
        definitions: &Definitions,
        options: &ApplyOptions,
    ) -> Result<Applied, Problems> {
        let mut planner = Planner::new(self, definitions, options).await?;
        // Set once a part of it is committed: what is planned after that is the rest of the same apply.
        let mut executing: Option<Plan> = None;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let planned = planner.plan().await?;
            if executing.is_none() {
                check_expected(&planned.plan, options)?;
            }
            self.reconcile(planned.infra.building()).await?;
            let destroys = planned.infra.destroys_any();
            let (now, last) = in_order(&planned);
            let Some(version) = self.commit(&planned.base, &now).await? else { continue };
            let mut plan = executing.take().unwrap_or(planned.plan);
            if destroys {
                plan.note_removed(&self.reconcile(planned.infra.destroying()).await?);
                if self.commit(&version, &last).await?.is_none() {
                    executing = Some(plan);
                    continue;
                }
            }
            self.renew().await;
            return Ok(Applied { plan });
        }
        Err(too_many_conflicts().into())
    }

    /// Commits; `None` if somebody else came before. Nothing to change is nothing to commit.
    pub(super) async fn commit(&self, base: &Version, changes: &[Change]) -> Result<Option<Version>> {
        if changes.is_empty() {
            return Ok(Some(base.clone()));
        }
        match self.registry.commit(base, changes).await {
            Ok(version) => Ok(Some(version)),
            Err(error) if error.kind() == Kind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes the online store; answers how many rows lost values, of each view where the store tells.
    pub(super) async fn reconcile(&self, mut changes: InfraChanges) -> Result<BTreeMap<String, u64>> {
        let nothing = changes.keep.is_empty() && changes.alter.is_empty() && changes.drop.is_empty();
        let Some(online) = self.online.as_ref().filter(|_| !nothing) else { return Ok(BTreeMap::new()) };
        let told: Arc<Mutex<HashMap<Arc<str>, u64>>> = Arc::default();
        let teller = Arc::clone(&told);
        changes.context.progress = Progress::new(move |event| {
            teller.lock().unwrap_or_else(PoisonError::into_inner).insert(event.task, event.done);
        });
        online.reconcile(&changes).await?;
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        let views =
            changes.drop.iter().chain(changes.alter.iter().map(|(_, new)| new)).map(|table| &table.view);
        let rows = |view: &String| Some((view.clone(), *told.get(&removal_task(view))?));
        Ok(views.filter_map(rows).collect())
    }

    /// Lets this process see its own apply. The apply itself is done, so a failure is for the next refresh to tell.
    pub(super) async fn renew(&self) {
        if let Err(error) = self.refresh().await {
            tracing::warn!(error = %error.report(), "cannot read the registry again after a change");
        }
    }
}

/// Changes to commit at once, and those to commit after served values have been destroyed: the views whose values those were, and everything that may refer to what such
/// a view will be, or that it may refer to as it is.
fn in_order(planned: &Planned) -> (Vec<Change>, Vec<Change>) {
    let (mut now, mut last): (Vec<Change>, Vec<Change>) =
        (planned.hidden.iter().cloned().collect(), Vec::new());
    let waits = |change: &Change| match change {
        Change::Put { object, .. } if object.kind().is_view() => planned.infra.destroys(object.name()),
        Change::Put { object, .. } => object.kind() == ObjectKind::FeatureService,
        Change::Delete { .. } | Change::DeleteProject(_) => true,
    };
    for step in &planned.steps {
        let list = if planned.infra.destroys_any() && waits(&step.change) { &mut last } else { &mut now };
        list.push(step.change.clone());
    }
    (now, last)
}

fn check_expected(plan: &Plan, options: &ApplyOptions) -> Result<()> {
    match &options.expected {
        Some(expected) if *expected != plan.id => {
            Err(Error::conflict("something has changed since the plan was made; plan again")
                .with("plan", expected)
                .with("now", &plan.id))
        }
        _ => Ok(()),
    }
}

/// Waits a little before another attempt, not as long as others that failed at the same time.
pub(super) async fn pause(attempt: u32) {
    if attempt > 0 {
        let random = RandomState::new().hash_one(attempt) % (2 << attempt.min(4));
        tokio::time::sleep(Duration::from_millis(random)).await;
    }
}

/// How often a change is tried in all.
pub(super) fn attempts() -> std::ops::Range<u32> {
    0..ATTEMPTS
}

pub(super) fn too_many_conflicts() -> Error {
    Error::conflict("others keep changing the registry; try again").with("attempts", ATTEMPTS)
}
