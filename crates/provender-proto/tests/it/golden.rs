//! What Feast recorded, read here.

use super::{PROJECT, after, golden, json, message, snapshot};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use provender_core::model::{FileFormat, Object, ObjectKind, OnDemandSource, SourceKind, ViewKind};
use provender_core::{SECOND, Timestamp, ValueType};
use provender_proto::DESCRIPTORS;
use serde_json::{Map, Value};

#[test]
fn our_messages_read_every_field_of_a_registry() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let registry = pool.get_message_by_name("feast.core.Registry").unwrap();
    for name in ["registry", "registry_changed_apply"] {
        let message = DynamicMessage::decode(registry.clone(), golden(&format!("{name}.db"))).unwrap();
        let options = SerializeOptions::new().use_proto_field_name(true);
        let ours = message.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
        let mut theirs = json(&format!("{name}_full.json"))["registry"].take();
        drop_notes(&mut theirs);
        assert_eq!(ours, theirs, "{name}");
    }
}

/// The recording explains some bytes in keys of its own.
fn drop_notes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !key.contains("__decoded"));
            fields.values_mut().for_each(drop_notes);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_notes),
        _ => {}
    }
}

#[test]
fn json_of_every_object_is_what_feast_dumps() {
    let snapshot = snapshot(&golden("registry_dumpable.db"));
    let mut theirs = json("registry_dump.json");
    for (kind, key) in [
        (ObjectKind::DataSource, "dataSources"),
        (ObjectKind::Entity, "entities"),
        (ObjectKind::FeatureView, "featureViews"),
        (ObjectKind::OnDemandFeatureView, "onDemandFeatureViews"),
        (ObjectKind::FeatureService, "featureServices"),
        (ObjectKind::Permission, "permissions"),
    ] {
        let mut ours: Value = snapshot.list(PROJECT, kind).map(|o| o.to_json().unwrap()).collect();
        for dump in [&mut ours, &mut theirs[key]] {
            // Feast forgets these times when it reads, and dumps the time of the dump.
            if let Some(source) = dump.pointer_mut("/0/spec/sources/trip_request/requestDataSource") {
                source["meta"].take();
            }
        }
        assert_eq!(ours, theirs[key], "{key}");
    }
}

#[test]
fn json_shows_python_functions_as_text_only() {
    let snapshot = snapshot(&golden("registry.db"));
    let view = snapshot.find(PROJECT, ObjectKind::OnDemandFeatureView, "trips_python").unwrap();
    let json = view.to_json().unwrap();
    let function = &json["spec"]["featureTransformation"]["userDefinedFunction"];
    assert!(function["bodyText"].as_str().unwrap().contains("def trips_python"));
    assert_eq!(function["body"], function["bodyText"]);
}

#[test]
fn the_model_says_what_the_recording_says() {
    let snapshot = snapshot(&golden("registry.db"));
    assert_eq!(snapshot.project_names().collect::<Vec<_>>(), [PROJECT]);
    assert_eq!(snapshot.updated, Some(Timestamp::parse("2026-11-23T06:14:09.366486Z").unwrap()));
    let project = snapshot.project(PROJECT).unwrap().unwrap();
    assert_eq!((project.owner.as_str(), project.tags["env"].as_str()), ("root@example.com", "test"));

    let driver = snapshot.entity(PROJECT, "driver").unwrap();
    assert_eq!((driver.join_key.as_str(), driver.value_type), ("driver_id", ValueType::INT64));
    assert_eq!(driver.meta.created, Some(Timestamp::parse("2026-11-23T06:14:09.342582Z").unwrap()));
    assert!(snapshot.entity(PROJECT, "__dummy").is_ok());

    let view = snapshot.feature_view(PROJECT, "driver_hourly_stats").unwrap();
    assert_eq!(
        (view.kind, view.ttl, view.online, view.offline),
        (ViewKind::Batch, Some(7 * 86_400 * SECOND), true, false)
    );
    assert_eq!(view.entities, ["driver"]);
    let names: Vec<_> = view.features.iter().map(|f| (f.name.as_str(), f.value_type)).collect();
    let wanted = [
        ("conv_rate", ValueType::FLOAT),
        ("acc_rate", ValueType::DOUBLE),
        ("avg_daily_trips", ValueType::INT64),
    ];
    assert_eq!(names, wanted);
    assert_eq!(view.features[0].tags["unit"], "ratio");
    let source = view.batch_source.as_ref().unwrap();
    assert_eq!(
        (source.timestamp_field.as_str(), source.created_timestamp_column.as_str()),
        ("event_timestamp", "created")
    );
    let SourceKind::File { path, format, .. } = &source.kind else { panic!("{:?}", source.kind) };
    assert_eq!((path.as_str(), *format), ("data/driver_stats.parquet", FileFormat::Parquet));
    assert!(snapshot.feature_view(PROJECT, "global_stats").unwrap().is_entityless());
    assert_eq!(snapshot.feature_view(PROJECT, "customer_profile").unwrap().ttl, Some(0));

    let push = snapshot.data_source(PROJECT, "driver_push_source").unwrap();
    assert_eq!(push.timestamp_field, "", "it only repeats the batch source's");
    assert_eq!(push.batch().unwrap().name, "push_batch_source");

    let service = snapshot.feature_service(PROJECT, "svc_alias").unwrap();
    assert_eq!(service.projections[0].name_to_use(), "origin_stats");
    assert_eq!(service.projections[0].join_key("driver_id"), "origin_driver");

    let on_demand = snapshot.on_demand_view(PROJECT, "trips_python").unwrap();
    assert_eq!(on_demand.mode, "python");
    let [(_, OnDemandSource::View(view)), (_, OnDemandSource::Request(request))] = &on_demand.sources[..]
    else {
        panic!("{:?}", on_demand.sources)
    };
    assert_eq!(view.features.len(), 1);
    let SourceKind::Request { schema } = &request.kind else { panic!("{:?}", request.kind) };
    assert_eq!((schema[1].name.as_str(), schema[1].value_type), ("surge", ValueType::DOUBLE));

    let permission = snapshot.permission(PROJECT, "read_fvs").unwrap();
    assert_eq!(
        (&permission.types[..], &permission.actions[..]),
        (&["FeatureView".into()][..], &["READ_ONLINE".into()][..])
    );
    assert_eq!(
        (&permission.roles[..], permission.required_tags["team"].as_str()),
        (&["reader".into()][..], "drv")
    );
}

