use super::carry_over;
use crate::feast::core::{
    DataSource, FeatureSpecV2, FeatureView, FeatureViewSpec, OnDemandFeatureView, OnDemandFeatureViewSpec,
    OnDemandSource, on_demand_source::Source,
};
use crate::reflect::descriptor;
use crate::wire;
use proptest::prelude::*;
use prost::Message;

/// Field 999 of any message: the text `new`.
const NEW: &[u8] = &[0xba, 0x3e, 3, b'n', b'e', b'w'];

fn holds_new(bytes: &[u8]) -> bool {
    wire::fields(bytes).any(|field| field.unwrap().raw == NEW)
}

/// The value of the first field of a number for which `wanted` holds.
fn child(bytes: &[u8], number: u32, wanted: impl Fn(&[u8]) -> bool) -> &[u8] {
    wire::fields(bytes).map(Result::unwrap).find(|f| f.number == number && wanted(f.value)).unwrap().value
}

fn feature(name: &str) -> FeatureSpecV2 {
    FeatureSpecV2 { name: name.into(), ..Default::default() }
}

fn with_new(message: &impl Message) -> Vec<u8> {
    [message.encode_to_vec(), NEW.to_vec()].concat()
}

/// A view with the unknown field in itself, in its spec, in its second feature and in its source.
fn view() -> Vec<u8> {
    let mut spec = FeatureViewSpec { name: "v".into(), features: vec![feature("a")], ..Default::default() }
        .encode_to_vec();
    wire::put(4, &with_new(&feature("b")), &mut spec);
    wire::put(7, &with_new(&DataSource { name: "s".into(), ..Default::default() }), &mut spec);
    spec.extend_from_slice(NEW);
    let mut view = Vec::new();
    wire::put(1, &spec, &mut view);
    view.extend_from_slice(NEW);
    view
}

fn edited(edit: impl FnOnce(&mut FeatureViewSpec)) -> Vec<u8> {
    let old = view();
    let mut message = FeatureView::decode(&old[..]).unwrap();
    edit(message.spec.as_mut().unwrap());
    carry_over(&descriptor("feast.core.FeatureView"), &old, message.encode_to_vec())
}

#[test]
fn unknown_fields_stay_at_every_depth() {
    let bytes = edited(|spec| {
        spec.description = "changed".into();
        spec.features.insert(0, feature("c"));
    });
    let spec = child(&bytes, 1, |_| true);
    assert!(holds_new(&bytes) && holds_new(spec));
    assert!(holds_new(child(spec, 7, |_| true)), "in the source");
    assert!(holds_new(child(spec, 4, |f| child(f, 1, |_| true) == b"b")), "in the feature of the same name");
    assert!(!holds_new(child(spec, 4, |f| child(f, 1, |_| true) == b"a")));
    assert!(!holds_new(child(spec, 4, |f| child(f, 1, |_| true) == b"c")));
    let decoded = FeatureView::decode(&bytes[..]).unwrap().spec.unwrap();
    assert_eq!((decoded.description.as_str(), decoded.features.len()), ("changed", 3));
}

#[test]
fn what_is_removed_or_replaced_takes_its_unknown_fields_along() {
    let bytes = edited(|spec| {
        spec.features.pop();
        spec.batch_source = Some(DataSource { name: "another".into(), ..Default::default() });
    });
    let spec = child(&bytes, 1, |_| true);
    assert!(holds_new(spec));
    assert!(!holds_new(child(spec, 7, |_| true)));
    assert_eq!(wire::fields(spec).filter(|f| f.unwrap().number == 4).count(), 1);
}

#[test]
fn unknown_fields_in_a_maps_values_stay() {
    let request = |name: &str| DataSource { name: name.into(), ..Default::default() };
    let mut entry = Vec::new();
    wire::put(1, b"input", &mut entry);
    let mut source = Vec::new();
    wire::put(2, &with_new(&request("input")), &mut source);
    wire::put(2, &source, &mut entry);
    let mut spec = Vec::new();
    wire::put(4, &entry, &mut spec);
    let mut old = Vec::new();
    wire::put(1, &spec, &mut old);

    let mut message = OnDemandFeatureView::decode(&old[..]).unwrap();
    let OnDemandFeatureViewSpec { sources, owner, .. } = message.spec.as_mut().unwrap();
    sources.insert(
        "another".into(),
        OnDemandSource { source: Some(Source::RequestDataSource(request("another"))) },
    );
    *owner = "me".into();
    let new = carry_over(&descriptor("feast.core.OnDemandFeatureView"), &old, message.encode_to_vec());

    let spec = child(&new, 1, |_| true);
    let source_of = |name: &str| {
        let entry = child(spec, 4, |e| child(e, 1, |_| true) == name.as_bytes());
        child(child(entry, 2, |_| true), 2, |_| true)
    };
    assert!(holds_new(source_of("input")));
    assert!(!holds_new(source_of("another")));
}

#[test]
fn without_unknown_fields_the_new_bytes_are_untouched() {
    let new = view();
    assert_eq!(carry_over(&descriptor("feast.core.FeatureView"), &[], new.clone()), new);
}

fn unknown_field() -> impl Strategy<Value = Vec<u8>> {
    let number = 60..2000u32;
    prop_oneof![
        (number.clone(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(number, value)| {
            let mut out = Vec::new();
            wire::put(number, &value, &mut out);
            out
        }),
        (number, any::<u64>()).prop_map(|(number, value)| {
            let mut out = Vec::new();
            prost::encoding::uint64::encode(number, &value, &mut out);
            out
        }),
    ]
}

proptest! {
    /// Whatever fields a newer Feast adds to a view, its spec, a feature and its source: they are there after an edit.
    #[test]
    fn random_unknown_fields_survive_an_edit(
        outer in prop::collection::vec(unknown_field(), 0..4).prop_map(|f| f.concat()),
        inner in prop::collection::vec(unknown_field(), 0..4).prop_map(|f| f.concat()),
        leaf in prop::collection::vec(unknown_field(), 0..4).prop_map(|f| f.concat()),
    ) {
        let mut spec = [FeatureViewSpec { name: "v".into(), ..Default::default() }.encode_to_vec(), inner.clone()].concat();
        wire::put(4, &[feature("a").encode_to_vec(), leaf.clone()].concat(), &mut spec);
        wire::put(7, &[DataSource { name: "s".into(), ..Default::default() }.encode_to_vec(), leaf.clone()].concat(), &mut spec);
        let mut old = Vec::new();
        wire::put(1, &spec, &mut old);
        old.extend_from_slice(&outer);

        let mut message = FeatureView::decode(&old[..]).unwrap();
        message.spec.as_mut().unwrap().owner = "me".into();
        let new = carry_over(&descriptor("feast.core.FeatureView"), &old, message.encode_to_vec());

        let unknown = |bytes: &[u8], known: u32| -> Vec<u8> {
            wire::fields(bytes).flatten().filter(|f| f.number > known).flat_map(|f| f.raw.to_vec()).collect()
        };
        let spec = child(&new, 1, |_| true);
        prop_assert_eq!(unknown(&new, 50), outer);
        prop_assert_eq!(unknown(spec, 50), inner);
        prop_assert_eq!(unknown(child(spec, 4, |_| true), 50), leaf.clone());
        prop_assert_eq!(unknown(child(spec, 7, |_| true), 50), leaf);
        prop_assert_eq!(FeatureView::decode(&new[..]).unwrap(), message);
    }
}
