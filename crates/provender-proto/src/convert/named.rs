//! Projects, entities and permissions.

use super::time::{decode_meta, stamp};
use crate::feast::core::permission_spec::{AuthzedAction, Type};
use crate::feast::core::policy::PolicyType;
use crate::feast::core::{self as wire, PermissionSpec, Policy, RoleBasedPolicy};
use provender_core::model::{Entity, Permission, Project};
use provender_core::{Error, Result, Timestamp, ValueType};

pub(crate) fn decode_project(message: wire::Project) -> Project {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    Project {
        name: spec.name,
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

pub(crate) fn edit_project(message: &mut wire::Project, project: &Project, now: Timestamp) {
    let spec = message.spec.get_or_insert_default();
    spec.name.clone_from(&project.name);
    spec.description.clone_from(&project.description);
    spec.tags.clone_from(&project.tags);
    spec.owner.clone_from(&project.owner);
    let meta = message.meta.get_or_insert_default();
    stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, project.meta, now);
}

pub(crate) fn decode_entity(message: wire::Entity) -> Entity {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    Entity {
        name: spec.name,
        join_key: spec.join_key,
        value_type: ValueType(spec.value_type),
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

pub(crate) fn edit_entity(message: &mut wire::Entity, entity: &Entity, project: &str, now: Timestamp) {
    let spec = message.spec.get_or_insert_default();
    spec.name.clone_from(&entity.name);
    spec.join_key.clone_from(if entity.join_key.is_empty() { &entity.name } else { &entity.join_key });
    spec.value_type = entity.value_type.0;
    spec.description.clone_from(&entity.description);
    spec.tags.clone_from(&entity.tags);
    spec.owner.clone_from(&entity.owner);
    project.clone_into(&mut spec.project);
    let meta = message.meta.get_or_insert_default();
    stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, entity.meta, now);
}

pub(crate) fn decode_permission(message: wire::Permission) -> Permission {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    Permission {
        types: types(&spec),
        actions: actions(&spec),
        roles: roles(&spec),
        name: spec.name,
        name_patterns: spec.name_patterns,
        required_tags: spec.required_tags,
        tags: spec.tags,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

/// # Errors
/// `Invalid` for a type or action that Feast does not have.
pub(crate) fn edit_permission(
    message: &mut wire::Permission,
    permission: &Permission,
    project: &str,
    now: Timestamp,
) -> Result<()> {
    let spec = message.spec.get_or_insert_default();
    if types(spec) != permission.types {
        spec.types = permission.types.iter().map(|name| type_number(name)).collect::<Result<_>>()?;
    }
    if actions(spec) != permission.actions {
        spec.actions = permission.actions.iter().map(|name| action_number(name)).collect::<Result<_>>()?;
    }
    if roles(spec) != permission.roles {
        let policy = RoleBasedPolicy { roles: permission.roles.clone() };
        spec.policy.get_or_insert_with(Policy::default).policy_type =
            Some(PolicyType::RoleBasedPolicy(policy));
    }
    spec.name.clone_from(&permission.name);
    spec.name_patterns.clone_from(&permission.name_patterns);
    spec.required_tags.clone_from(&permission.required_tags);
    spec.tags.clone_from(&permission.tags);
    project.clone_into(&mut spec.project);
    let meta = message.meta.get_or_insert_default();
    stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, permission.meta, now);
    Ok(())
}

/// Feast's class names, by the numbers of `feast.core.PermissionSpec.Type`; a number without a name stays a number.
fn types(spec: &PermissionSpec) -> Vec<String> {
    let name =
        |number: i32| Type::try_from(number).map_or_else(|_| number.to_string(), |t| class(t).to_owned());
    spec.types.iter().copied().map(name).collect()
}

fn class(of: Type) -> &'static str {
    match of {
        Type::FeatureView => "FeatureView",
        Type::OnDemandFeatureView => "OnDemandFeatureView",
        Type::BatchFeatureView => "BatchFeatureView",
        Type::StreamFeatureView => "StreamFeatureView",
        Type::Entity => "Entity",
        Type::FeatureService => "FeatureService",
        Type::DataSource => "DataSource",
        Type::ValidationReference => "ValidationReference",
        Type::SavedDataset => "SavedDataset",
        Type::Permission => "Permission",
        Type::Project => "Project",
        Type::LabelView => "LabelView",
    }
}

fn type_number(name: &str) -> Result<i32> {
    (0..).map_while(|n| Type::try_from(n).ok()).find(|t| class(*t) == name).map_or_else(
        || name.parse().map_err(|_| unknown("type", name, "a class name such as FeatureView")),
        |t| Ok(t as i32),
    )
}

fn actions(spec: &PermissionSpec) -> Vec<String> {
    let name = |number: i32| {
        AuthzedAction::try_from(number).map_or_else(|_| number.to_string(), |a| a.as_str_name().to_owned())
    };
    spec.actions.iter().copied().map(name).collect()
}

fn action_number(name: &str) -> Result<i32> {
    AuthzedAction::from_str_name(name).map_or_else(
        || name.parse().map_err(|_| unknown("action", name, "an action such as READ_ONLINE")),
        |action| Ok(action as i32),
    )
}

fn roles(spec: &PermissionSpec) -> Vec<String> {
    match spec.policy.as_ref().and_then(|p| p.policy_type.as_ref()) {
        Some(PolicyType::RoleBasedPolicy(policy)) => policy.roles.clone(),
        _ => Vec::new(),
    }
}

fn unknown(what: &'static str, name: &str, expected: &'static str) -> Error {
    Error::invalid(format!("unknown {what} in a permission")).with(what, name).with("expected", expected)
}
