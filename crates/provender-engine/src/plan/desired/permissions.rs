//! Permissions: names of kinds and actions checked, aliases of actions written out.

use crate::definitions::build;
use crate::plan::inventory::Item;
use provender_core::Error;
use provender_core::model::Permission;

/// Feast's classes that a permission can be about.
const TYPES: [&str; 12] = [
    "Project",
    "FeatureView",
    "OnDemandFeatureView",
    "BatchFeatureView",
    "StreamFeatureView",
    "LabelView",
    "Entity",
    "FeatureService",
    "DataSource",
    "ValidationReference",
    "SavedDataset",
    "Permission",
];

/// Feast's actions, and the aliases that stand for several.
const ACTIONS: [&str; 8] = [
    "CREATE",
    "DESCRIBE",
    "UPDATE",
    "DELETE",
    "READ_ONLINE",
    "READ_OFFLINE",
    "WRITE_ONLINE",
    "WRITE_OFFLINE",
];
const ALIASES: [(&str, &[&str]); 4] = [
    ("ALL_ACTIONS", &ACTIONS),
    ("READ", &["READ_OFFLINE", "READ_ONLINE"]),
    ("WRITE", &["WRITE_OFFLINE", "WRITE_ONLINE"]),
    ("CRUD", &["CREATE", "DESCRIBE", "UPDATE", "DELETE"]),
];

pub(super) fn resolve(item: &Item<'_, build::Permission>, problems: &mut Vec<Error>) -> Permission {
    let mut permission = item.draft.model.clone();
    for class in permission.types.iter().filter(|class| !TYPES.contains(&class.as_str())) {
        problems.push(
            item.problem("unknown type")
                .with("field", "types")
                .with("type", class)
                .with("expected", TYPES.join(", ")),
        );
    }
    let mut actions = Vec::new();
    for action in &permission.actions {
        match expand(&action.to_uppercase()) {
            Some(names) => actions.extend(names),
            None => problems.push(
                item.problem("unknown action").with("field", "actions").with("action", action).with(
                    "expected",
                    ACTIONS.into_iter().chain(ALIASES.map(|(name, _)| name)).collect::<Vec<_>>().join(", "),
                ),
            ),
        }
    }
    if permission.actions.is_empty() {
        problems.push(
            item.problem("the permission allows nothing")
                .with("field", "actions")
                .with("expected", "an action"),
        );
    }
    permission.actions = Vec::with_capacity(actions.len());
    for action in actions {
        if !permission.actions.iter().any(|a| a == action) {
            permission.actions.push(action.to_owned());
        }
    }
    permission
}

/// The actions that a name stands for.
fn expand(name: &str) -> Option<Vec<&'static str>> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, actions)| actions.to_vec());
    alias.or_else(|| ACTIONS.iter().find(|action| **action == name).map(|action| vec![*action]))
}