#[test]
fn vector_settings_and_types_beyond_the_enum_are_read() {
    let snapshot = snapshot(&golden("registry.db"));
    let view = snapshot.feature_view(PROJECT, "all_types").unwrap();
    let vector = view.feature("vec").unwrap().vector.as_ref().unwrap();
    assert_eq!((vector.length, vector.metric.as_str()), (3, "COSINE"));
    assert_eq!(view.feature("f_image").unwrap().value_type, ValueType::IMAGE_BYTES);
    assert_eq!(view.feature("l_l_int64").unwrap().tags["feast:nested_inner_type"], "Array(Array(INT64))");
    assert!(view.feature("st").unwrap().tags.contains_key("feast:struct_schema"));
}

#[test]
fn a_rewrite_without_change_differs_in_version_id_and_time_only() {
    for name in ["registry.db", "registry_changed_apply.db", "registry_dumpable.db"] {
        let (old, new) = (golden(name), after(&golden(name), &[]));
        let (before, mut now) = (message(&old), message(&new));
        assert_ne!(before.version_id, now.version_id);
        assert_eq!(uuid::Uuid::parse_str(&now.version_id).unwrap().get_version_num(), 4);
        assert_eq!(now.last_updated.as_ref().unwrap().nanos, 1000);
        (now.version_id, now.last_updated) = (before.version_id.clone(), before.last_updated);
        assert_eq!(before, now, "{name}");
        let bytes = |bytes| -> Vec<_> {
            snapshot(bytes).objects(PROJECT).map(|o| (o.kind, o.name.clone(), o.raw().clone())).collect()
        };
        assert_eq!(bytes(&old), bytes(&new), "{name}");
    }
}

#[test]
fn every_object_of_the_model_encodes_to_what_feast_wrote() {
    let old = golden("registry.db");
    for stored in snapshot(&old).objects(PROJECT) {
        let object = stored.object().unwrap().clone();
        let change = super::put(PROJECT, object);
        // Twice: over the existing object, and into an empty registry, where what the model does not carry is missing.
        let new = after(&old, std::slice::from_ref(&change));
        let again = super::raw(&new, stored.kind, &stored.name);
        assert_eq!(timeless(stored.kind, stored.raw()), timeless(stored.kind, &again), "{stored:?}");
        if !matches!(stored.object().unwrap(), Object::OnDemandFeatureView(_) | Object::FeatureService(_)) {
            let mut empty = provender_proto::RegistryFile::default();
            empty.apply(&[change], super::NOW).unwrap();
            let fresh = super::raw(&empty.to_bytes().into(), stored.kind, &stored.name);
            assert_eq!(timeless(stored.kind, stored.raw()), timeless(stored.kind, &fresh), "{stored:?} anew");
        }
    }
}

/// An object's fields without times, which every write sets.
fn timeless(kind: ObjectKind, raw: &[u8]) -> Value {
    fn drop(fields: &mut Map<String, Value>) {
        fields.retain(|key, _| key != "createdTimestamp" && key != "lastUpdatedTimestamp" && key != "meta");
        fields.values_mut().for_each(walk);
    }
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => drop(fields),
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let name = format!("feast.core.{}", kind.class());
    let message = DynamicMessage::decode(pool.get_message_by_name(&name).unwrap(), raw).unwrap();
    let mut value = serde_json::to_value(message).unwrap();
    walk(&mut value);
    value
}
