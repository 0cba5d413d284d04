//! A registry of hundreds of views.

use super::{NOW, put};
use bytes::Bytes;
use provender_core::model::{DataSource, FeatureView, Field, FileFormat, Object, SourceKind};
use provender_core::registry::Change;
use provender_core::{SECOND, ValueType};
use provender_proto::RegistryFile;
use std::time::Instant;

fn changes(views: usize, owner: &str) -> Vec<Change> {
    let source = |i: usize| DataSource {
        timestamp_field: "event_timestamp".into(),
        owner: owner.into(),
        ..DataSource::new(
            format!("source_{i}"),
            SourceKind::File {
                path: format!("data/{i}.parquet"),
                format: FileFormat::Parquet,
                s3_endpoint_override: String::new(),
            },
        )
    };
    let view = |i: usize| FeatureView {
        name: format!("view_{i}"),
        entities: vec!["driver".into()],
        entity_columns: vec![Field::new("driver_id", ValueType::INT64)],
        features: (0..10).map(|f| Field::new(format!("feature_{f}"), ValueType::DOUBLE)).collect(),
        ttl: Some(86_400 * SECOND),
        batch_source: Some(source(i)),
        online: true,
        enabled: true,
        owner: owner.into(),
        ..FeatureView::default()
    };
    let sources = (0..views).map(|i| put("p", Object::DataSource(source(i).into())));
    sources.chain((0..views).map(|i| put("p", Object::FeatureView(view(i).into())))).collect()
}

/// Prints its times with `--nocapture`; it fails on wrong results only.
#[test]
fn five_hundred_views_are_written_read_and_changed() {
    let mut file = RegistryFile::default();
    let started = Instant::now();
    file.apply(&changes(500, "a"), NOW).unwrap();
    let bytes: Bytes = file.to_bytes().into();
    println!("{} bytes written in {:?}", bytes.len(), started.elapsed());

    let started = Instant::now();
    let mut file = RegistryFile::parse(&bytes).unwrap();
    let snapshot = file.snapshot();
    println!("taken apart in {:?}", started.elapsed());
    assert_eq!(snapshot.feature_views("p").filter(|v| v.as_ref().unwrap().owner == "a").count(), 500);
    println!("and decoded in {:?}", started.elapsed());

    let started = Instant::now();
    file.apply(&changes(500, "b"), NOW).unwrap();
    let bytes: Bytes = file.to_bytes().into();
    println!("all changed and written in {:?}", started.elapsed());
    let snapshot = RegistryFile::parse(&bytes).unwrap().snapshot();
    assert_eq!(snapshot.feature_views("p").filter(|v| v.as_ref().unwrap().owner == "b").count(), 500);
}
