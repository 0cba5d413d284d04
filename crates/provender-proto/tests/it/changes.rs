//! Changes and what Feast fills in around them.

use super::{NOW, PROJECT, after, golden, message, object, put, raw, snapshot};
use bytes::Bytes;
use prost::Message;
use provender_core::model::{
    DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, MaterializationInterval, Meta,
    Object, ObjectKind, Project, Projection, SourceKind,
};
use provender_core::registry::Change;
use provender_core::{Kind, Timestamp, ValueType};
use provender_proto::{RegistryFile, feast};
use std::sync::Arc;

fn view(bytes: &Bytes, name: &str) -> FeatureView {
    match object(bytes, ObjectKind::FeatureView, name) {
        Object::FeatureView(view) => Arc::unwrap_or_clone(view),
        other => panic!("{other:?}"),
    }
}

fn put_view(view: FeatureView) -> Change {
    put(PROJECT, Object::FeatureView(view.into()))
}

fn view_names(bytes: &Bytes) -> Vec<String> {
    message(bytes).feature_views.into_iter().map(|v| v.spec.unwrap().name).collect()
}

fn versions(bytes: &Bytes, name: &str) -> Vec<i32> {
    let records = message(bytes).feature_view_version_history.unwrap_or_default().records;
    records.into_iter().filter(|r| r.feature_view_name == name).map(|r| r.version_number).collect()
}

