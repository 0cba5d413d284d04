//! Batch and stream feature views.

use super::time::{decode, decode_duration, decode_meta, edit_duration, encode, stamp};
use super::{field, source};
use crate::feast::core::{
    DataSource, FeatureSpecV2, FeatureViewMeta, FeatureViewSpec, MaterializationInterval as Interval,
    StreamFeatureViewSpec,
};
use crate::scope::Scope;
use prost_types::Duration;
use provender_core::model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, FeatureView, Field, MaterializationInterval, Tags, ViewKind,
};
use provender_core::{Result, Timestamp, ValueType};
use source::Place;

/// The version of a view that is not pinned to one.
pub(crate) const LATEST: &str = "latest";

/// What the specs of both kinds have in common.
pub(crate) struct Parts<'a> {
    name: &'a mut String,
    project: &'a mut String,
    entities: &'a mut Vec<String>,
    features: &'a mut Vec<FeatureSpecV2>,
    entity_columns: &'a mut Vec<FeatureSpecV2>,
    ttl: &'a mut Option<Duration>,
    batch_source: &'a mut Option<DataSource>,
    stream_source: &'a mut Option<DataSource>,
    online: &'a mut bool,
    /// Stream views have none.
    offline: Option<&'a mut bool>,
    disabled: &'a mut bool,
    description: &'a mut String,
    tags: &'a mut Tags,
    owner: &'a mut String,
    version: &'a mut String,
}

/// A spec of either kind.
pub(crate) trait ViewSpec: Default {
    /// Which list of the registry holds such views.
    const KIND: ViewKind;

    fn parts(&mut self) -> Parts<'_>;
}

macro_rules! view_spec {
    ($spec:ty, $kind:ident, |$s:ident| $offline:expr) => {
        impl ViewSpec for $spec {
            const KIND: ViewKind = ViewKind::$kind;

            fn parts(&mut self) -> Parts<'_> {
                let $s = self;
                Parts {
                    offline: $offline,
                    name: &mut $s.name,
                    project: &mut $s.project,
                    entities: &mut $s.entities,
                    features: &mut $s.features,
                    entity_columns: &mut $s.entity_columns,
                    ttl: &mut $s.ttl,
                    batch_source: &mut $s.batch_source,
                    stream_source: &mut $s.stream_source,
                    online: &mut $s.online,
                    disabled: &mut $s.disabled,
                    description: &mut $s.description,
                    tags: &mut $s.tags,
                    owner: &mut $s.owner,
                    version: &mut $s.version,
                }
            }
        }
    };
}

view_spec!(FeatureViewSpec, Batch, |spec| Some(&mut spec.offline));
view_spec!(StreamFeatureViewSpec, Stream, |spec| None);

