//! Fields: features, entity columns and request inputs.

use crate::feast::core::FeatureSpecV2;
use provender_core::ValueType;
use provender_core::model::{Field, VectorIndex};
use std::collections::HashMap;

pub(crate) fn decode(spec: FeatureSpecV2) -> Field {
    Field {
        vector: vector(&spec),
        name: spec.name,
        value_type: ValueType(spec.value_type),
        description: spec.description,
        tags: spec.tags,
    }
}

pub(crate) fn decode_all(specs: Vec<FeatureSpecV2>) -> Vec<Field> {
    specs.into_iter().map(decode).collect()
}

/// Writes fields over those of the same name, in the fields' order.
pub(crate) fn edit_all(specs: &mut Vec<FeatureSpecV2>, fields: &[Field]) {
    let mut former: HashMap<String, FeatureSpecV2> =
        std::mem::take(specs).into_iter().map(|spec| (spec.name.clone(), spec)).collect();
    specs.extend(fields.iter().map(|field| edit(former.remove(&field.name).unwrap_or_default(), field)));
}

fn edit(mut spec: FeatureSpecV2, field: &Field) -> FeatureSpecV2 {
    if vector(&spec) != field.vector {
        spec.vector_index = field.vector.is_some();
        let index = field.vector.clone().unwrap_or_default();
        (spec.vector_length, spec.vector_search_metric) = (index.length, index.metric);
    }
    spec.name.clone_from(&field.name);
    spec.value_type = field.value_type.0;
    spec.description.clone_from(&field.description);
    spec.tags.clone_from(&field.tags);
    spec
}

fn vector(spec: &FeatureSpecV2) -> Option<VectorIndex> {
    spec.vector_index
        .then(|| VectorIndex { length: spec.vector_length, metric: spec.vector_search_metric.clone() })
}
