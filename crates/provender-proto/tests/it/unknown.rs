//! Fields that a newer Feast may add.

use super::{PROJECT, after, golden, object, put, snapshot};
use bytes::Bytes;
use prost::Message;
use provender_core::model::{Object, ObjectKind};
use provender_proto::feast;

/// Field 500 with the text of its place.
fn unknown(place: &str) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::string::encode(500, &place.to_owned(), &mut out);
    out
}

fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::bytes::encode(number, &value.to_vec(), &mut out);
    out
}

#[derive(Clone, PartialEq, Message)]
struct Newer {
    #[prost(message, optional, tag = "1")]
    spec: Option<NewerSpec>,
    #[prost(string, tag = "500")]
    unknown: String,
}

#[derive(Clone, PartialEq, Message)]
struct NewerSpec {
    #[prost(message, repeated, tag = "4")]
    features: Vec<Leaf>,
    #[prost(message, optional, tag = "7")]
    batch_source: Option<Leaf>,
    #[prost(string, tag = "10")]
    description: String,
    #[prost(string, tag = "500")]
    unknown: String,
}

#[derive(Clone, PartialEq, Message)]
struct Leaf {
    #[prost(string, tag = "500")]
    unknown: String,
}

/// A registry whose view `v`, its spec, its feature and its source have an unknown field each, as has the registry.
fn newer_registry() -> Bytes {
    let feature = [
        feast::core::FeatureSpecV2 { name: "x".into(), value_type: 5, ..Default::default() }.encode_to_vec(),
        unknown("feature"),
    ]
    .concat();
    let source = feast::core::DataSource { name: "s".into(), r#type: 1, ..Default::default() };
    let source = [source.encode_to_vec(), unknown("source")].concat();
    let spec =
        feast::core::FeatureViewSpec { name: "v".into(), project: PROJECT.into(), ..Default::default() };
    let spec = [spec.encode_to_vec(), field(4, &feature), field(7, &source), unknown("spec")].concat();
    let view = [field(1, &spec), unknown("object")].concat();
    [golden("registry.db").to_vec(), field(6, &view), unknown("registry")].concat().into()
}

fn newer(bytes: &Bytes) -> Newer {
    let snapshot = snapshot(bytes);
    Newer::decode(snapshot.find(PROJECT, ObjectKind::FeatureView, "v").unwrap().raw().clone()).unwrap()
}

fn top_level(bytes: &Bytes) -> String {
    Leaf::decode(bytes.clone()).unwrap().unknown
}

#[test]
fn unknown_fields_survive_an_edit_of_their_object() {
    let old = newer_registry();
    let Object::FeatureView(view) = object(&old, ObjectKind::FeatureView, "v") else { panic!() };
    let mut view = (*view).clone();
    view.description = "edited".into();
    let edited = after(&old, &[put(PROJECT, Object::FeatureView(view.clone().into()))]);
    let mut expected = newer(&old);
    expected.spec.as_mut().unwrap().description = "edited".into();
    assert_eq!(newer(&edited), expected);
    assert_eq!(top_level(&edited), "registry");

    // Also when the view becomes a new version, except for the feature that goes.
    view.features[0].name = "y".into();
    let changed = after(&edited, &[put(PROJECT, Object::FeatureView(view.into()))]);
    expected.spec.as_mut().unwrap().features = vec![Leaf::default()];
    assert_eq!(newer(&changed), expected);
    let registry = super::message(&changed);
    let records = registry.feature_view_version_history.unwrap().records;
    let newest = records.iter().rfind(|r| r.feature_view_name == "v").unwrap();
    assert_eq!(Newer::decode(&newest.feature_view_proto[..]).unwrap(), expected);
}

#[test]
fn unknown_fields_survive_the_change_of_another_object() {
    let old = newer_registry();
    let Object::Entity(driver) = object(&old, ObjectKind::Entity, "driver") else { panic!() };
    let new = after(&old, &[put(PROJECT, Object::Entity(driver))]);
    let raw = |bytes| snapshot(bytes).find(PROJECT, ObjectKind::FeatureView, "v").unwrap().raw().clone();
    assert_eq!(raw(&old), raw(&new));
    assert_eq!(top_level(&new), "registry");
}

#[test]
fn a_kind_of_source_that_is_not_known_keeps_its_options() {
    // Type 77 with options in field 60.
    let mut source = feast::core::DataSource {
        name: "new_source".into(),
        project: PROJECT.into(),
        r#type: 77,
        ..Default::default()
    }
    .encode_to_vec();
    source.extend(field(60, b"options"));
    let old: Bytes = [golden("registry.db").to_vec(), field(12, &source)].concat().into();
    let Object::DataSource(model) = object(&old, ObjectKind::DataSource, "new_source") else { panic!() };
    let mut model = (*model).clone();
    model.owner = "me".into();
    let new = after(&old, &[put(PROJECT, Object::DataSource(model.into()))]);
    let raw = snapshot(&new).find(PROJECT, ObjectKind::DataSource, "new_source").unwrap().raw().clone();
    let options = field(60, b"options");
    assert!(raw.windows(options.len()).any(|window| window == options));
    assert_eq!(feast::core::DataSource::decode(raw).unwrap().owner, "me");
}
