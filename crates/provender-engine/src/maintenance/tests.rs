use super::*;
use crate::testing::{PROJECT, World, batch, config, entity, interop, object, times, view};
use crate::testing::{doubles, ints};
use provender_core::model::FeatureView;
use provender_core::{Kind, ValueType};

const HOUR: i64 = 3_600_000_000;

/// Two rows of `stats` (ttl of an hour), one of them just written, and one old row of `forever`, without ttl.
async fn world() -> World {
    let (key, feature) = (("driver_id", ValueType::INT64), ("rate", ValueType::DOUBLE));
    let limited = FeatureView { ttl: Some(HOUR), ..view("stats", &[key], &[feature]) };
    let objects = [object(limited), object(view("forever", &[key], &[feature]))];
    let objects = objects.into_iter().chain([entity("driver_id", ValueType::INT64)]).collect();
    let world = World::new(objects).await;
    let now = Timestamp::now().to_string();
    for (name, ids, at) in [
        ("stats", &[1, 2][..], vec![Some("2020-01-01"), Some(now.as_str())]),
        ("forever", &[1], vec![Some("2020-01-01")]),
    ] {
        let rows = batch(vec![
            ("driver_id", ints(ids)),
            ("event_timestamp", times(&at)),
            ("created", times(&at)),
            ("rate", doubles(&vec![0.5; ids.len()])),
        ]);
        world.store.write_to_online_store(name, rows, RequestContext::local()).await.unwrap();
    }
    world
}

fn purge(dry_run: bool, views: Option<&[&str]>) -> PurgeRequest {
    let views = views.map(|names| names.iter().map(ToString::to_string).collect());
    PurgeRequest { views, dry_run, ..PurgeRequest::default() }
}

#[tokio::test]
async fn expired_rows_of_views_with_a_ttl_go_and_a_dry_run_only_counts() {
    let world = world().await;
    for (dry_run, rows) in [(true, 1), (true, 1), (false, 1), (false, 0)] {
        let report = world.store.purge_online(purge(dry_run, None)).await.unwrap();
        assert_eq!(report.views, [("stats".to_owned(), rows)], "dry run: {dry_run}");
    }
}

#[tokio::test]
async fn views_that_cannot_expire_are_refused_by_name() {
    let world = world().await;
    for (name, kind) in [("forever", Kind::Invalid), ("statz", Kind::NotFound)] {
        let error = world.store.purge_online(purge(true, Some(&[name]))).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn stores_of_one_layout_say_so() {
    let world = interop(config()).await;
    let migrated = world.store.migrate_online_layout("packed", None, RequestContext::local()).await;
    assert_eq!(migrated.unwrap_err().kind(), Kind::Unsupported);
    assert_eq!(world.store.project(), PROJECT);
}
