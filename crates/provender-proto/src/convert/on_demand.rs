//! On-demand feature views. How one computes (its transformation) is kept as it is.

use super::time::{decode_meta, stamp};
use super::view::{LATEST, edit_entities, fields_changed};
use super::{field, projection, source};
use crate::feast::core::on_demand_source::Source;
use crate::feast::core::{
    DataSource, FeatureView, FeatureViewProjection, OnDemandFeatureView as Wire, OnDemandFeatureViewSpec,
    OnDemandSource as WireSource,
};
use crate::scope::Scope;
use provender_core::Result;
use provender_core::model::{Meta, OnDemandFeatureView, OnDemandSource, Projection};
use source::Place;
use std::collections::BTreeMap;

pub(crate) fn decode(message: Wire) -> OnDemandFeatureView {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    OnDemandFeatureView {
        name: spec.name,
        mode: spec.mode,
        features: field::decode_all(spec.features),
        sources: decode_sources(spec.sources),
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

fn decode_sources(sources: impl IntoIterator<Item = (String, WireSource)>) -> Vec<(String, OnDemandSource)> {
    sources.into_iter().filter_map(|(name, source)| Some((name, decode_source(source.source?)))).collect()
}

fn decode_source(source: Source) -> OnDemandSource {
    match source {
        Source::FeatureViewProjection(p) => OnDemandSource::View(projection::decode(p)),
        Source::RequestDataSource(s) => OnDemandSource::Request(Box::new(source::decode(s))),
        Source::FeatureView(view) => OnDemandSource::View(whole(view)),
    }
}

/// Older Feasts kept the whole view: all of its features are the input.
fn whole(view: FeatureView) -> Projection {
    let spec = view.spec.unwrap_or_default();
    Projection { view: spec.name, features: field::decode_all(spec.features), ..Projection::default() }
}

/// # Errors
/// `Invalid` for options of a source that no message of Feast holds.
pub(crate) fn edit(message: &mut Wire, view: &OnDemandFeatureView, scope: &Scope<'_>) -> Result<()> {
    let spec = message.spec.get_or_insert_default();
    spec.name.clone_from(&view.name);
    scope.project.clone_into(&mut spec.project);
    spec.mode.clone_from(&view.mode);
    field::edit_all(&mut spec.features, &view.features);
    let mut former = std::mem::take(&mut spec.sources);
    for (name, source) in &view.sources {
        let source = edit_source(former.remove(name).and_then(|s| s.source), source, scope)?;
        spec.sources.insert(name.clone(), WireSource { source: Some(source) });
    }
    if spec.entities.is_empty() {
        edit_entities(&mut spec.entities, &mut spec.entity_columns, &[], &[]);
    }
    spec.description.clone_from(&view.description);
    spec.tags.clone_from(&view.tags);
    spec.owner.clone_from(&view.owner);
    if spec.version.is_empty() {
        LATEST.clone_into(&mut spec.version);
    }
    let meta = message.meta.get_or_insert_default();
    stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, view.meta, scope.now);
    Ok(())
}

fn edit_source(former: Option<Source>, source: &OnDemandSource, scope: &Scope<'_>) -> Result<Source> {
    Ok(match (former, source) {
        (Some(Source::FeatureView(view)), OnDemandSource::View(p)) if whole(view.clone()) == *p => {
            Source::FeatureView(view)
        }
        (former, OnDemandSource::View(p)) => {
            let mut message = match former {
                Some(Source::FeatureViewProjection(message)) => message,
                _ => FeatureViewProjection::default(),
            };
            projection::edit(&mut message, p, scope);
            Source::FeatureViewProjection(message)
        }
        (Some(Source::RequestDataSource(message)), OnDemandSource::Request(request))
            if source::equal(&source::decode(message.clone()), request) =>
        {
            Source::RequestDataSource(message)
        }
        (_, OnDemandSource::Request(request)) => {
            let mut message = DataSource::default();
            source::edit(&mut message, request, Place::Inner, scope)?;
            Source::RequestDataSource(message)
        }
    })
}

/// Whether a view needs a new version: its outputs, inputs, entities or mode changed.
pub(crate) fn schema_changed(old: OnDemandFeatureViewSpec, new: OnDemandFeatureViewSpec) -> bool {
    old.mode != new.mode
        || fields_changed(&old.features, &new.features)
        || fields_changed(&old.entity_columns, &new.entity_columns)
        || inputs(old.sources) != inputs(new.sources)
}

/// The inputs without the times of request sources.
fn inputs(sources: BTreeMap<String, WireSource>) -> Vec<(String, OnDemandSource)> {
    let mut sources = decode_sources(sources);
    for (_, source) in &mut sources {
        if let OnDemandSource::Request(request) = source {
            request.meta = Meta::default();
        }
    }
    sources
}
