//! Every kind of object and data source that Feast has.

use super::{NOW, after, golden, json, message, put, snapshot};
use bytes::Bytes;
use prost::Message;
use provender_core::model::{Entity, Meta, Object, ObjectKind, SourceKind};
use provender_core::registry::ObjectCodec;
use provender_proto::{FeastCodec, RegistryFile, feast};

/// (name, message, bytes) of the recorded objects.
fn recorded() -> Vec<(String, String, Vec<u8>)> {
    let objects = json("object_protos.json");
    let text = |object: &serde_json::Value, key: &str| object[key].as_str().map(str::to_owned);
    let hex = |text: String| {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    };
    let objects = objects.as_array().unwrap().iter();
    objects.filter_map(|o| Some((text(o, "name")?, text(o, "message")?, hex(text(o, "hex")?)))).collect()
}

fn kind(message: &str) -> ObjectKind {
    *ObjectKind::ALL.iter().find(|k| message == format!("feast.core.{}", k.class())).unwrap()
}

/// Field number of each kind's list in `feast.core.Registry`.
fn list(kind: ObjectKind) -> u8 {
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

fn entry(kind: ObjectKind, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::bytes::encode(list(kind).into(), &value.to_vec(), &mut out);
    out
}

/// The recorded objects carry no project; this is one with it.
fn of_project(message: &str, bytes: &[u8], project: &str) -> Vec<u8> {
    use feast::core as m;
    macro_rules! set {
        ($type:ty, $m:ident => $project:expr) => {{
            let mut $m = <$type>::decode(bytes).unwrap();
            $project = project.to_owned();
            $m.encode_to_vec()
        }};
    }
    match message {
        "feast.core.DataSource" => set!(m::DataSource, m => m.project),
        "feast.core.Entity" => set!(m::Entity, m => m.spec.as_mut().unwrap().project),
        "feast.core.FeatureView" => set!(m::FeatureView, m => m.spec.as_mut().unwrap().project),
        "feast.core.StreamFeatureView" => set!(m::StreamFeatureView, m => m.spec.as_mut().unwrap().project),
        "feast.core.OnDemandFeatureView" => {
            set!(m::OnDemandFeatureView, m => m.spec.as_mut().unwrap().project)
        }
        "feast.core.FeatureService" => set!(m::FeatureService, m => m.spec.as_mut().unwrap().project),
        "feast.core.Permission" => set!(m::Permission, m => m.spec.as_mut().unwrap().project),
        "feast.core.SavedDataset" => set!(m::SavedDataset, m => m.spec.as_mut().unwrap().project),
        "feast.core.LabelView" => set!(m::LabelView, m => m.spec.as_mut().unwrap().project),
        _ => bytes.to_vec(),
    }
}

#[test]
fn every_kind_survives_the_change_of_another() {
    let mut bytes = golden("registry.db").to_vec();
    let recorded = recorded();
    assert!(recorded.len() >= 30);
    for (_, message, object) in &recorded {
        bytes.extend(entry(kind(message), object));
    }
    let old: Bytes = bytes.into();
    let entity = Entity { name: "fresh".into(), ..Entity::default() };
    let new = after(&old, &[put(super::PROJECT, Object::Entity(entity.into()))]);
    let (before, mut now) = (message(&old), message(&new));
    assert_eq!(now.entities.pop().unwrap().spec.unwrap().name, "fresh");
    (now.version_id, now.last_updated) = (before.version_id.clone(), before.last_updated);
    assert_eq!(before, now);
    for (name, _, object) in recorded {
        assert!(new.windows(object.len()).any(|window| window == object), "{name}");
    }
}

#[test]
fn every_kind_decodes_and_has_its_name() {
    for (name, message, bytes) in recorded() {
        let object = FeastCodec.decode(kind(&message), &bytes).unwrap();
        assert_eq!(object.kind(), kind(&message), "{name}");
        assert!(!object.name().is_empty(), "{name}");
        assert!(FeastCodec.to_json(kind(&message), &bytes).unwrap().is_object(), "{name}");
    }
}

/// Over an existing object the model's fields are written and all others stay: only times may differ.
#[test]
fn writing_an_object_over_itself_changes_only_times() {
    for (name, message, bytes) in recorded() {
        let kind = kind(&message);
        let bytes = of_project(&message, &bytes, "p");
        let old: Bytes = entry(kind, &bytes).into();
        let snapshot_of = |bytes: &Bytes| {
            let snapshot = snapshot(bytes);
            let project = if kind == ObjectKind::Project {
                snapshot.project_names().next().unwrap().to_owned()
            } else {
                "p".to_owned()
            };
            let mut listed = snapshot.list(&project, kind).filter(|s| &*s.name != "__dummy");
            listed
                .next()
                .map(|s| (project.clone(), s.object().unwrap().clone(), s.to_json().unwrap()))
                .unwrap()
        };
        let (project, object, before) = snapshot_of(&old);
        if matches!(object, Object::Other(_)) {
            continue;
        }
        // Another owner, so that the object is written at all.
        let changed = described(object, "somebody else");
        let new = after(&old, &[put(&project, changed.clone())]);
        let (_, read, after) = snapshot_of(&new);
        assert_eq!(clear(read), clear(changed), "{name}");
        let (mut before, mut after) = (before, after);
        for json in [&mut before, &mut after] {
            forget(json);
        }
        assert_eq!(before, after, "{name}");
    }
}

/// The same object with another owner (another tag for a permission, which has no owner).
fn described(object: Object, owner: &str) -> Object {
    macro_rules! with {
        ($variant:ident, $o:ident) => {{
            let mut object = (*$o).clone();
            object.owner = owner.to_owned();
            Object::$variant(object.into())
        }};
    }
    match object {
        Object::Project(o) => with!(Project, o),
        Object::DataSource(o) => with!(DataSource, o),
        Object::Entity(o) => with!(Entity, o),
        Object::FeatureView(o) => with!(FeatureView, o),
        Object::OnDemandFeatureView(o) => with!(OnDemandFeatureView, o),
        Object::FeatureService(o) => with!(FeatureService, o),
        other => other,
    }
}

/// Without what every write sets.
fn clear(object: Object) -> Object {
    macro_rules! without_times {
        ($variant:ident, $o:ident) => {{
            let mut object = (*$o).clone();
            object.meta = Meta::default();
            Object::$variant(object.into())
        }};
    }
    match object {
        Object::Project(o) => without_times!(Project, o),
        Object::Entity(o) => without_times!(Entity, o),
        Object::OnDemandFeatureView(o) => without_times!(OnDemandFeatureView, o),
        Object::FeatureService(o) => without_times!(FeatureService, o),
        Object::Permission(o) => without_times!(Permission, o),
        Object::DataSource(o) => {
            let mut source = (*o).clone();
            timeless(&mut source);
            Object::DataSource(source.into())
        }
        Object::FeatureView(o) => {
            let mut view = (*o).clone();
            (view.meta, view.version_number) = (Meta::default(), 0);
            view.batch_source.as_mut().map(timeless);
            view.stream_source.as_mut().map(timeless);
            // One recorded view without entities has no dummy join key yet; filling it in makes a version.
            view.entity_columns.retain(|c| c.name != "__dummy_id");
            Object::FeatureView(view.into())
        }
        Object::Other(_) => object,
    }
}

fn timeless(source: &mut provender_core::model::DataSource) {
    source.meta = Meta::default();
    if let SourceKind::Push { batch: Some(batch) }
    | SourceKind::Kafka { batch: Some(batch), .. }
    | SourceKind::Kinesis { batch: Some(batch), .. } = &mut source.kind
    {
        timeless(batch);
    }
}

fn forget(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|key, value| match key.as_str() {
                "owner" | "meta" | "dataSourceClassType" => false,
                // A view without entities gets its dummy join key when it is written.
                "entityColumns" => value[0]["name"] != "__dummy_id",
                _ => true,
            });
            fields.values_mut().for_each(forget);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

#[test]
fn sources_of_other_stores_go_into_an_empty_registry_whole() {
    for (name, message, bytes) in recorded() {
        if message != "feast.core.DataSource" {
            continue;
        }
        let object = FeastCodec.decode(ObjectKind::DataSource, &bytes).unwrap();
        let mut file = RegistryFile::default();
        file.apply(&[put("p", object.clone())], NOW).unwrap();
        let new: Bytes = file.to_bytes().into();
        let written =
            snapshot(&new).list("p", ObjectKind::DataSource).next().unwrap().object().unwrap().clone();
        assert_eq!(clear(written), clear(object), "{name}");
        let mut old = feast::core::DataSource::decode(&bytes[..]).unwrap();
        let mut new = super::message(&new).data_sources.remove(0);
        assert!(
            new.data_source_class_type.ends_with(name.split('_').next().unwrap()),
            "{name}: {}",
            new.data_source_class_type
        );
        for source in [&mut old, &mut new] {
            (source.meta, source.project, source.data_source_class_type) =
                (None, String::new(), String::new());
            if let Some(batch) = &mut source.batch_source {
                batch.meta = None;
            }
        }
        assert_eq!(old, new, "{name}");
    }
}
