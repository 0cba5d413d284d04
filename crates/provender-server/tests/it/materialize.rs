//! Materialization over HTTP.

use crate::client::{get, post};
use crate::world::{Mood, World, read_of};
use serde_json::json;

const WINDOW: &str =
    r#"{"start_ts":"2025-12-01T00:00:00","end_ts":"2026-02-01T00:00:00","feature_views":["stats"]}"#;

#[tokio::test]
async fn window_is_materialized_and_served() {
    let router = World::new().await.router();
    let answer = post(&router, "/materialize", WINDOW).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "null"));
    let read = post(&router, "/get-online-features", read_of(&[1001, 1002])).await;
    assert_eq!(read.json()["results"][1]["values"], json!([1.5, -2.5]));
    let metrics = get(&router, "/metrics").await.text;
    assert!(
        metrics.contains("feast_materialization_result_total{feature_view=\"stats\",status=\"success\"} 1\n")
    );
    assert!(metrics.contains("feast_materialization_duration_seconds_count{feature_view=\"stats\"} 1\n"));
}

#[tokio::test]
async fn all_views_that_are_online_are_meant_when_none_is_named() {
    let router = World::new().await.router();
    for (path, body) in [
        ("/materialize", r#"{"disable_event_timestamp":true}"#),
        ("/materialize-incremental", r#"{"end_ts":"2026-02-01","feature_views":null}"#),
    ] {
        let answer = post(&router, path, body).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "null"), "{path}");
    }
    let answer = post(&router, "/materialize?async=1", r#"{"disable_event_timestamp":true}"#).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (202, r#"{"status":"accepted","feature_views":["stats"]}"#)
    );
}

#[tokio::test]
async fn view_is_not_materialized_twice_at_once_unless_forced() {
    let world = World::new().await;
    let router = world.router();
    world.offline.switch.set(Mood::Slow);
    let first = post(&router, "/materialize?async=true", WINDOW).await;
    assert_eq!(
        (first.status, first.text.as_str()),
        (202, r#"{"status":"accepted","feature_views":["stats"]}"#)
    );
    world.offline.switch.called().await;
    let second = post(&router, "/materialize-incremental?async=true", r#"{"end_ts":"2026-02-01"}"#).await;
    assert_eq!(second.status, 409);
    assert_eq!(second.json()["feature_views"], json!(["stats"]));
    assert!(second.json()["error"].as_str().unwrap().contains("force=true"));
    assert_eq!(post(&router, "/materialize?async=true&force=true", WINDOW).await.status, 202);
    world.offline.switch.called().await;
    // both go on to the end, and then the view is free again
    world.offline.switch.gate.add_permits(2);
    world.online.switch.written.acquire_many(2).await.unwrap().forget();
    while post(&router, "/materialize?async=true", WINDOW).await.status == 409 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn failure_of_a_view_is_told_and_counted() {
    let world = World::new().await;
    let router = world.router();
    world.offline.switch.set(Mood::Down);
    let answer = post(&router, "/materialize", WINDOW).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.text.contains("stats"), "{}", answer.text);
    assert!(!answer.text.contains("secret"));
    let metrics = get(&router, "/metrics").await.text;
    assert!(
        metrics.contains("feast_materialization_result_total{feature_view=\"stats\",status=\"failure\"} 1\n")
    );
}