pub(crate) fn decode_view<S: ViewSpec>(spec: Option<S>, meta: Option<FeatureViewMeta>) -> FeatureView {
    let (mut spec, meta) = (spec.unwrap_or_default(), meta.unwrap_or_default());
    let parts = spec.parts();
    FeatureView {
        name: std::mem::take(parts.name),
        kind: S::KIND,
        entities: std::mem::take(parts.entities),
        entity_columns: field::decode_all(std::mem::take(parts.entity_columns)),
        features: field::decode_all(std::mem::take(parts.features)),
        ttl: parts.ttl.as_ref().map(decode_duration),
        batch_source: parts.batch_source.take().map(source::decode),
        stream_source: parts.stream_source.take().map(source::decode),
        online: *parts.online,
        offline: parts.offline.is_some_and(|offline| *offline),
        enabled: !*parts.disabled,
        description: std::mem::take(parts.description),
        tags: std::mem::take(parts.tags),
        owner: std::mem::take(parts.owner),
        materialization_intervals: meta.materialization_intervals.iter().map(interval).collect(),
        state: meta.state,
        version_number: meta.current_version_number,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

/// # Errors
/// `Invalid` for options of a source that no message of Feast holds.
pub(crate) fn edit_spec(spec: &mut impl ViewSpec, view: &FeatureView, scope: &Scope<'_>) -> Result<()> {
    let parts = spec.parts();
    parts.name.clone_from(&view.name);
    scope.project.clone_into(parts.project);
    edit_entities(parts.entities, parts.entity_columns, &view.entities, &view.entity_columns);
    field::edit_all(parts.features, &view.features);
    edit_duration(parts.ttl, view.ttl);
    edit_source(parts.batch_source, view.batch_source.as_ref(), scope)?;
    edit_source(parts.stream_source, view.stream_source.as_ref(), scope)?;
    *parts.online = view.online;
    if let Some(offline) = parts.offline {
        *offline = view.offline;
    }
    *parts.disabled = !view.enabled;
    parts.description.clone_from(&view.description);
    parts.tags.clone_from(&view.tags);
    parts.owner.clone_from(&view.owner);
    if parts.version.is_empty() {
        LATEST.clone_into(parts.version);
    }
    Ok(())
}

/// Entity names and join keys; a view without any has the dummy's.
pub(crate) fn edit_entities(
    names: &mut Vec<String>,
    columns: &mut Vec<FeatureSpecV2>,
    entities: &[String],
    entity_columns: &[Field],
) {
    names.clear();
    names.extend_from_slice(entities);
    if names.is_empty() {
        names.push(DUMMY_ENTITY.to_owned());
    }
    if entity_columns.is_empty() && *names == [DUMMY_ENTITY] {
        field::edit_all(columns, &[Field::new(DUMMY_JOIN_KEY, ValueType::STRING)]);
    } else {
        field::edit_all(columns, entity_columns);
    }
}

fn edit_source(
    message: &mut Option<DataSource>,
    source: Option<&provender_core::model::DataSource>,
    scope: &Scope<'_>,
) -> Result<()> {
    match source {
        None => *message = None,
        Some(source) => source::edit(message.get_or_insert_default(), source, Place::View, scope)?,
    }
    Ok(())
}

/// Writes times, and what has been materialized. The version number is the registry's own.
pub(crate) fn edit_meta(meta: &mut FeatureViewMeta, view: &FeatureView, now: Timestamp) {
    let intervals = &view.materialization_intervals;
    if !meta.materialization_intervals.iter().map(interval).eq(intervals.iter().copied()) {
        meta.materialization_intervals = intervals.iter().map(wire_interval).collect();
    }
    meta.state = view.state;
    stamp(&mut meta.created_timestamp, &mut meta.last_updated_timestamp, view.meta, now);
}

fn interval(wire: &Interval) -> MaterializationInterval {
    let instant = |wire| decode(wire).unwrap_or_default();
    MaterializationInterval { start: instant(wire.start_time.as_ref()), end: instant(wire.end_time.as_ref()) }
}

fn wire_interval(interval: &MaterializationInterval) -> Interval {
    Interval { start_time: Some(encode(interval.start)), end_time: Some(encode(interval.end)) }
}

/// Whether a view needs a new version: its features, entities or join keys changed, by Feast's rule. Sources, ttl and texts do not count.
pub(crate) fn schema_changed<S: ViewSpec>(mut old: S, mut new: S) -> bool {
    let (old, new) = (old.parts(), new.parts());
    let mut names = [old.entities.clone(), new.entities.clone()];
    names.iter_mut().for_each(|n| n.sort());
    names[0] != names[1]
        || fields_changed(old.features, new.features)
        || fields_changed(old.entity_columns, new.entity_columns)
}

/// Whether two lists differ in more than their order.
pub(crate) fn fields_changed(old: &[FeatureSpecV2], new: &[FeatureSpecV2]) -> bool {
    let sorted = |fields: &[FeatureSpecV2]| {
        let mut fields = fields.to_vec();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields
    };
    sorted(old) != sorted(new)
}
