//! The difference between two objects, field by field.

use super::FieldChange;
use super::flat::{Flat, ORDER, flatten};
use provender_core::model::Object;
use std::collections::HashMap;

/// What differs between an object as it is and as it should be; nothing if they mean the same.
pub(super) fn diff(before: &Object, after: &Object) -> Vec<FieldChange> {
    let (before, after) = (flatten(before), flatten(after));
    if before == after {
        return Vec::new();
    }
    let mut changes = changed(&before, &after);
    // A list that gained or lost members has another order without anybody asking for it.
    let membership: Vec<String> =
        changes.iter().filter(|c| c.before.is_none() || c.after.is_none()).map(|c| c.field.clone()).collect();
    changes.retain(|change| match change.field.strip_suffix(ORDER) {
        Some(list) => {
            let prefix = format!("{list}.");
            !membership.iter().any(|field| field.starts_with(&prefix) && field != &change.field)
        }
        None => true,
    });
    changes
}

fn changed(before: &Flat, after: &Flat) -> Vec<FieldChange> {
    let index = |flat: &Flat| -> HashMap<String, String> { flat.iter().cloned().collect() };
    let (old, new) = (index(before), index(after));
    let mut changes: Vec<FieldChange> = after
        .iter()
        .filter(|(field, value)| old.get(field) != Some(value))
        .map(|(field, value)| FieldChange {
            field: field.clone(),
            before: old.get(field).cloned(),
            after: Some(value.clone()),
        })
        .collect();
    let gone = before.iter().filter(|(field, _)| !new.contains_key(field));
    changes.extend(gone.map(|(field, value)| FieldChange {
        field: field.clone(),
        before: Some(value.clone()),
        after: None,
    }));
    changes
}
