//! What the server does not take.

use crate::client::{get, post, send};
use crate::world::{Mood, World, push_of, read_of};
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures::StreamExt;
use futures::channel::mpsc;
use std::time::Duration;

/// A body that comes piece by piece.
fn streamed() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (sender, receiver) = mpsc::unbounded();
    (sender, Body::from_stream(receiver.map(Ok::<_, std::convert::Infallible>)))
}

#[tokio::test]
async fn body_over_the_limit_is_413() {
    let router = World::new().await.router_with(|config| config.limits.body = 100);
    let text = r#"{"detail":"the body is larger than 100 bytes"}"#;
    let answer = post(&router, "/push", push_of(1, "2026-01-01", 1.0)).await;
    assert_eq!((answer.status, answer.text.as_str()), (413, text));
    let (sender, body) = streamed();
    for _ in 0..3 {
        sender.unbounded_send(Bytes::from_static(&[b' '; 50])).unwrap();
    }
    // nothing says how long it will be, and it has not ended yet
    assert_eq!(post(&router, "/push", body).await.text, text);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1])).await.status, 200);
}

#[tokio::test]
async fn body_in_pieces_is_read_whole() {
    let router = World::new().await.router();
    let (sender, body) = streamed();
    for piece in push_of(1001, "2026-01-05", 7.5).as_bytes().chunks(7) {
        sender.unbounded_send(Bytes::copy_from_slice(piece)).unwrap();
    }
    drop(sender);
    assert_eq!(post(&router, "/push", body).await.status, 200);
}

#[tokio::test]
async fn rows_over_the_limit_are_413() {
    let router = World::new().await.router_with(|config| config.limits.rows = 2);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1, 2])).await.status, 200);
    let answer = post(&router, "/get-online-features", read_of(&[1, 2, 3])).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.text, r#"{"detail":"more than 2 entity rows; ask in several requests"}"#);
}

#[tokio::test]
async fn request_over_the_limit_is_turned_away_while_the_server_still_says_that_it_lives() {
    let world = World::new().await;
    let router = world.router_with(|config| config.limits.in_flight = 1);
    world.online.switch.set(Mood::Slow);
    let first = tokio::spawn({
        let router = router.clone();
        async move { post(&router, "/get-online-features", read_of(&[1])).await }
    });
    world.online.switch.called().await;
    let second = post(&router, "/get-online-features", read_of(&[1])).await;
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
    assert_eq!(second.text, r#"{"detail":"too many requests at once"}"#);
    assert_eq!(get(&router, "/health").await.status, 200);
    assert!(get(&router, "/metrics").await.text.contains("provender_requests_in_flight 2\n"));
    world.online.switch.gate.add_permits(2);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1])).await.status, 200);
}

#[tokio::test]
async fn bodies_share_a_bounded_room() {
    let world = World::new().await;
    let router = world.router_with(|config| {
        config.limits.body = 64 << 10;
        config.limits.bodies = 64 << 10;
    });
    let (sender, body) = streamed();
    sender.unbounded_send(Bytes::from(vec![b' '; 40 << 10])).unwrap();
    let mut first = Box::pin(post(&router, "/get-online-features", body));
    while futures::poll!(&mut first).is_pending() && !sender.is_empty() {}
    let large = post(&router, "/push", vec![b' '; 40 << 10]).await;
    assert_eq!((large.status, large.header("retry-after")), (503, Some("1")));
    let small = post(&router, "/get-online-features", read_of(&[1])).await;
    assert_eq!(small.status, 200);
    drop(sender);
    assert_eq!(first.await.status, 422);
    assert_eq!(post(&router, "/push", vec![b' '; 40 << 10]).await.status, 422);
}

