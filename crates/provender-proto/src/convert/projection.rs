//! Projections: some features of a view, in a feature service or as input of an on-demand view.

use super::{field, source};
use crate::feast::core::FeatureViewProjection as Wire;
use crate::scope::Scope;
use provender_core::model::Projection;

/// What Feast writes for any view.
const VIEW_TYPE: &str = "featureView";

pub(crate) fn decode(message: Wire) -> Projection {
    Projection {
        view: message.feature_view_name,
        alias: Some(message.feature_view_name_alias).filter(|alias| !alias.is_empty()),
        join_key_map: message.join_key_map,
        features: field::decode_all(message.feature_columns),
    }
}

/// Writes a projection, and copies what Feast copies from the view: its batch source and that source's columns.
pub(crate) fn edit(message: &mut Wire, projection: &Projection, scope: &Scope<'_>) {
    message.feature_view_name.clone_from(&projection.view);
    message.feature_view_name_alias = projection.alias.clone().unwrap_or_default();
    message.join_key_map.clone_from(&projection.join_key_map);
    field::edit_all(&mut message.feature_columns, &projection.features);
    if message.view_type.is_empty() {
        VIEW_TYPE.clone_into(&mut message.view_type);
    }
    if let Some(mut batch) = scope.batch_source(&projection.view) {
        if !source::tells_by_class(batch.r#type) {
            batch.data_source_class_type.clear();
        }
        // Feast puts the created column into both fields.
        message.timestamp_field.clone_from(&batch.created_timestamp_column);
        message.created_timestamp_column.clone_from(&batch.created_timestamp_column);
        message.date_partition_column.clone_from(&batch.date_partition_column);
        message.batch_source = Some(batch);
    }
}

/// Writes projections over those of the same view and alias, in the projections' order.
pub(crate) fn edit_all(messages: &mut Vec<Wire>, projections: &[Projection], scope: &Scope<'_>) {
    let mut former = std::mem::take(messages);
    for projection in projections {
        let alias = projection.alias.as_deref().unwrap_or_default();
        let same = |m: &Wire| m.feature_view_name == projection.view && m.feature_view_name_alias == alias;
        let mut message = former.iter().position(same).map(|at| former.remove(at)).unwrap_or_default();
        edit(&mut message, projection, scope);
        messages.push(message);
    }
}
