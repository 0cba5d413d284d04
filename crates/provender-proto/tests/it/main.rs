//! Feast's recorded registries through this crate's public face.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod changes;
mod damage;
mod golden;
mod kinds;
mod scale;
mod unknown;

use bytes::Bytes;
use prost::Message;
use provender_core::Timestamp;
use provender_core::model::{Object, ObjectKind};
use provender_core::registry::{Change, RegistrySnapshot};
use provender_proto::{RegistryFile, feast};

/// Of the recorded registries.
const PROJECT: &str = "interop";
const NOW: Timestamp = Timestamp(1_800_000_000_000_001);

fn golden(name: &str) -> Bytes {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into()
}

fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&golden(name)).unwrap()
}

/// The file after some changes.
fn after(bytes: &Bytes, changes: &[Change]) -> Bytes {
    let mut file = RegistryFile::parse(bytes).unwrap();
    file.apply(changes, NOW).unwrap();
    file.to_bytes().into()
}

fn snapshot(bytes: &Bytes) -> RegistrySnapshot {
    RegistryFile::parse(bytes).unwrap().snapshot()
}

fn message(bytes: &Bytes) -> feast::core::Registry {
    feast::core::Registry::decode(bytes.clone()).unwrap()
}

fn put(project: &str, object: Object) -> Change {
    Change::Put { project: project.to_owned(), object }
}

fn object(bytes: &Bytes, kind: ObjectKind, name: &str) -> Object {
    snapshot(bytes).find(PROJECT, kind, name).unwrap().object().unwrap().clone()
}

fn raw(bytes: &Bytes, kind: ObjectKind, name: &str) -> Bytes {
    snapshot(bytes).find(PROJECT, kind, name).unwrap().raw().clone()
}
