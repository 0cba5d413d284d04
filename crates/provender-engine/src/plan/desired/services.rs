//! Feature services: views and features looked up, projections filled in.

use super::columns::suggest;
use super::{Resolved, Scope, is_registered};
use crate::definitions::build;
use crate::plan::inventory::Item;
use provender_core::model::{FeatureService, FeatureView, Field, Object, ObjectKind, Projection};
use provender_core::{Error, Result};

/// What a service can read of a view of any kind.
struct Readable<'a> {
    features: &'a [Field],
    join_keys: Vec<&'a str>,
}

pub(super) fn resolve(
    scope: Scope<'_>,
    resolved: &Resolved,
    item: &Item<'_, build::FeatureService>,
    problems: &mut Vec<Error>,
) -> FeatureService {
    let mut service = item.draft.model.clone();
    if service.projections.is_empty() {
        problems.push(item.problem("the service reads no features").with("field", "features"));
    }
    for (index, projection) in service.projections.iter_mut().enumerate() {
        let wrong = match find(scope, resolved, &projection.view) {
            Ok(Some(view)) => complete(projection, &view, item),
            Ok(None) => vec![unknown_view(scope, resolved, item, &projection.view)],
            Err(error) => vec![item.blame(error)],
        };
        problems.extend(wrong.into_iter().map(|problem| problem.with("field", format!("features[{index}]"))));
    }
    service
}

/// A view that the repository declares, or one that only the registry has and that stays there.
fn find<'a>(scope: Scope<'a>, resolved: &'a Resolved, name: &str) -> Result<Option<Readable<'a>>> {
    if let Some(view) = resolved.views.get(name) {
        return Ok(Some(of_view(view)));
    }
    let stored =
        |kind| scope.snapshot.find(&scope.config.project, kind, name).map(|s| s.object()).transpose();
    if let Some(Object::OnDemandFeatureView(view)) = stored(ObjectKind::OnDemandFeatureView)? {
        return Ok(Some(Readable { features: &view.features, join_keys: Vec::new() }));
    }
    if stored(ObjectKind::LabelView)?.is_some() {
        return Err(Error::unsupported("label views are kept and not read").with("view", name));
    }
    if !scope.keeps {
        return Ok(None);
    }
    for kind in [ObjectKind::FeatureView, ObjectKind::StreamFeatureView] {
        if let Some(Object::FeatureView(view)) = stored(kind)? {
            return Ok(Some(of_view(view)));
        }
    }
    Ok(None)
}

fn of_view(view: &FeatureView) -> Readable<'_> {
    Readable { features: &view.features, join_keys: view.join_keys().map(|key| key.name.as_str()).collect() }
}

/// Fills in the features with their types, all of them if none is named; answers what is wrong.
fn complete(
    projection: &mut Projection,
    view: &Readable<'_>,
    item: &Item<'_, build::FeatureService>,
) -> Vec<Error> {
    let mut wrong = Vec::new();
    let names = || view.features.iter().map(|f| f.name.as_str());
    for feature in &mut projection.features {
        match view.features.iter().find(|f| f.name == feature.name) {
            Some(known) => *feature = known.clone(),
            None => {
                let problem =
                    item.problem(format!("unknown feature {}", feature.name)).with("view", &projection.view);
                wrong.push(suggest(problem, &feature.name, names()));
            }
        }
    }
    for (index, feature) in projection.features.iter().enumerate() {
        if projection.features[..index].iter().any(|f| f.name == feature.name) {
            wrong.push(
                item.problem("the feature is named twice")
                    .with("feature", &feature.name)
                    .with("view", &projection.view),
            );
        }
    }
    if projection.features.is_empty() {
        projection.features = view.features.to_vec();
    }
    for (key, column) in &projection.join_key_map {
        if !view.join_keys.contains(&key.as_str()) {
            let problem =
                item.problem(format!("{key} is not a join key of the view")).with("view", &projection.view);
            wrong.push(suggest(problem, key, view.join_keys.iter().copied()));
        } else if column.is_empty() {
            wrong.push(
                item.problem("a join key is mapped to nothing")
                    .with("view", &projection.view)
                    .with("join key", key),
            );
        }
    }
    if projection.alias.as_deref() == Some("") {
        wrong.push(item.problem("the alias is empty").with("view", &projection.view));
    }
    wrong
}

fn unknown_view(
    scope: Scope<'_>,
    resolved: &Resolved,
    item: &Item<'_, build::FeatureService>,
    name: &str,
) -> Error {
    let registered = [ObjectKind::FeatureView, ObjectKind::StreamFeatureView]
        .into_iter()
        .any(|kind| is_registered(scope, kind, name));
    let problem = item.unknown("view", name, resolved.views.keys().map(String::as_str), registered);
    match name.split_once(':') {
        Some((view, feature)) => problem.with(
            "expected",
            format!("a view's name; for one feature write {{view: {view}, features: [{feature}]}}"),
        ),
        None => problem,
    }
}
