//! Requests that are answered, and those that are wrong.

use crate::client::{Answer, get, post, send};
use crate::world::{Mood, World, push_of, read_of};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

/// Body of the read of one driver's features after whatever was written.
async fn read(router: &Router, driver: i64) -> Value {
    let body = format!(r#"{{"feature_service":"model","entities":{{"driver_id":[{driver}]}}}}"#);
    let answer = post(router, "/get-online-features", body).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json()
}

/// A wrong request is a JSON string that names what is wrong.
fn mistake(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json().as_str().expect("a JSON string").to_owned())
}

#[tokio::test]
async fn pushed_row_is_served() {
    let router = World::new().await.router();
    let answer = post(&router, "/push", push_of(1001, "2026-01-05T10:00:00Z", 7.5)).await;
    assert_eq!((answer.status, answer.text.as_str(), answer.header("content-type")), (200, "", None));
    assert_eq!(
        read(&router, 1001).await,
        json!({"metadata": {"feature_names": ["driver_id", "lat", "rating"]}, "results": [
            {"values": [1001], "statuses": ["PRESENT"], "event_timestamps": ["1970-01-01T00:00:00Z"]},
            {"values": [7.5], "statuses": ["PRESENT"], "event_timestamps": ["2026-01-05T10:00:00Z"]},
            {"values": [3], "statuses": ["PRESENT"], "event_timestamps": ["2026-01-05T10:00:00Z"]},
        ]})
    );
}

#[tokio::test]
async fn row_written_to_a_view_is_served() {
    let router = World::new().await.router();
    let df = r#"{"driver_id":[7],"event_timestamp":[1767571200000000000],"created":[null],"lat":[null],"rating":[1]}"#;
    let body = format!(r#"{{"feature_view_name":"stats","df":{df},"allow_registry_cache":false}}"#);
    let answer = post(&router, "/write-to-online-store", body).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "null"));
    let answer = read(&router, 7).await;
    assert_eq!(answer["results"][1]["statuses"], json!(["NULL_VALUE"]));
    assert_eq!(answer["results"][2]["values"], json!([1]));
    assert_eq!(answer["results"][2]["event_timestamps"], json!(["2026-01-05T00:00:00Z"]));
}

#[tokio::test]
async fn unknown_names_carry_the_class_that_feast_raises() {
    let router = World::new().await.router();
    let cases = [
        (
            "/get-online-features",
            r#"{"features":["nope:f"],"entities":{"driver_id":[1]}}"#,
            404,
            "FeatureViewNotFoundException",
        ),
        (
            "/get-online-features",
            r#"{"feature_service":"nope","entities":{"driver_id":[1]}}"#,
            404,
            "FeatureServiceNotFoundException",
        ),
        (
            "/push",
            r#"{"push_source_name":"nope","df":{"driver_id":[1]}}"#,
            422,
            "PushSourceNotFoundException",
        ),
        (
            "/push",
            r#"{"push_source_name":"nope","df":{"driver_id":[1]},"to":"online_and_offline"}"#,
            422,
            "PushSourceNotFoundException",
        ),
        (
            "/write-to-online-store",
            r#"{"feature_view_name":"nope","df":{"driver_id":[1]}}"#,
            404,
            "FeastObjectNotFoundException",
        ),
        (
            "/materialize",
            r#"{"start_ts":"2026-01-01","end_ts":"2026-01-02","feature_views":["nope"]}"#,
            404,
            "FeatureViewNotFoundException",
        ),
        (
            "/materialize-incremental?async=true",
            r#"{"end_ts":"2026-01-02","feature_views":["nope"]}"#,
            404,
            "FeatureViewNotFoundException",
        ),
    ];
    for (path, body, status, class) in cases {
        let (seen, text) = mistake(&post(&router, path, body).await);
        let detail: Value = serde_json::from_str(&text).expect(&text);
        assert_eq!(
            (seen, &detail["module"], &detail["class"]),
            (status, &json!("feast.errors"), &json!(class)),
            "{path} {body}"
        );
        assert!(detail["message"].as_str().unwrap().contains("nope"), "{text}");
    }
}

