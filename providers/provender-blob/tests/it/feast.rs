//! A file that Feast wrote.

use super::{commit, read, registry};
use provender_core::model::{Entity, Object, ObjectKind};
use provender_core::registry::Change;
use std::fs;
use std::path::Path;

#[test]
fn feasts_file_takes_a_change_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/registry.db"), &path).unwrap();
    let registry = registry(&path);
    let before = read(&registry).unwrap().1;
    assert_eq!(before.feature_views("interop").count(), 7);
    let entity = Entity { name: "merchant".into(), ..Entity::default() };
    commit(&registry, &[Change::Put { project: "interop".into(), object: Object::Entity(entity.into()) }])
        .unwrap();
    let after = read(&registry).unwrap().1;
    assert_eq!(after.entity("interop", "merchant").unwrap().join_key, "merchant");
    for stored in before.objects("interop") {
        assert_eq!(
            stored.raw(),
            after.find("interop", stored.kind, &stored.name).unwrap().raw(),
            "{stored:?}"
        );
    }
    assert_eq!(
        after.list("interop", ObjectKind::Entity).count(),
        before.list("interop", ObjectKind::Entity).count() + 1
    );
}
