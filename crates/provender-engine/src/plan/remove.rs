//! Taking a project, or one object, out of the registry and the online store.

use super::Plan;
use super::apply::{attempts, pause, too_many_conflicts};
use super::changes::{deletion, users};
use super::infra::{Infra, Tables};
use super::planner::Planned;
use crate::FeatureStore;
use provender_core::model::{DUMMY_ENTITY, ObjectKind};
use provender_core::registry::{Change, RegistrySnapshot, Stored};
use provender_core::{Error, Result};
use std::sync::Arc;

/// Feast's order in which a name is looked for.
const DELETED_FIRST: [ObjectKind; 8] = [
    ObjectKind::Entity,
    ObjectKind::FeatureView,
    ObjectKind::FeatureService,
    ObjectKind::DataSource,
    ObjectKind::SavedDataset,
    ObjectKind::ValidationReference,
    ObjectKind::StreamFeatureView,
    ObjectKind::OnDemandFeatureView,
];

impl FeatureStore {
    /// Drops the online tables of the project and removes it from the registry; answers what was dropped.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn teardown(&self) -> Result<Plan> {
        let project = self.project();
        let all = |snapshot: &RegistrySnapshot| {
            let objects: Vec<_> = snapshot.objects(project).cloned().collect();
            Ok((objects, Change::DeleteProject(project.to_owned())))
        };
        self.remove(all).await
    }

    /// Deletes the first object of a name, in Feast's order of kinds (entity, feature view, feature service, data source, saved dataset, validation reference, stream
    /// feature view, on demand feature view), with its online table; answers what was deleted. Services and on demand views that refer to a view stay as they are.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` naming the views that still use the entity or data source.
    pub async fn delete(&self, name: &str) -> Result<Plan> {
        let project = self.project();
        let first = |snapshot: &RegistrySnapshot| {
            let found = DELETED_FIRST
                .iter()
                .filter(|_| name != DUMMY_ENTITY)
                .find_map(|kind| snapshot.find(project, *kind, name));
            let stored = found.ok_or_else(|| {
                Error::not_found(format!("nothing in project {project} is named {name}")).with("name", name)
            })?;
            refuse_used(snapshot, stored)?;
            Ok((vec![Arc::clone(stored)], deletion(stored).change))
        };
        self.remove(first).await
    }

    /// Drops the tables of the chosen objects and then commits the change, so that a crash in between leaves something to be removed again.
    async fn remove(
        &self,
        choose: impl Fn(&RegistrySnapshot) -> Result<(Vec<Arc<Stored>>, Change)>,
    ) -> Result<Plan> {
        let mut dropped: Option<Plan> = None;
        for attempt in attempts() {
            pause(attempt).await;
            let (base, snapshot) = self.snapshot().await?;
            let (objects, change) = match choose(&snapshot) {
                Ok(chosen) => chosen,
                // Somebody else finished what this call began.
                Err(error) => return dropped.ok_or(error),
            };
            if objects.is_empty() {
                return Ok(dropped.unwrap_or_else(|| self.removal(base, &snapshot, &objects).plan));
            }
            let planned = self.removal(base, &snapshot, &objects);
            let removed = self.reconcile(planned.infra.destroying()).await?;
            let done = self.commit(&planned.base, &[change]).await?.is_some();
            let first = dropped.is_none();
            let plan = dropped.get_or_insert(planned.plan);
            if first {
                plan.note_removed(&removed);
            }
            if done {
                let plan = plan.clone();
                self.renew().await;
                return Ok(plan);
            }
        }
        Err(too_many_conflicts())
    }

    fn removal(
        &self,
        base: provender_core::registry::Version,
        snapshot: &RegistrySnapshot,
        objects: &[Arc<Stored>],
    ) -> Planned {
        let mut tables = self.online_tables(snapshot);
        tables.retain(|view, _| objects.iter().any(|o| o.kind.is_view() && *o.name == **view));
        let shown = objects.iter().rev().filter(|o| &*o.name != DUMMY_ENTITY);
        let steps = shown.map(|stored| deletion(stored)).collect();
        Planned::new(self, base, snapshot, steps, Infra::between(&tables, &Tables::new()))
    }
}

/// Views cannot be read without their entities and sources.
fn refuse_used(snapshot: &RegistrySnapshot, stored: &Stored) -> Result<()> {
    if !matches!(stored.kind, ObjectKind::Entity | ObjectKind::DataSource) {
        return Ok(());
    }
    match users(snapshot, stored).as_slice() {
        [] => Ok(()),
        users => Err(Error::invalid(format!("{} {} is still used by views", stored.kind, stored.name))
            .with("views", users.join(", "))
            .with("expected", "definitions without it and those views, applied; or the views deleted first")),
    }
}