fn file_source(name: &str) -> DataSource {
    let kind = SourceKind::File {
        path: format!("{name}.parquet"),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    DataSource {
        timestamp_field: "ts".into(),
        created_timestamp_column: "created".into(),
        ..DataSource::new(name, kind)
    }
}

fn simple_view(name: &str) -> FeatureView {
    FeatureView {
        name: name.into(),
        features: vec![Field::new("x", ValueType::DOUBLE)],
        batch_source: Some(file_source("s")),
        online: true,
        enabled: true,
        ..FeatureView::default()
    }
}

/// The change that Feast made between two recordings, made here.
#[test]
fn a_schema_change_ends_in_what_feast_made_of_it() {
    let (old, theirs) = (golden("registry.db"), golden("registry_changed_apply.db"));
    let mut changed = view(&old, "global_stats");
    changed.features.push(Field::new("fx_rate2", ValueType::DOUBLE));
    let ours = after(&old, &[put_view(changed)]);

    assert_eq!(view_names(&ours), view_names(&theirs));
    let (mut one, mut other) = (view(&ours, "global_stats"), view(&theirs, "global_stats"));
    assert_eq!(one.meta, Meta { created: other.meta.created, updated: Some(NOW) });
    for view in [&mut one, &mut other] {
        view.meta = Meta::default();
        view.batch_source.as_mut().unwrap().meta = Meta::default();
    }
    assert_eq!(one, other);
    assert_eq!(one.version_number, 1);
    assert_eq!(versions(&ours, "global_stats"), versions(&theirs, "global_stats"));

    let record = message(&ours).feature_view_version_history.unwrap().records.pop().unwrap();
    assert_eq!((record.project_id.as_str(), record.feature_view_type.as_str()), (PROJECT, "feature_view"));
    assert_eq!(record.feature_view_proto, raw(&ours, ObjectKind::FeatureView, "global_stats"));
    assert!(uuid::Uuid::parse_str(&record.version_id).is_ok());

    let untouched = |o: &&Arc<provender_core::registry::Stored>| &*o.name != "global_stats";
    for stored in snapshot(&old).objects(PROJECT).filter(untouched) {
        assert_eq!(stored.raw(), &raw(&ours, stored.kind, &stored.name), "{stored:?}");
    }
}

#[test]
fn a_change_beside_the_schema_is_made_in_place_and_keeps_the_version() {
    let old = golden("registry_changed_apply.db");
    let mut changed = view(&old, "customer_profile");
    changed.description = "new words".into();
    changed.ttl = None;
    changed.enabled = false;
    let new = after(&old, &[put_view(changed.clone())]);
    assert_eq!(view_names(&old), view_names(&new));
    assert_eq!(versions(&new, "customer_profile"), [0]);
    let read = view(&new, "customer_profile");
    assert_eq!((read.description.as_str(), read.ttl, read.enabled), ("new words", None, false));
    assert_eq!(read.meta, Meta { created: changed.meta.created, updated: Some(NOW) });
}

#[test]
fn order_of_features_is_no_change_of_schema() {
    let old = golden("registry.db");
    let mut changed = view(&old, "driver_hourly_stats");
    changed.features.reverse();
    let new = after(&old, &[put_view(changed.clone())]);
    assert_eq!(view(&new, "driver_hourly_stats").features, changed.features);
    assert_eq!(versions(&new, "driver_hourly_stats"), [0]);
}

#[test]
fn what_was_materialized_is_recorded_as_given_and_makes_no_version() {
    let old = golden("registry.db");
    let interval = |start, end| MaterializationInterval { start: Timestamp(start), end: Timestamp(end) };
    let mut materialized = view(&old, "driver_hourly_stats");
    materialized.materialization_intervals = vec![interval(0, 10), interval(10, 20)];
    materialized.state = 4;
    materialized.version_number = 7;
    let recorded = after(&old, &[put_view(materialized.clone())]);
    let read = view(&recorded, "driver_hourly_stats");
    assert_eq!(read.materialization_intervals, [interval(0, 10), interval(10, 20)]);
    assert_eq!((read.state, read.version_number), (4, 0));

    let (first, second) = (interval(0, 10), interval(20, 30));
    materialized.materialization_intervals = vec![first, second];
    materialized.features.pop();
    let changed = view(&after(&recorded, &[put_view(materialized.clone())]), "driver_hourly_stats");
    assert_eq!(changed.materialization_intervals, [first, second]);
    assert_eq!((changed.state, changed.version_number), (4, 1));
    assert_eq!(changed.meta.created, materialized.meta.created);
}

#[test]
fn a_view_without_history_gets_its_old_form_recorded_first() {
    let mut registry = message(&golden("registry.db"));
    registry.feature_view_version_history = None;
    let old: Bytes = registry.encode_to_vec().into();
    let mut changed = view(&old, "driver_hourly_stats");
    changed.entities = vec!["customer".into()];
    let new = after(&old, &[put_view(changed)]);
    assert_eq!(versions(&new, "driver_hourly_stats"), [0, 1]);
    let first = message(&new).feature_view_version_history.unwrap().records[0].feature_view_proto.clone();
    assert_eq!(first, raw(&old, ObjectKind::FeatureView, "driver_hourly_stats"));
}

#[test]
fn deleting_a_view_forgets_its_history_and_nothing_else() {
    let old = golden("registry.db");
    let delete = |kind, name: &str| Change::Delete { project: PROJECT.into(), kind, name: name.into() };
    let new =
        after(&old, &[delete(ObjectKind::FeatureView, "all_types"), delete(ObjectKind::Entity, "nobody")]);
    assert!(snapshot(&new).find(PROJECT, ObjectKind::FeatureView, "all_types").is_none());
    assert_eq!(versions(&new, "all_types"), [] as [i32; 0]);
    assert_eq!(snapshot(&new).objects(PROJECT).count() + 1, snapshot(&old).objects(PROJECT).count());
    let records = |bytes| message(bytes).feature_view_version_history.unwrap().records.len();
    assert_eq!(records(&new) + 1, records(&old));

    let kept = after(&old, &[delete(ObjectKind::Entity, "__dummy")]);
    assert!(snapshot(&kept).entity(PROJECT, "__dummy").is_ok(), "Feast needs it");
}

#[test]
fn a_new_registry_has_what_feast_needs() {
    let service = FeatureService {
        name: "svc".into(),
        projections: vec![Projection {
            view: "v".into(),
            features: vec![Field::new("x", ValueType::DOUBLE)],
            ..Projection::default()
        }],
        ..FeatureService::default()
    };
    let mut file = RegistryFile::default();
    let changes = [
        put("p", Object::DataSource(file_source("s").into())),
        put(
            "p",
            Object::Entity(
                Entity { name: "driver".into(), value_type: ValueType::INT64, ..Entity::default() }.into(),
            ),
        ),
        put("p", Object::FeatureView(simple_view("v").into())),
        put("p", Object::FeatureService(service.into())),
    ];
    file.apply(&changes, NOW).unwrap();
    let registry = message(&file.to_bytes().into());
    assert_eq!(registry.registry_schema_version, "1");

    let entities: Vec<_> = registry.entities.into_iter().map(|e| e.spec.unwrap()).collect();
    assert_eq!((entities[0].join_key.as_str(), entities[0].project.as_str()), ("driver", "p"));
    assert_eq!(
        (entities[1].name.as_str(), entities[1].join_key.as_str(), entities[1].value_type),
        ("__dummy", "__dummy_id", 0)
    );

    let source = &registry.data_sources[0];
    assert_eq!(source.data_source_class_type, "feast.infra.offline_stores.file_source.FileSource");
    assert_eq!((source.project.as_str(), source.r#type), ("p", 1));

    let spec = registry.feature_views[0].spec.clone().unwrap();
    assert_eq!(
        (spec.entities, spec.version.as_str(), spec.ttl),
        (vec!["__dummy".to_owned()], "latest", None)
    );
    assert_eq!(
        (spec.entity_columns[0].name.as_str(), spec.entity_columns[0].value_type),
        ("__dummy_id", ValueType::STRING.0)
    );
    let copy = spec.batch_source.unwrap();
    assert_eq!(
        (copy.data_source_class_type, copy.project.as_str()),
        (source.data_source_class_type.clone(), "")
    );
    assert_eq!(copy.meta, source.meta, "a copy has the listed source's times");

    let projection = &registry.feature_services[0].spec.as_ref().unwrap().features[0];
    assert_eq!(
        (projection.timestamp_field.as_str(), projection.view_type.as_str()),
        ("created", "featureView")
    );
    let copy = projection.batch_source.as_ref().unwrap();
    assert_eq!((copy.name.as_str(), copy.data_source_class_type.as_str()), ("s", ""));
}

#[test]
fn a_project_that_nobody_declared_is_implicit() {
    let entity = || put("p", Object::Entity(Entity { name: "e".into(), ..Entity::default() }.into()));
    let project = put("p", Object::Project(Project { name: "p".into(), ..Project::default() }.into()));
    let registry = |changes: &[Change]| {
        let mut file = RegistryFile::default();
        file.apply(changes, NOW).unwrap();
        message(&file.to_bytes().into())
    };
    let implicit = registry(&[entity()]);
    assert_eq!(implicit.projects[0].spec.as_ref().unwrap().name, "p");
    assert_eq!(implicit.project_metadata[0].project, "p");
    assert!(uuid::Uuid::parse_str(&implicit.project_metadata[0].project_uuid).is_ok());
    let explicit = registry(&[entity(), project]);
    assert_eq!((explicit.projects.len(), explicit.project_metadata.len()), (1, 0));
}

#[test]
fn several_projects_share_a_file_without_touching_each_other() {
    let old = golden("registry.db");
    let both = after(
        &old,
        &[
            put("other", Object::DataSource(file_source("driver_stats_source").into())),
            put("other", Object::FeatureView(simple_view("driver_hourly_stats").into())),
        ],
    );
    assert_eq!(snapshot(&both).project_names().collect::<Vec<_>>(), [PROJECT, "other"]);
    for stored in snapshot(&old).objects(PROJECT) {
        assert_eq!(stored.raw(), &raw(&both, stored.kind, &stored.name), "{stored:?}");
    }
    assert_eq!(snapshot(&both).feature_view("other", "driver_hourly_stats").unwrap().version_number, 0);

    let gone = after(&both, &[Change::DeleteProject("other".into())]);
    let mut registry = message(&gone);
    let mut before = message(&old);
    for registry in [&mut registry, &mut before] {
        (registry.version_id, registry.last_updated) = (String::new(), None);
    }
    assert_eq!(registry, before);
}

#[test]
fn an_equal_data_source_is_left_alone_and_a_changed_one_keeps_its_birthday() {
    let old = golden("registry.db");
    for name in ["driver_stats_source", "driver_push_source", "trip_request"] {
        let Object::DataSource(source) = object(&old, ObjectKind::DataSource, name) else { panic!() };
        let mut source = Arc::unwrap_or_clone(source);
        source.meta = Meta::default();
        let same = after(&old, &[put(PROJECT, Object::DataSource(source.clone().into()))]);
        assert_eq!(raw(&same, ObjectKind::DataSource, name), raw(&old, ObjectKind::DataSource, name));

        source.description = "changed".into();
        let new = after(&old, &[put(PROJECT, Object::DataSource(source.into()))]);
        let before = object(&old, ObjectKind::DataSource, name).meta();
        assert_eq!(
            object(&new, ObjectKind::DataSource, name).meta(),
            Meta { created: before.created, updated: Some(NOW) }
        );
        let last = message(&new).data_sources.pop().unwrap();
        assert_eq!((last.name.as_str(), last.description.as_str()), (name, "changed"));
    }
}

#[test]
fn csv_files_read_back_as_csv_without_a_visible_tag() {
    let kind = SourceKind::File {
        path: "a.txt".into(),
        format: FileFormat::Csv,
        s3_endpoint_override: String::new(),
    };
    let source = DataSource::new("csv", kind);
    let new = after(&golden("registry.db"), &[put(PROJECT, Object::DataSource(source.clone().into()))]);
    let Object::DataSource(read) = object(&new, ObjectKind::DataSource, "csv") else { panic!() };
    assert_eq!(*read, DataSource { meta: read.meta, ..source });
}

#[test]
fn a_service_follows_the_source_of_its_view() {
    let old = golden("registry.db");
    let mut moved = view(&old, "driver_hourly_stats");
    moved.batch_source.as_mut().unwrap().kind = SourceKind::File {
        path: "elsewhere".into(),
        format: FileFormat::Delta,
        s3_endpoint_override: String::new(),
    };
    let new =
        after(&old, &[put_view(moved), put(PROJECT, object(&old, ObjectKind::FeatureService, "svc_alias"))]);
    let raw = raw(&new, ObjectKind::FeatureService, "svc_alias");
    let service = feast::core::FeatureService::decode(raw).unwrap();
    for projection in service.spec.unwrap().features {
        let source = projection.batch_source.unwrap();
        let Some(feast::core::data_source::Options::FileOptions(options)) = source.options else { panic!() };
        assert_eq!(options.uri, "elsewhere");
    }
}

#[test]
fn objects_that_cannot_be_written_are_refused_by_name() {
    let old = golden("registry.db");
    let error =
        |object: Object| RegistryFile::parse(&old).unwrap().apply(&[put(PROJECT, object)], NOW).unwrap_err();
    let nameless = error(Object::Entity(Arc::default()));
    assert_eq!(nameless.kind(), Kind::Invalid);

    let Object::Permission(permission) = object(&old, ObjectKind::Permission, "read_fvs") else { panic!() };
    let mut permission = Arc::unwrap_or_clone(permission);
    permission.actions = vec!["FLY".into()];
    let text = error(Object::Permission(permission.into())).to_string();
    assert!(text.contains("FLY") && text.contains("read_fvs") && text.contains("READ_ONLINE"), "{text}");

    let kind = SourceKind::Other { source_type: 6, class: "a.B".into(), options: Some((999, vec![])) };
    let text = error(Object::DataSource(DataSource::new("odd", kind).into())).to_string();
    assert!(text.contains("odd") && text.contains("999"), "{text}");
}
