//! Looking up what a request names, with the messages that Feast's clients know.

use provender_core::model::{FeatureService, FeatureView, Field, ObjectKind};
use provender_core::registry::RegistrySnapshot;
use provender_core::{Error, Kind, Result};
use std::sync::Arc;

/// An enabled batch or stream view.
///
/// # Errors
/// `NotFound`; `Unsupported` for a view of another kind; `Invalid` for one that is disabled.
pub(crate) fn view_named<'a>(
    snapshot: &'a RegistrySnapshot,
    project: &str,
    name: &str,
) -> Result<&'a Arc<FeatureView>> {
    match snapshot.feature_view(project, name) {
        Ok(view) if view.enabled => Ok(view),
        Ok(_) => Err(Error::invalid(format!("Feature view {name} is disabled")).with("view", name)),
        Err(error) if error.kind() == Kind::NotFound => Err(not_a_feature_view(snapshot, project, name)),
        Err(error) => Err(error),
    }
}

fn not_a_feature_view(snapshot: &RegistrySnapshot, project: &str, name: &str) -> Error {
    if snapshot.find(project, ObjectKind::OnDemandFeatureView, name).is_some() {
        return match snapshot.on_demand_view(project, name) {
            Ok(view) => no_runtime(name, &view.mode),
            Err(error) => error,
        };
    }
    if snapshot.find(project, ObjectKind::LabelView, name).is_some() {
        return Error::unsupported(format!("{name} is a label view: those are kept and not read"))
            .with("view", name);
    }
    let views = [ObjectKind::FeatureView, ObjectKind::StreamFeatureView];
    let known = snapshot.objects(project).filter(|o| views.contains(&o.kind));
    Error::not_found(format!("Feature view {name} does not exist in project {project}"))
        .with("class", "FeatureViewNotFoundException")
        .suggest(name, known.map(|o| &*o.name))
}

fn no_runtime(view: &str, mode: &str) -> Error {
    let bringer = match mode {
        "pandas" | "python" => "the Python package of Provender",
        "sql" => "a build with the feature `sql`",
        _ => "a program that registers a runtime for this mode",
    };
    Error::unsupported(format!(
        "on demand feature view {view} cannot run: this build has no runtime for its mode"
    ))
    .with("view", view)
    .with("mode", mode)
    .with("needs", bringer)
}

pub(super) fn service<'a>(
    snapshot: &'a RegistrySnapshot,
    project: &str,
    name: &str,
) -> Result<&'a Arc<FeatureService>> {
    snapshot.feature_service(project, name).map_err(|error| match error.kind() {
        Kind::NotFound => {
            let known = snapshot.list(project, ObjectKind::FeatureService);
            Error::not_found(format!("Feature service {name} does not exist in project {project}"))
                .with("class", "FeatureServiceNotFoundException")
                .suggest(name, known.map(|o| &*o.name))
        }
        _ => error,
    })
}

/// The join keys of a view with their types; none for an entity-less view. A registry whose views lack entity columns (older writers) is read through its entities.
pub(crate) fn join_keys(
    snapshot: &RegistrySnapshot,
    project: &str,
    view: &FeatureView,
) -> Result<Vec<Field>> {
    if !view.entity_columns.is_empty() || view.is_entityless() {
        return Ok(view.join_keys().cloned().collect());
    }
    let field = |name: &String| {
        let entity = snapshot.entity(project, name).map_err(|e| e.with("view", &view.name))?;
        Ok(Field::new(entity.join_key.clone(), entity.value_type))
    };
    view.entities.iter().map(field).collect()
}
