//! Plan and apply: the difference between what a repository declares and what the registry holds, and its execution.

use crate::{Definitions, FeatureStore, Problems};
use provender_core::Result;
use provender_core::model::ObjectKind;

/// How to plan and apply.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Delete what the repository no longer declares (Feast's CLI does); `--no-delete` turns it off.
    pub delete: bool,
    /// Refuse with `Conflict` unless the plan still has this id.
    pub expected: Option<String>,
    /// Do not look at the sources: no schema inference from them, no check of declared schemas against them.
    pub skip_source_validation: bool,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self { delete: true, expected: None, skip_source_validation: false }
    }
}

/// What an apply would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Short hash of the changes and of the registry version they start from: equal exactly when nothing has changed since.
    pub id: String,
    /// Project that it is for.
    pub project: String,
    /// Changes to the registry.
    pub objects: Vec<ObjectChange>,
    /// Changes to the online store.
    pub infra: Vec<InfraChange>,
}

/// One object that an apply would create, change or delete.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectChange {
    /// What happens.
    pub action: ObjectAction,
    /// To what kind of object.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What differs, for a changed object.
    pub fields: Vec<FieldChange>,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ObjectAction {
    Create,
    Update,
    Delete,
}

/// One field that differs, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Path of the field, such as `schema.conv_rate.dtype`.
    pub field: String,
    /// As it is; `None` if it is not there.
    pub before: Option<String>,
    /// As it would be; `None` if it would be gone.
    pub after: Option<String>,
}

/// One change to the online store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfraChange {
    /// What happens.
    pub action: InfraAction,
    /// To what, as the store calls it: `sqlite table shop_driver_stats`.
    pub name: String,
    /// Whether served values are lost by it.
    pub destructive: bool,
}

/// What happens to a table of the online store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InfraAction {
    Create,
    Alter,
    Drop,
}

impl Plan {
    /// Whether it would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.infra.is_empty()
    }

    /// The plan as JSON: `{id, project, changes: [{action, kind, name, fields: [{field, before, after}]}], infrastructure: [{action, name, destructive}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        todo!()
    }
}

/// What an apply did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The plan that was executed; with concurrent applies not the one planned first.
    pub plan: Plan,
}

impl FeatureStore {
    /// Compares the definitions with the registry. Nothing is changed.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions, at once.
    pub async fn plan(&self, _definitions: &Definitions, _options: &ApplyOptions) -> Result<Plan, Problems> {
        todo!()
    }

    /// Plans and executes. When somebody else commits in between, plans again and retries, unless the options expect a certain plan.
    ///
    /// # Errors
    /// As [`FeatureStore::plan`]; `Conflict` if the expected plan is no longer the plan.
    pub async fn apply(
        &self,
        _definitions: &Definitions,
        _options: &ApplyOptions,
    ) -> Result<Applied, Problems> {
        todo!()
    }

    /// Drops the online tables of the project and removes it from the registry; answers what was dropped.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn teardown(&self) -> Result<Plan> {
        todo!()
    }

    /// Deletes the first object of a name, in Feast's order of kinds (entity, feature view, feature service, data source, saved dataset, validation reference, stream
    /// feature view, on demand feature view), with its online table; answers what was deleted.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete(&self, _name: &str) -> Result<Plan> {
        todo!()
    }
}