#[tokio::test]
async fn mistakes_name_what_is_wrong() {
    let router = World::new().await.router();
    let cases = [
        ("/get-online-features", r#"{"features":["stats:nope"],"entities":{"driver_id":[1]}}"#, "nope"),
        ("/get-online-features", r#"{"features":["lat"],"entities":{"driver_id":[1]}}"#, "feature_view"),
        ("/get-online-features", r#"{"features":["stats:lat"],"entities":{"other":[1]}}"#, "driver_id"),
        (
            "/get-online-features",
            r#"{"features":["stats:lat"],"entities":{"driver_id":[null]}}"#,
            "driver_id",
        ),
        ("/get-online-features", r#"{"features":["stats:lat"],"entities":{"driver_id":["x"]}}"#, "driver_id"),
        (
            "/get-online-features",
            r#"{"features":["stats:lat"],"entities":{"driver_id":[[1]]}}"#,
            "entities.driver_id[0]",
        ),
        (
            "/get-online-features",
            r#"{"features":["stats:lat"],"entities":{"driver_id":[18446744073709551615]}}"#,
            "driver_id",
        ),
        ("/get-online-features", r#"{"entities":{"driver_id":[1]}}"#, "eatures"),
        (
            "/push",
            r#"{"push_source_name":"inlet","df":{"driver_id":[1]},"to":"sideways"}"#,
            "online_and_offline",
        ),
        ("/push", r#"{"push_source_name":"inlet","df":{"driver_id":[1,2],"lat":[1]}}"#, "df.lat"),
        (
            "/push",
            r#"{"push_source_name":"inlet","df":{"driver_id":[1],"event_timestamp":["soon"]}}"#,
            "df.event_timestamp",
        ),
        (
            "/push",
            r#"{"push_source_name":"inlet","df":{"driver_id":[1],"event_timestamp":["2026-01-01"]}}"#,
            "lat",
        ),
        ("/push", r#"{"push_source_name":"inlet","df":{"driver_id":1}}"#, "df.driver_id"),
        ("/write-to-online-store", r#"{"feature_view_name":"stats","df":{}}"#, "driver_id"),
        ("/materialize", "{}", "start_ts"),
        ("/materialize", r#"{"start_ts":"soon","end_ts":"2026-01-02"}"#, "start_ts"),
        ("/materialize", r#"{"start_ts":"2026-01-02","end_ts":"2026-01-01"}"#, "before"),
        (
            "/materialize",
            r#"{"start_ts":"2026-01-01","end_ts":"2026-01-02","feature_views":["hidden"]}"#,
            "hidden",
        ),
        ("/materialize-incremental", r#"{"end_ts":""}"#, "end_ts"),
    ];
    for (path, body, named) in cases {
        let (status, text) = mistake(&post(&router, path, body).await);
        assert_eq!(status, 500, "{path} {body}: {text}");
        assert!(text.contains(named), "{path} {body}: {text}");
    }
}

#[tokio::test]
async fn forms_are_checked_on_every_endpoint() {
    let router = World::new().await.router();
    let missing = |field: &str, input: Value| json!({"detail": [{"type": "missing", "loc": ["body", field], "msg": "Field required", "input": input}]});
    // recorded from Feast: err_no_entities, err_push_no_df, err_materialize_incremental_no_end
    let features = json!({"features": ["driver_hourly_stats:conv_rate"]});
    let push = json!({"push_source_name": "driver_push_source"});
    for (path, body, expected) in [
        ("/get-online-features", features.clone(), missing("entities", features)),
        ("/push", push.clone(), missing("df", push)),
        ("/write-to-online-store", json!({"df": {}}), missing("feature_view_name", json!({"df": {}}))),
        ("/materialize-incremental", json!({}), missing("end_ts", json!({}))),
    ] {
        let answer = post(&router, path, body.to_string()).await;
        assert_eq!((answer.status, answer.json()), (422, expected), "{path}");
    }
    let answer = post(&router, "/materialize?async=perhaps", r#"{"feature_views":1}"#).await;
    let seen: Vec<String> =
        answer.json()["detail"].as_array().unwrap().iter().map(|p| p["loc"].to_string()).collect();
    assert_eq!(
        (answer.status, seen),
        (422, vec![r#"["query","async"]"#.to_owned(), r#"["body","feature_views"]"#.to_owned()])
    );
    let answer = post(&router, "/materialize", r#"{"version":"v2","disable_event_timestamp":true}"#).await;
    assert_eq!(mistake(&answer).0, 501);
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_say_so() {
    let router = World::new().await.router();
    let answer = get(&router, "/get-online-features").await;
    assert_eq!((answer.status, answer.text.as_str()), (405, r#"{"detail":"Method Not Allowed"}"#));
    assert_eq!(answer.header("allow"), Some("POST"));
    for path in ["/", "/chat", "/health/"] {
        let answer = get(&router, path).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, r#"{"detail":"Not Found"}"#), "{path}");
    }
}

#[tokio::test]
async fn write_that_is_not_declared_as_json_is_refused() {
    let router = World::new().await.router();
    let request = |path: &str, kind: Option<&str>, body: String| {
        let mut request = Request::post(path).body(Body::from(body)).unwrap();
        kind.map(|kind| request.headers_mut().insert("content-type", kind.parse().unwrap()));
        request
    };
    for path in ["/push", "/write-to-online-store", "/materialize", "/materialize-incremental"] {
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let answer = send(&router, request(path, kind, push_of(1, "2026-01-01", 1.0))).await;
            assert_eq!(answer.status, 422, "{path} {kind:?}");
            assert!(answer.text.contains("content-type"), "{}", answer.text);
        }
    }
    let kind = Some("Application/JSON; charset=utf-8");
    assert_eq!(send(&router, request("/push", kind, push_of(1, "2026-01-01", 1.0))).await.status, 200);
    // a read changes nothing and is taken as it comes
    assert_eq!(send(&router, request("/get-online-features", None, read_of(&[1]))).await.status, 200);
}

#[tokio::test]
async fn health_is_bad_until_the_registry_was_read_and_good_from_then_on() {
    let world = World::new().await;
    let router = world.router();
    world.registry.switch.set(Mood::Down);
    let answer = get(&router, "/health").await;
    assert_eq!((answer.status, answer.text.as_str()), (503, ""));
    world.registry.switch.set(Mood::Good);
    assert_eq!(get(&router, "/health").await.status, 200);
    world.registry.switch.set(Mood::Down);
    assert_eq!(get(&router, "/health").await.status, 200);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1])).await.status, 200);
}

#[tokio::test]
async fn store_that_is_down_is_503_and_keeps_its_secrets() {
    let world = World::new().await;
    let router = world.router();
    world.online.switch.set(Mood::Down);
    let answer = post(&router, "/get-online-features", read_of(&[1])).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.json(), json!("The store is down"));
}

#[tokio::test]
async fn panic_is_answered_and_the_next_request_too() {
    let world = World::new().await;
    let router = world.router();
    world.online.switch.set(Mood::Broken);
    for (path, body) in [("/get-online-features", read_of(&[1])), ("/push", push_of(1, "2026-01-01", 1.0))] {
        let (status, text) = mistake(&post(&router, path, body).await);
        assert_eq!(
            (status, text.as_str()),
            (500, "Internal error; the server's log has the cause"),
            "{path}"
        );
    }
    world.online.switch.set(Mood::Good);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1])).await.status, 200);
}

#[tokio::test]
async fn request_keeps_its_identifier_or_gets_one() {
    let router = World::new().await.router();
    let ask =
        |id: &'static str| Request::get("/health").header("x-request-id", id).body(Body::empty()).unwrap();
    assert_eq!(send(&router, ask("abc-1")).await.header("x-request-id"), Some("abc-1"));
    let ids: Vec<String> = [
        send(&router, ask("with space")).await,
        send(&router, ask("")).await,
        get(&router, "/nowhere").await,
    ]
    .iter()
    .map(|answer| answer.header("x-request-id").unwrap().to_owned())
    .collect();
    assert!(ids.iter().all(|id| id.len() > 16 && !id.contains(' ')), "{ids:?}");
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

#[tokio::test]
async fn metrics_tell_what_was_served() {
    let router = World::new().await.router();
    post(&router, "/push", push_of(1001, "2026-01-05", 7.5)).await;
    post(&router, "/push", r#"{"push_source_name":"invented","df":{}}"#).await;
    post(&router, "/get-online-features", read_of(&[1001, 5])).await;
    let answer = get(&router, "/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        r#"feast_push_request_total{push_source="inlet",mode="online"} 1"#,
        r#"feast_feature_server_request_total{endpoint="/push",status="error"} 1"#,
        r#"feast_feature_server_request_total{endpoint="/get-online-features",status="success"} 1"#,
        "feast_online_features_request_total 1",
        r#"feast_online_features_entity_count_bucket{le="5"} 1"#,
        r#"feast_online_features_status_total{feature_view="stats",status="present"} 1"#,
        r#"feast_online_features_status_total{feature_view="stats",status="not_found"} 1"#,
        r#"provender_stage_seconds_count{stage="parse"} 1"#,
        r#"provender_stage_seconds_count{stage="store"} 1"#,
        r#"provender_stage_seconds_count{stage="encode"} 1"#,
        "provender_store_reads_in_flight 0",
        r#"provender_store_errors_total{reason="unavailable"} 0"#,
        "feast_feature_server_online_store_read_duration_seconds_count 1",
    ] {
        assert!(answer.text.lines().any(|l| l == line), "{line} is not in\n{}", answer.text);
    }
    assert!(!answer.text.contains("invented"));
}
