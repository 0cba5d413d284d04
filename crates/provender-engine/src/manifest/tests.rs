use super::*;
use crate::testing::*;
use crate::{Features, HistoricalQuery, Spines};
use futures::StreamExt;
use futures::executor::block_on;
use provender_core::offline::Spine;
use provender_core::{Kind, RequestContext, ValueType};
use serde_json::json;
use std::sync::Arc;

/// A small training set over stores in memory, and its manifest.
async fn manifest() -> Manifest {
    let key = ("driver_id", ValueType::INT64);
    let view = view("fv", &[key], &[("f", ValueType::DOUBLE)]);
    let world = World::new(vec![object(view)]).await;
    let history = batch(vec![
        ("driver_id", ints(&[1, 2])),
        ("event_timestamp", times(&["2026-01-01 08:00", "2026-01-01 09:00"])),
        ("created", times(&["2026-01-01 08:00", "2026-01-03"])),
        ("f", doubles(&[1.0, 2.0])),
    ]);
    world.offline.insert("fv", &[history]).unwrap();
    let rows = batch(vec![
        ("driver_id", ints(&[2, 1, 3])),
        ("event_timestamp", times(&["2026-01-02", "2026-01-01 12:00", "2026-01-01 12:00"])),
    ]);
    let query = HistoricalQuery {
        spine: Spines::Frame(Arc::new(Spine::new(rows.schema(), vec![rows], "event_timestamp"))),
        features: Features::List(vec!["fv:f".into()]),
        full_feature_names: true,
        known_at: None,
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    };
    let (job, mut recorder) = world.store.pinned(query).await.unwrap().job().await.unwrap();
    let set = job.run().await.unwrap();
    let mut batches = set.batches;
    while let Some(batch) = batches.next().await {
        recorder.add(&batch.unwrap()).unwrap();
    }
    recorder.finish(EntityOrigin::Given, &set.report, &set.audit, None)
}

#[test]
fn a_manifest_says_what_was_asked_read_and_found() {
    let manifest = block_on(manifest());
    assert_eq!((manifest.request.features.len(), manifest.request.full_feature_names), (1, true));
    let plan = &manifest.plan.views[0];
    assert_eq!(
        (plan.name.as_str(), plan.keys[0].name.as_str(), plan.known_at.as_str()),
        ("fv", "driver_id", "none")
    );
    assert_eq!(plan.features, [("fv__f".to_owned(), "f".to_owned())]);
    let rows = &manifest.entity_rows;
    assert_eq!(
        (rows.first.as_deref(), rows.last.as_deref()),
        (Some("2026-01-01T12:00:00Z"), Some("2026-01-02T00:00:00Z"))
    );
    let content = &manifest.result.content;
    assert_eq!((content.rows, rows.columns, content.columns.len()), (3, 2, 3));
    assert_eq!(rows.hash, content.of_columns(0..2).hash);
    let view = &manifest.report.views[0];
    assert_eq!((view.matched, view.unmatched, view.leaked), (2, 1, Some(1)));
    assert_eq!(manifest.sources[0].state, StateRecord::Unknown);
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    let manifest = block_on(manifest());
    let read = Manifest::parse(manifest.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(Manifest { checksum: String::new(), ..read }, manifest);
}

#[test]
fn a_manifest_that_is_not_whole_or_too_new_is_refused() {
    let text = block_on(manifest()).to_json().unwrap();
    let error = |text: &str| Manifest::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error(&text[..text.len() / 2]).kind(), Kind::Invalid);
    assert_eq!(error("{\"format\": \"a cake\"}").get("expected"), Some(FORMAT));
    let changed = text.replace("\"full_feature_names\": true", "\"full_feature_names\": false");
    assert_ne!(changed, text);
    assert_eq!((error(&changed).kind(), error(&changed).get("field")), (Kind::Invalid, Some("checksum")));
    let newer = json!({ "format": FORMAT, "schema": 2, "engine": "9.9.9" }).to_string();
    assert_eq!((error(&newer).kind(), error(&newer).get("engine")), (Kind::Unsupported, Some("9.9.9")));
    let mut lacking: Value = serde_json::from_str(&text).unwrap();
    lacking.as_object_mut().unwrap().remove("plan");
    let sum = checksum(&lacking);
    lacking["checksum"] = sum.into();
    assert_eq!(error(&lacking.to_string()).message(), "the manifest is damaged");
}
