//! Feature services.

use super::projection;
use super::time::{decode_meta, stamp};
use crate::feast::core::FeatureService as Wire;
use crate::scope::Scope;
use provender_core::model::FeatureService;

pub(crate) fn decode(message: Wire) -> FeatureService {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    FeatureService {
        name: spec.name,
        projections: spec.features.into_iter().map(projection::decode).collect(),
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

pub(crate) fn edit(message: &mut Wire, service: &FeatureService, scope: &Scope<'_>) {
    let spec = message.spec.get_or_insert_default();
    spec.name.clone_from(&service.name);
    scope.project.clone_into(&mut spec.project);
    projection::edit_all(&mut spec.features, &service.projections, scope);
    spec.description.clone_from(&service.description);
    spec.tags.clone_from(&service.tags);
    spec.owner.clone_from(&service.owner);
    let meta = message.meta.get_or_insert_default();
    stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, service.meta, scope.now);
}
