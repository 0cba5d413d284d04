//! Where each kind of object stands in `feast.core.Registry`, and where its name and project stand in it.

use crate::wire;
use prost::encoding::WireType;
use provender_core::model::ObjectKind;

/// Field numbers of `feast.core.Registry` that are no list of a kind.
pub(crate) mod number {
    pub(crate) const FEATURE_TABLES: u32 = 2;
    pub(crate) const SCHEMA_VERSION: u32 = 3;
    pub(crate) const VERSION_ID: u32 = 4;
    pub(crate) const LAST_UPDATED: u32 = 5;
    pub(crate) const INFRA: u32 = 10;
    pub(crate) const PROJECT_METADATA: u32 = 15;
    pub(crate) const HISTORY: u32 = 18;
}

/// Field number of a kind's list.
pub(crate) fn field(kind: ObjectKind) -> u32 {
    match kind {
        ObjectKind::Entity => 1,
        ObjectKind::FeatureView => 6,
        ObjectKind::FeatureService => 7,
        ObjectKind::OnDemandFeatureView => 8,
        ObjectKind::SavedDataset => 11,
        ObjectKind::DataSource => 12,
        ObjectKind::ValidationReference => 13,
        ObjectKind::StreamFeatureView => 14,
        ObjectKind::Permission => 16,
        ObjectKind::Project => 17,
        ObjectKind::LabelView => 19,
    }
}

/// The kind whose list has a field number.
pub(crate) fn of_field(number: u32) -> Option<ObjectKind> {
    ObjectKind::ALL.iter().copied().find(|kind| field(*kind) == number)
}

/// Whether `feast.core.Registry` has a field of that number; all of them are length-delimited.
pub(crate) fn is_known(field: u32) -> bool {
    of_field(field).is_some()
        || [
            number::FEATURE_TABLES,
            number::SCHEMA_VERSION,
            number::VERSION_ID,
            number::LAST_UPDATED,
            number::INFRA,
            number::PROJECT_METADATA,
            number::HISTORY,
        ]
        .contains(&field)
}

/// Full name of a kind's message.
pub(crate) fn message(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Entity => "feast.core.Entity",
        ObjectKind::FeatureView => "feast.core.FeatureView",
        ObjectKind::FeatureService => "feast.core.FeatureService",
        ObjectKind::OnDemandFeatureView => "feast.core.OnDemandFeatureView",
        ObjectKind::SavedDataset => "feast.core.SavedDataset",
        ObjectKind::DataSource => "feast.core.DataSource",
        ObjectKind::ValidationReference => "feast.core.ValidationReference",
        ObjectKind::StreamFeatureView => "feast.core.StreamFeatureView",
        ObjectKind::Permission => "feast.core.Permission",
        ObjectKind::Project => "feast.core.Project",
        ObjectKind::LabelView => "feast.core.LabelView",
    }
}

/// (project, name) of an entry of a list, as far as its bytes can be read; `None` for a list whose entries have neither.
pub(crate) fn address(list: u32, entry: &[u8]) -> Option<(String, String)> {
    let (body, name, project) = match of_field(list) {
        Some(ObjectKind::DataSource) => (entry, 20, 21),
        Some(ObjectKind::ValidationReference) => (entry, 1, 3),
        Some(ObjectKind::Entity) => (spec(entry), 1, 9),
        Some(ObjectKind::Project) => (spec(entry), 1, 1),
        Some(_) => (spec(entry), 1, 2),
        None if list == number::FEATURE_TABLES => (spec(entry), 1, 9),
        None if list == number::PROJECT_METADATA => (entry, 1, 1),
        None => return None,
    };
    Some((text(body, project), text(body, name)))
}

fn spec(entry: &[u8]) -> &[u8] {
    last(entry, 1)
}

/// A text field; empty if it is absent.
pub(crate) fn text(message: &[u8], number: u32) -> String {
    String::from_utf8_lossy(last(message, number)).into_owned()
}

fn last(message: &[u8], number: u32) -> &[u8] {
    wire::fields(message)
        .map_while(Result::ok)
        .filter(|f| f.number == number && f.wire_type == WireType::LengthDelimited)
        .last()
        .map_or(&[], |f| f.value)
}
