//! Planning: definitions checked once, then compared with the registry as often as it takes.

use super::changes::{Step, missing_dummy, plan_id, steps};
use super::desired::{Scope, desired};
use super::infra::{Infra, Tables};
use super::inventory::Inventory;
use super::schemas::Schemas;
use super::{ApplyOptions, ObjectAction, Plan};
use crate::definitions::build::SourceRef;
use crate::resolve::join_keys;
use crate::table::online_table;
use crate::{Definitions, FeatureStore, Problems};
use provender_core::model::{DataSource, Field, Object};
use provender_core::registry::{Change, RegistrySnapshot, Version};
use provender_core::{Error, Result};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Plans an apply of one set of definitions. Sources are read once, however often the registry changes meanwhile.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    store: &'a FeatureStore,
    inventory: Inventory<'a>,
    options: &'a ApplyOptions,
    schemas: Schemas,
    declares_nothing: bool,
}

/// A plan with what it takes to execute it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// The registry's version that it starts from.
    pub(super) base: Version,
    pub(super) steps: Vec<Step>,
    /// What users do not see.
    pub(super) hidden: Option<Change>,
    pub(super) infra: Infra,
}

impl<'a> Planner<'a> {
    /// # Errors
    /// What is wrong with the names of the definitions or with their sources.
    pub(super) async fn new(
        store: &'a FeatureStore,
        definitions: &'a Definitions,
        options: &'a ApplyOptions,
    ) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let inventory = Inventory::of(definitions, &mut problems);
        let mut schemas = Schemas::new(options.skip_source_validation);
        let stores = store.offline_with(inventory.sources.iter().map(|item| &item.draft.model));
        schemas.read_declared(&stores, &inventory.sources, &mut problems).await;
        let declares_nothing = definitions.objects.is_empty();
        let planner = Self { store, inventory, options, schemas, declares_nothing };
        if problems.is_empty() {
            return Ok(planner);
        }
        // Names and sources are not all that can be wrong: references are checked now, so that everything is told at once.
        let (_, snapshot) = store.snapshot().await?;
        planner.desired(&snapshot, &mut problems);
        Err(Problems(problems))
    }

    /// The way from the registry as it is now to the definitions.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions, at once.
    pub(super) async fn plan(&mut self) -> Result<Planned, Problems> {
        let (base, snapshot) = self.store.snapshot().await?;
        let mut problems = Vec::new();
        let registered = self.registered_sources(&snapshot);
        self.schemas.read_registered(&self.store.offline, &registered, &mut problems).await;
        let desired = self.desired(&snapshot, &mut problems);
        Problems::none_in(problems)?;
        let project = self.store.project();
        let tables = desired_tables(project, &desired);
        let steps = steps(&snapshot, project, desired, self.options.delete);
        if self.declares_nothing {
            refuse_to_empty(&steps)?;
        }
        let infra = self.infra(&snapshot, &steps, tables);
        Ok(Planned::new(self.store, base, &snapshot, steps, infra))
    }

    fn desired(&self, snapshot: &RegistrySnapshot, problems: &mut Vec<Error>) -> Vec<Object> {
        let keeps = !self.options.delete;
        let scope = Scope { config: &self.store.config, snapshot, keeps, schemas: &self.schemas };
        desired(scope, &self.inventory, problems)
    }

    /// Sources that views use and that only the registry has.
    fn registered_sources<'s>(&self, snapshot: &'s RegistrySnapshot) -> Vec<&'s DataSource> {
        if self.options.delete {
            return Vec::new();
        }
        let sources = &self.inventory.sources;
        let declared: HashSet<&str> = sources.iter().map(|item| item.name).collect();
        let of_views = self.inventory.views.iter().filter_map(|item| item.draft.source.as_ref());
        let wanted = of_views.chain(sources.iter().filter_map(|item| item.draft.batch.as_ref()));
        wanted
            .map(SourceRef::name)
            .filter(|name| !declared.contains(name))
            .filter_map(|name| snapshot.data_source(self.store.project(), name).ok()?.batch())
            .collect()
    }

    /// The online tables of registered views, and of the views as they will be.
    fn infra(&self, snapshot: &RegistrySnapshot, steps: &[Step], mut after: Tables) -> Infra {
        if self.store.online.is_none() {
            return Infra::default();
        }
        let before = self.store.online_tables(snapshot);
        let changed = steps.iter().filter(|step| step.shown.kind.is_view());
        let changed: HashSet<&str> = changed.map(|step| step.shown.name.as_str()).collect();
        for (view, table) in before.iter().filter(|(view, _)| !changed.contains(view.as_str())) {
            after.insert(view.clone(), Arc::clone(table));
        }
        Infra::between(&before, &after)
    }
}

impl Planned {
    /// Completes a plan from its parts.
    pub(super) fn new(
        store: &FeatureStore,
        base: Version,
        snapshot: &RegistrySnapshot,
        steps: Vec<Step>,
        infra: Infra,
    ) -> Self {
        let shown = steps.iter().map(|step| step.shown.clone()).collect();
        let changes = store.online.as_deref().map(|online| infra.changes(online)).unwrap_or_default();
        let mut plan =
            Plan { id: String::new(), project: store.project().to_owned(), objects: shown, infra: changes };
        plan.id = plan_id(&plan, &steps, snapshot);
        Self { plan, base, steps, hidden: missing_dummy(snapshot, store.project()), infra }
    }
}

/// A folder without any definition is a wrong folder, or one with definitions in another language, far more often than the wish to delete everything.
fn refuse_to_empty(steps: &[Step]) -> Result<()> {
    match steps.iter().filter(|step| step.shown.action == ObjectAction::Delete).count() {
        0 => Ok(()),
        count => Err(Error::invalid(format!(
            "the repository declares nothing, and the apply would delete all {count} objects of the project"
        ))
        .with("expected", "definitions in .yaml files; teardown if everything is to be deleted")),
    }
}

/// Tables of the desired views that are served online.
fn desired_tables(project: &str, desired: &[Object]) -> Tables {
    let mut tables = BTreeMap::new();
    for object in desired {
        if let Object::FeatureView(view) = object
            && view.online
            && view.enabled
        {
            let keys: Vec<Field> = view.join_keys().cloned().collect();
            tables.insert(view.name.clone(), online_table(project, view, &keys));
        }
    }
    tables
}

impl FeatureStore {
    /// The online tables of the project's views as registered. A damaged view has none that could be known.
    pub(super) fn online_tables(&self, snapshot: &RegistrySnapshot) -> Tables {
        let project = self.project();
        let views = snapshot.feature_views(project).filter_map(Result::ok);
        let served = views.filter(|view| view.online && view.enabled);
        served
            .filter_map(|view| {
                let keys = join_keys(snapshot, project, view).ok()?;
                Some((view.name.clone(), online_table(project, view, &keys)))
            })
            .collect()
    }
}
