//! Objects come back as they were put, but for the times that a registry fills.

use super::bed::{Bed, entity, timeless};
use super::samples;
use crate::outcome::{Outcome, Stop, same};
use provender_core::model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, DataSource, Entity, FeatureView, Field, FileFormat, Object, ObjectKind,
    Project, SourceKind, Tags,
};
use provender_core::{Timestamp, ValueType};
use std::sync::Arc;

async fn found(bed: &Bed, object: &Object) -> Result<Object, Stop> {
    let snapshot = bed.snapshot().await?;
    match snapshot.find(bed.project(), object.kind(), object.name()) {
        Some(stored) => Ok(timeless(stored.object()?)),
        None => Err(Stop::broken(format_args!("{} {} is lost", object.kind(), object.name()))),
    }
}

async fn come_back(bed: &Bed, objects: &[Object]) -> Outcome {
    bed.put(objects.iter().cloned()).await?;
    for object in objects {
        let what = format!("{} {}", object.kind(), object.name());
        same(what, &found(bed, object).await?, &timeless(object))?;
    }
    Ok(())
}

pub(super) async fn every_kind_of_object_comes_back_as_it_was(bed: &Bed) -> Outcome {
    let objects = samples::objects(bed.project());
    come_back(bed, &objects).await?;
    // Once more over what is there.
    come_back(bed, &objects).await
}

pub(super) async fn every_kind_of_source_comes_back_as_it_was(bed: &Bed) -> Outcome {
    let sources = samples::sources();
    let objects: Vec<_> = sources.into_iter().map(|source| Object::DataSource(Arc::new(source))).collect();
    come_back(bed, &objects).await?;
    // A source may change its kind under its name.
    let kind = SourceKind::File {
        path: "new.parquet".to_owned(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let changed = ["push", "kafka", "request", "bigquery_query", "file_csv"]
        .map(|name| Object::DataSource(Arc::new(DataSource::new(name, kind.clone()))));
    come_back(bed, &changed).await
}

pub(super) async fn every_type_of_field_comes_back_as_it_was(bed: &Bed) -> Outcome {
    let entities =
        [ValueType::BYTES, ValueType::STRING, ValueType::INT32, ValueType::INT64, ValueType::UNIX_TIMESTAMP];
    let mut objects: Vec<Object> = entities
        .iter()
        .map(|value_type| {
            let name = format!("entity_{}", value_type.0);
            let join_key = "id".to_owned();
            Object::Entity(Arc::new(Entity { name, join_key, value_type: *value_type, ..Entity::default() }))
        })
        .collect();
    objects.push(Object::FeatureView(Arc::new(samples::typed_view())));
    for (name, ttl) in
        [("no_ttl", None), ("zero", Some(0)), ("short", Some(1)), ("long", Some(3_155_760_000_000_000))]
    {
        objects.push(Object::FeatureView(Arc::new(FeatureView { ttl, ..samples::bare_view(name) })));
    }
    let disabled = FeatureView { enabled: false, ..samples::bare_view("disabled") };
    objects.push(Object::FeatureView(Arc::new(disabled)));
    come_back(bed, &objects).await
}

pub(super) async fn views_without_entity_stay_so(bed: &Bed) -> Outcome {
    let explicit = FeatureView {
        entities: vec![DUMMY_ENTITY.to_owned()],
        entity_columns: vec![Field::new(DUMMY_JOIN_KEY, ValueType::STRING)],
        ..samples::bare_view("explicit")
    };
    let implicit = FeatureView { entities: vec![], entity_columns: vec![], ..samples::bare_view("implicit") };
    bed.put([explicit, implicit].map(|view| Object::FeatureView(Arc::new(view)))).await?;
    let snapshot = bed.snapshot().await?;
    for name in ["explicit", "implicit"] {
        let view = snapshot.feature_view(bed.project(), name)?;
        same(
            format_args!("{name} has no entity"),
            &(view.is_entityless(), view.join_keys().count()),
            &(true, 0),
        )?;
    }
    Ok(())
}

pub(super) async fn odd_names_and_long_texts_come_back(bed: &Bed) -> Outcome {
    let long = "long text, ".repeat(10_000);
    let tags: Tags = (0..200).map(|i| (format!("key {i}"), format!("{i}\u{1F980}\"'\\\0\n"))).collect();
    let names =
        ["UPPER", "upper", "with space", "grün", "dash-ed.dotted/slashed", "quote\"d", "'; DROP TABLE x; --"];
    let mut objects: Vec<Object> = names
        .iter()
        .map(|name| {
            let entity = Entity {
                name: (*name).to_owned(),
                join_key: (*name).to_owned(),
                description: long.clone(),
                tags: tags.clone(),
                ..Entity::default()
            };
            Object::Entity(Arc::new(entity))
        })
        .collect();
    let project = Project { name: bed.project().to_owned(), description: long.clone(), ..Project::default() };
    objects.push(Object::Project(Arc::new(project)));
    come_back(bed, &objects).await
}

pub(super) async fn hundreds_of_views_come_back(bed: &Bed) -> Outcome {
    const VIEWS: usize = 500;
    let view = |i: usize, owner: &str| {
        let mut view = FeatureView { owner: owner.to_owned(), ..samples::bare_view(&format!("view_{i:03}")) };
        view.features.extend((0..10).map(|f| Field::new(format!("feature_{f}"), ValueType::DOUBLE)));
        Object::FeatureView(Arc::new(view))
    };
    bed.put((0..VIEWS).map(|i| view(i, "first")).chain([entity("driver", "")])).await?;
    bed.put((0..VIEWS).step_by(2).map(|i| view(i, "second"))).await?;
    let snapshot = bed.snapshot().await?;
    let count = snapshot.list(bed.project(), ObjectKind::FeatureView).count();
    same("views", &count, &VIEWS)?;
    for i in 0..VIEWS {
        let found = snapshot.feature_view(bed.project(), &format!("view_{i:03}"))?;
        let expected = if i % 2 == 0 { "second" } else { "first" };
        same(format_args!("view {i}"), &(found.owner.as_str(), found.features.len()), &(expected, 11))?;
        let filled = found.meta.created.is_some_and(|created| created > Timestamp(0));
        same(format_args!("created time of view {i}"), &filled, &true)?;
    }
    Ok(())
}
