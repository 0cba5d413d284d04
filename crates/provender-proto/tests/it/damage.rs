//! Files that are damaged, newer, or no registries.

use super::{NOW, PROJECT, golden, put, snapshot};
use bytes::Bytes;
use proptest::prelude::*;
use provender_core::Kind;
use provender_core::model::{Entity, Object, ObjectKind};
use provender_proto::RegistryFile;

fn error(bytes: impl Into<Bytes>) -> provender_core::Error {
    RegistryFile::parse(&bytes.into()).unwrap_err()
}

#[test]
fn other_files_are_refused_with_what_was_expected() {
    let database = [b"SQLite format 3\0".to_vec(), vec![0; 100]].concat();
    let others: [(&str, &[u8]); 7] = [
        ("an empty file", b""),
        ("text", b"project: interop\nprovider: local\n"),
        ("json", b"{\"entities\": []}"),
        ("a database", &database),
        ("a Parquet file", b"PAR1\x15\x04\x15\x10"),
        ("text that reads like fields", b"\n\x05hello\n\x05world"),
        ("zeros", &[0; 64]),
    ];
    for (what, bytes) in others {
        let error = error(bytes.to_vec());
        assert_eq!(error.kind(), Kind::Invalid, "{what}");
        assert!(error.to_string().contains("feast.core.Registry"), "{what}: {error}");
    }
    assert!(error("").message().contains("empty"));
}

#[test]
fn a_file_cut_anywhere_inside_an_object_is_refused() {
    let whole = golden("registry.db");
    let error = error(whole.slice(..whole.len() / 2));
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("only a part"), "{error}");
    let readable = (1..whole.len()).filter(|end| RegistryFile::parse(&whole.slice(..*end)).is_ok()).count();
    // Between two objects a cut cannot be seen: the format has no end mark.
    assert!(readable < 60, "{readable}");
}

#[test]
fn a_newer_schema_is_refused_and_an_absent_one_is_not() {
    let registry = |version: &str| {
        let entity = super::feast::core::Entity { spec: Some(Default::default()), meta: None };
        let mut entity = entity;
        entity.spec.as_mut().unwrap().name = "e".into();
        let message = super::feast::core::Registry {
            registry_schema_version: version.into(),
            entities: vec![entity],
            ..Default::default()
        };
        Bytes::from(prost::Message::encode_to_vec(&message))
    };
    assert!(RegistryFile::parse(&registry("")).is_ok());
    assert!(RegistryFile::parse(&registry("1")).is_ok());
    let newer = error(registry("2"));
    assert_eq!(newer.kind(), Kind::Unsupported);
    assert!(newer.to_string().contains("registry_schema_version: 2"), "{newer}");
    assert_eq!(error(registry("one")).kind(), Kind::Invalid);
}

#[test]
fn a_damaged_object_spoils_only_itself() {
    let mut bytes = golden("registry.db").to_vec();
    // An entity whose spec has a name and a project and then a field that runs over its end.
    let spec = [&b"\x0a\x03bad\x4a\x07interop"[..], b"\x1a\x7f"].concat();
    let entity = [&[0x0a, spec.len() as u8][..], &spec].concat();
    bytes.extend([&[0x0a, entity.len() as u8][..], &entity].concat());
    let bytes = Bytes::from(bytes);

    let registry = snapshot(&bytes);
    let error = registry.entity(PROJECT, "bad").unwrap_err();
    assert_eq!(error.kind(), Kind::Internal);
    assert!(error.to_string().contains("bad"), "{error}");
    for stored in registry.objects(PROJECT).filter(|o| &*o.name != "bad") {
        stored.object().unwrap();
    }

    let mut file = RegistryFile::parse(&bytes).unwrap();
    let other = Entity { name: "other".into(), ..Entity::default() };
    file.apply(&[put(PROJECT, Object::Entity(other.into()))], NOW).unwrap();
    let kept = snapshot(&file.to_bytes().into());
    assert_eq!(kept.find(PROJECT, ObjectKind::Entity, "bad").unwrap().raw(), &entity);

    let healed = Entity { name: "bad".into(), ..Entity::default() };
    file.apply(&[put(PROJECT, Object::Entity(healed.into()))], NOW).unwrap();
    assert_eq!(snapshot(&file.to_bytes().into()).entity(PROJECT, "bad").unwrap().join_key, "bad");
}

#[test]
fn of_two_objects_with_one_name_the_last_counts_and_a_change_leaves_one() {
    let mut registry = super::message(&golden("registry.db"));
    let mut twin = registry.entities[0].clone();
    let name = twin.spec.as_ref().unwrap().name.clone();
    twin.spec.as_mut().unwrap().description = "twin".into();
    registry.entities.push(twin);
    let bytes = Bytes::from(prost::Message::encode_to_vec(&registry));
    let entity = snapshot(&bytes).entity(PROJECT, &name).unwrap().clone();
    assert_eq!(entity.description, "twin");
    let new = super::after(&bytes, &[put(PROJECT, Object::Entity(entity))]);
    let named = super::message(&new).entities.into_iter().filter(|e| e.spec.as_ref().unwrap().name == name);
    assert_eq!(named.count(), 1);
}

proptest! {
    /// Reading never panics, and what is read as a registry can be written again.
    #[test]
    fn any_damage_is_an_error_or_a_registry(position in 0usize..20_351, byte: u8, length in 0usize..40) {
        let mut bytes = golden("registry.db").to_vec();
        bytes.splice(position..(position + length).min(bytes.len()), [byte]);
        if let Ok(mut file) = RegistryFile::parse(&bytes.into()) {
            let registry = file.snapshot();
            for project in registry.project_names() {
                for stored in registry.objects(project) {
                    let _ = (stored.object(), stored.to_json());
                }
            }
            file.apply(&[put("q", Object::Entity(Entity { name: "e".into(), ..Entity::default() }.into()))], NOW).unwrap();
            prop_assert!(RegistryFile::parse(&file.to_bytes().into()).is_ok());
        }
    }
}
