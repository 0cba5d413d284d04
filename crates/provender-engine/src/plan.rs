//! Plan and apply: the difference between what a repository declares and what the registry holds, and its execution.
//!
//! An apply is a full sync of the project: what the repository no longer declares is deleted. Objects that it has no way to declare are never deleted by that: on-demand
//! feature views, label views, saved datasets, validation references, sources of other stores and the views over them, and what these refer to.

mod apply;
mod changes;
mod desired;
mod diff;
mod flat;
mod infra;
mod inventory;
mod planner;
mod remove;
mod schemas;
#[cfg(test)]
mod tests;

pub(crate) use flat::flatten;
use provender_core::model::ObjectKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
    /// Short hash of the changes and of the project's definitions as they are: equal exactly when nothing has changed since.
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
    /// Name of the view.
    pub view: String,
    /// Whether served values are lost by it.
    pub destructive: bool,
    /// Once it is done: rows that the store took values out of, if it removes them row by row and counts.
    pub removed: Option<u64>,
}

/// What happens to a table of the online store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InfraAction {
    Create,
    Alter,
    Drop,
}

impl ObjectAction {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl InfraAction {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Alter => "alter",
            Self::Drop => "drop",
        }
    }
}

impl Plan {
    /// Whether it would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.infra.is_empty()
    }

    /// The plan as JSON: `{id, project, changes: [{action, kind, name, fields: [{field, before, after}]}], infrastructure: [{action, name, destructive}]}`.
    /// Of a plan that was executed, infrastructure has `rows_removed` where the store counts them.
    /// Actions are `create`, `update`, `delete`, `alter` and `drop`; `kind` is Feast's class name.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = self.changes_json();
        json["id"] = self.id.as_str().into();
        json
    }

    /// Notes how many rows the execution took values out of, by view.
    fn note_removed(&mut self, removed: &BTreeMap<String, u64>) {
        for change in self.infra.iter_mut().filter(|change| change.destructive) {
            change.removed = removed.get(&change.view).copied();
        }
    }

    /// The plan without its id.
    fn changes_json(&self) -> Value {
        let field = |f: &FieldChange| json!({"field": f.field, "before": f.before, "after": f.after});
        let changes = self.objects.iter().map(|change| {
            json!({
                "action": change.action.name(),
                "kind": change.kind.class(),
                "name": change.name,
                "fields": change.fields.iter().map(field).collect::<Vec<_>>(),
            })
        });
        let infrastructure = self.infra.iter().map(|change| {
            let mut json = json!({"action": change.action.name(), "name": change.name, "destructive": change.destructive});
            if let Some(rows) = change.removed {
                json["rows_removed"] = rows.into();
            }
            json
        });
        json!({
            "project": self.project,
            "changes": changes.collect::<Vec<_>>(),
            "infrastructure": infrastructure.collect::<Vec<_>>(),
        })
    }
}

/// What an apply did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The plan that was executed; with concurrent applies not the one planned first.
    pub plan: Plan,
}
