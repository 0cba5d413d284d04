//! Kinds that Provender keeps and lists: label views, saved datasets, validation references.

use super::time::decode_meta;
use crate::feast::core::{LabelView, SavedDataset, ValidationReference};
use provender_core::model::{Meta, ObjectKind, OtherObject};

pub(crate) fn decode_label_view(message: LabelView) -> OtherObject {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    OtherObject {
        kind: ObjectKind::LabelView,
        name: spec.name,
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

pub(crate) fn decode_saved_dataset(message: SavedDataset) -> OtherObject {
    let (spec, meta) = (message.spec.unwrap_or_default(), message.meta.unwrap_or_default());
    OtherObject {
        kind: ObjectKind::SavedDataset,
        name: spec.name,
        description: spec.description,
        tags: spec.tags,
        owner: String::new(),
        meta: decode_meta(meta.created_timestamp.as_ref(), meta.last_updated_timestamp.as_ref()),
    }
}

pub(crate) fn decode_validation_reference(message: ValidationReference) -> OtherObject {
    OtherObject {
        kind: ObjectKind::ValidationReference,
        name: message.name,
        description: message.description,
        tags: message.tags,
        owner: String::new(),
        meta: Meta::default(),
    }
}