#[tokio::test]
async fn client_that_does_not_send_its_body_is_408() {
    let router = World::new().await.router_with(|config| config.limits.client = Duration::from_millis(1));
    let (_sender, body) = streamed();
    let answer = post(&router, "/get-online-features", body).await;
    assert_eq!((answer.status, answer.text.as_str()), (408, r#"{"detail":"the body takes too long"}"#));
}

#[tokio::test]
async fn store_that_takes_too_long_is_503() {
    let world = World::new().await;
    let router = world.router_with(|config| config.limits.answer = Duration::from_millis(1));
    world.online.switch.set(Mood::Slow);
    let answer = post(&router, "/get-online-features", read_of(&[1])).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.text, r#""The online store did not answer in time (limit: 1ms)""#);
}

#[tokio::test]
async fn push_is_finished_though_its_client_went_away() {
    let world = World::new().await;
    let router = world.router();
    world.online.switch.set(Mood::Slow);
    let mut push = Box::pin(post(&router, "/push", push_of(1001, "2026-01-05", 7.5)));
    tokio::select! {
        _ = &mut push => panic!("answered before it was written"),
        () = world.online.switch.called() => {}
    }
    drop(push);
    world.online.switch.set(Mood::Good);
    world.online.switch.gate.add_permits(1);
    world.online.switch.written.acquire().await.unwrap().forget();
    let answer = post(&router, "/get-online-features", read_of(&[1001])).await;
    assert_eq!(answer.json()["results"][1]["values"], serde_json::json!([7.5]));
}

#[tokio::test]
async fn hostile_bodies_change_nothing() {
    let router = World::new().await.router();
    let deep = format!(
        r#"{{"features":["stats:lat"],"entities":{{"driver_id":{}1{}}}}}"#,
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    for (body, status) in [
        (deep.into_bytes(), 500),
        (b"{\"entities\":{\"driver_id\":[\"\xff\"]}}".to_vec(), 422),
        (br#"{"features":["stats:lat"],"entities":{"driver_id":[1e400]}}"#.to_vec(), 500),
        (br#"{"features":["stats:lat"],"entities":{"driver_id":[9999999999999999999999]}}"#.to_vec(), 500),
        (br#"{"features":["stats:lat"],"features":["stats:rating"],"entities":{"driver_id":[1],"driver_id":[2]}}"#.to_vec(), 200),
        (br#"{"features":["stats:lat"],"entities":{"driver_id":[]}}"#.to_vec(), 500),
    ] {
        let text = String::from_utf8_lossy(&body[..body.len().min(90)]).into_owned();
        let answer = post(&router, "/get-online-features", body).await;
        assert_eq!(answer.status, status, "{text}: {}", answer.text);
    }
    let request = Request::post("/get-online-features").header("content-length", "99999999999999999999");
    assert_eq!(send(&router, request.body(Body::empty()).unwrap()).await.status, 422);
}

#[tokio::test]
async fn reads_of_the_store_over_the_limit_are_turned_away() {
    let world = World::new().await;
    let router = world.router_with(|config| config.limits.store_reads = 1);
    world.online.switch.set(Mood::Slow);
    let first = tokio::spawn({
        let router = router.clone();
        async move { post(&router, "/get-online-features", read_of(&[1])).await }
    });
    world.online.switch.called().await;
    let second = post(&router, "/get-online-features", read_of(&[1])).await;
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
    assert_eq!(second.text, r#"{"detail":"too many reads of the online store at once"}"#);
    let metrics = get(&router, "/metrics").await.text;
    for line in [
        "provender_store_reads_in_flight 1",
        r#"provender_requests_shed_total{limit="store_reads"} 1"#,
        r#"provender_requests_shed_total{limit="in_flight"} 0"#,
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    }
    // one that finds a place in a moment is answered
    let mut third = Box::pin(post(&router, "/get-online-features", read_of(&[1])));
    assert!(futures::poll!(&mut third).is_pending());
    world.online.switch.set(Mood::Good);
    world.online.switch.gate.add_permits(1);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(third.await.status, 200);
}

#[tokio::test]
async fn client_may_wait_less_long_than_the_server_would() {
    let world = World::new().await;
    let router = world.router();
    world.online.switch.set(Mood::Slow);
    let ask = |milliseconds: &str| {
        let request = Request::post("/get-online-features").header("x-request-timeout-ms", milliseconds);
        request.body(Body::from(read_of(&[1]))).unwrap()
    };
    let answer = send(&router, ask("1")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.text.contains("did not answer in time"), "{}", answer.text);
    assert!(
        get(&router, "/metrics").await.text.contains("provender_store_errors_total{reason=\"timeout\"} 1\n")
    );
    // what is no number is nothing, and the server's own limit cannot be raised
    world.online.switch.set(Mood::Good);
    assert_eq!(send(&router, ask("soon")).await.status, 200);
    let strict = world.router_with(|config| config.limits.answer = Duration::from_millis(1));
    world.online.switch.set(Mood::Slow);
    assert_eq!(send(&strict, ask("60000")).await.status, 503);
}
