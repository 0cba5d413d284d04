//! gRPC by its generated clients.

use crate::client::{get, post};
use crate::world::{Mood, World, push_of, read_of};
use axum::Router;
use futures::{StreamExt, stream};
use provender_proto::feast::serving::get_online_features_request::Kind;
use provender_proto::feast::serving::serving_service_client::ServingServiceClient;
use provender_proto::feast::serving::{
    FeatureList, GetFeastServingInfoRequest, GetOnlineFeaturesRequest, GetOnlineFeaturesResponse,
};
use provender_proto::feast::types::value::Val;
use provender_proto::feast::types::{RepeatedValue, Value};
use provender_proto::feature_server::grpc_feature_server_client::GrpcFeatureServerClient;
use provender_proto::feature_server::{PushRequest, WriteToOnlineStoreRequest};
use serde_json::json;
use std::time::Duration;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

type Client = GrpcFeatureServerClient<Router>;

fn client(router: &Router) -> Client {
    GrpcFeatureServerClient::new(router.clone()).max_decoding_message_size(usize::MAX)
}

fn value(val: Val) -> Value {
    Value { val: Some(val) }
}

/// A read of `lat` and `rating` of some drivers.
pub(crate) fn ask(drivers: impl IntoIterator<Item = Val>) -> GetOnlineFeaturesRequest {
    let keys = RepeatedValue { val: drivers.into_iter().map(value).collect() };
    GetOnlineFeaturesRequest {
        kind: Some(Kind::Features(FeatureList { val: vec!["stats:lat".into(), "stats:rating".into()] })),
        entities: [("driver_id".to_owned(), keys)].into(),
        ..Default::default()
    }
}

/// The values of a feature.
pub(crate) fn column(answer: &GetOnlineFeaturesResponse, name: &str) -> Vec<Option<Val>> {
    let names = &answer.metadata.as_ref().unwrap().feature_names.as_ref().unwrap().val;
    let index = names.iter().position(|n| n == name).unwrap();
    answer.results[index].values.iter().map(|value| value.val.clone()).collect()
}

/// A row of the source `inlet`.
pub(crate) fn row(driver: i64, lat: f64) -> Vec<(&'static str, Val)> {
    let day = Val::UnixTimestampVal(1_767_571_200);
    vec![
        ("driver_id", Val::Int64Val(driver)),
        ("event_timestamp", day.clone()),
        ("created", day),
        ("lat", Val::DoubleVal(lat)),
        ("rating", Val::Int32Val(3)),
    ]
}

pub(crate) fn push(row: Vec<(&'static str, Val)>) -> PushRequest {
    PushRequest {
        stream_feature_view: "inlet".into(),
        to: "online".into(),
        allow_registry_cache: true,
        typed_features: row.into_iter().map(|(name, val)| (name.to_owned(), value(val))).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn answer_has_the_values_of_http_with_their_types() {
    let world = World::new().await;
    let router = world.router();
    assert_eq!(post(&router, "/push", push_of(1001, "2026-01-05T00:00:00.5Z", 7.5)).await.status, 200);
    let asked = ask([Val::Int64Val(1001), Val::Int64Val(7), Val::Int64Val(1001)]);
    let answer = client(&router).get_online_features(asked.clone()).await.unwrap().into_inner();
    let lat = Some(Val::DoubleVal(7.5));
    assert_eq!(column(&answer, "lat"), [lat.clone(), None, lat]);
    assert_eq!(column(&answer, "rating"), [Some(Val::Int32Val(3)), None, Some(Val::Int32Val(3))]);
    let keys = [1001, 7, 1001].map(|driver| Some(Val::Int64Val(driver)));
    assert_eq!(column(&answer, "driver_id"), keys);
    assert_eq!(answer.results[1].statuses, [1, 3, 1]);
    let times: Vec<(i64, i32)> =
        answer.results[1].event_timestamps.iter().map(|time| (time.seconds, time.nanos)).collect();
    assert_eq!(times, [(1_767_571_200, 500_000_000), (0, 0), (1_767_571_200, 500_000_000)]);
    // both services answer alike
    let other = ServingServiceClient::new(router).get_online_features(asked).await.unwrap().into_inner();
    assert_eq!(other, answer);
}

#[tokio::test]
async fn service_and_full_names_are_understood() {
    let world = World::new().await;
    let request = GetOnlineFeaturesRequest {
        kind: Some(Kind::FeatureService("model".into())),
        full_feature_names: true,
        ..ask([Val::StringVal("1001".into()), Val::Int32Val(7)])
    };
    let answer = client(&world.router()).get_online_features(request).await.unwrap().into_inner();
    assert_eq!(
        answer.metadata.unwrap().feature_names.unwrap().val,
        ["driver_id", "stats__lat", "stats__rating"]
    );
}

#[tokio::test]
async fn mistake_has_a_code_and_names_its_field() {
    let world = World::new().await;
    let router = world.router();
    let status = async |change: &dyn Fn(&mut GetOnlineFeaturesRequest)| {
        let mut request = ask([Val::Int64Val(1)]);
        change(&mut request);
        client(&router).get_online_features(request).await.unwrap_err()
    };
    let list = |name: &str| Some(Kind::Features(FeatureList { val: vec![name.into()] }));
    let unknown = status(&|request| request.kind = list("nope:x")).await;
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(unknown.message().starts_with("Feature view nope does not exist in project shop"), "{unknown}");
    let unknown = status(&|request| request.kind = Some(Kind::FeatureService("nope".into()))).await;
    assert_eq!(unknown.code(), Code::NotFound);
    let missing = status(&|request| request.entities.clear()).await;
    assert_eq!(missing.code(), Code::InvalidArgument);
    assert!(missing.message().contains("driver_id"), "{missing}");
    let list = RepeatedValue { val: vec![value(Val::MapVal(Default::default()))] };
    let odd = status(&|request| drop(request.entities.insert("driver_id".into(), list.clone()))).await;
    assert!(odd.code() == Code::InvalidArgument && odd.message().contains("entities.driver_id[0]"), "{odd}");
    let null = RepeatedValue { val: vec![Value::default()] };
    let null = status(&|request| drop(request.entities.insert("driver_id".into(), null.clone()))).await;
    assert!(null.code() == Code::InvalidArgument && null.message().contains("driver_id"), "{null}");
    let nothing = status(&|request| request.kind = None).await;
    assert_eq!(nothing.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn bytes_that_are_no_request_are_refused() {
    let world = World::new().await;
    let router = world.router();
    for message in [&b"\xff\xff\xff"[..], b"\x0a\x05ab", b"\x1a\x02\x0a\x05", b"\x0a\x02\xff\xfe"] {
        let frame = [&[0, 0, 0, 0, message.len() as u8][..], message].concat();
        for method in ["GetOnlineFeatures", "Push", "WriteToOnlineStore"] {
            let request = axum::http::Request::post(format!("/GrpcFeatureServer/{method}"))
                .header("content-type", "application/grpc");
            let answer = crate::client::send(&router, request.body(frame.clone().into()).unwrap()).await;
            assert_eq!(answer.header("grpc-status"), Some("3"), "{method} {message:x?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn typed_row_is_pushed_and_its_seconds_are_seconds() {
    let world = World::new().await;
    let router = world.router();
    assert!(client(&router).push(push(row(5, 2.5))).await.unwrap().into_inner().status);
    let answer = post(&router, "/get-online-features", read_of(&[5])).await.json();
    assert_eq!(answer["results"][1]["values"], json!([2.5]));
    assert_eq!(answer["results"][1]["event_timestamps"], json!(["2026-01-05T00:00:00Z"]));
}

#[tokio::test]
async fn texts_become_what_the_view_declares() {
    let world = World::new().await;
    let router = world.router();
    let texts = [
        ("driver_id", "6"),
        ("event_timestamp", "2026-01-05T00:00:00Z"),
        ("created", "2026-01-05"),
        ("lat", "1.5"),
        ("rating", "3"),
    ];
    let features = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let request = WriteToOnlineStoreRequest {
        feature_view_name: "stats".into(),
        features: features.clone().into(),
        ..Default::default()
    };
    assert!(client(&router).write_to_online_store(request.clone()).await.unwrap().into_inner().status);
    let answer = client(&router).get_online_features(ask([Val::Int64Val(6)])).await.unwrap().into_inner();
    assert_eq!(column(&answer, "lat"), [Some(Val::DoubleVal(1.5))]);
    assert_eq!(column(&answer, "rating"), [Some(Val::Int32Val(3))]);

    let mut wrong = request.clone();
    wrong.features.insert("rating".into(), "three".into());
    let status = client(&router).write_to_online_store(wrong).await.unwrap_err();
    assert!(
        status.code() == Code::InvalidArgument && status.message().contains("features.rating"),
        "{status}"
    );
    let mut unknown = request;
    unknown.feature_view_name = "nope".into();
    assert_eq!(client(&router).write_to_online_store(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn row_that_does_not_fit_is_refused_whole() {
    let world = World::new().await;
    let router = world.router();
    let refused = async |change: &dyn Fn(&mut PushRequest)| {
        let mut request = push(row(8, 1.0));
        change(&mut request);
        client(&router).push(request).await.unwrap_err()
    };
    let both = refused(&|request| drop(request.features.insert("lat".into(), "1".into()))).await;
    assert_eq!(both.code(), Code::InvalidArgument);
    let text = value(Val::StringVal("far".into()));
    let misfit = refused(&|request| drop(request.typed_features.insert("lat".into(), text.clone()))).await;
    assert!(
        misfit.code() == Code::InvalidArgument && misfit.message().contains("typed_features.lat"),
        "{misfit}"
    );
    let missing = refused(&|request| drop(request.typed_features.remove("rating"))).await;
    assert!(missing.code() == Code::InvalidArgument && missing.message().contains("rating"), "{missing}");
    let to = refused(&|request| request.to = "x".into()).await;
    assert_eq!(to.code(), Code::InvalidArgument);
    let source = refused(&|request| request.stream_feature_view = "nope".into()).await;
    assert!(source.code() == Code::InvalidArgument && source.message().contains("'nope'"), "{source}");
    let answer = client(&router).get_online_features(ask([Val::Int64Val(8)])).await.unwrap().into_inner();
    assert_eq!(column(&answer, "lat"), [None], "nothing was written");
}

#[tokio::test]
async fn unset_value_is_null() {
    let world = World::new().await;
    let router = world.router();
    let mut request = push(row(9, 1.0));
    request.typed_features.insert("lat".into(), Value::default());
    client(&router).push(request).await.unwrap();
    let answer = client(&router).get_online_features(ask([Val::Int64Val(9)])).await.unwrap().into_inner();
    assert_eq!((column(&answer, "lat"), answer.results[1].statuses.clone()), (vec![None], vec![2]));
}

#[tokio::test]
async fn info_tells_the_version() {
    let world = World::new().await;
    let answer = ServingServiceClient::new(world.router())
        .get_feast_serving_info(GetFeastServingInfoRequest {})
        .await
        .unwrap();
    assert!(answer.into_inner().version.contains(env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn failing_stores_have_codes_and_causes_stay_inside() {
    let world = World::new().await;
    let router = world.router();
    let status = async || client(&router).get_online_features(ask([Val::Int64Val(1)])).await.unwrap_err();
    world.online.switch.set(Mood::Down);
    let down = status().await;
    assert_eq!(down.code(), Code::Unavailable);
    assert!(!down.message().contains("secret"), "{down}");
    assert_eq!(down.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
    assert!(!down.details().is_empty());
    world.online.switch.set(Mood::Broken);
    assert_eq!(status().await.code(), Code::Internal);
}

#[tokio::test]
async fn deadline_of_the_client_ends_a_read() {
    let world = World::new().await;
    world.online.switch.set(Mood::Slow);
    let mut request = Request::new(ask([Val::Int64Val(1)]));
    request.set_timeout(Duration::from_millis(5));
    let status = client(&world.router()).get_online_features(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let router = world.router_with(|config| config.limits.answer = Duration::from_millis(5));
    let status = client(&router).get_online_features(ask([Val::Int64Val(1)])).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn push_is_finished_though_its_deadline_has_passed() {
    let world = World::new().await;
    let router = world.router();
    world.online.switch.set(Mood::Slow);
    let mut request = Request::new(push(row(1001, 9.5)));
    request.set_timeout(Duration::from_millis(5));
    let status = client(&router).push(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    world.online.switch.set(Mood::Good);
    world.online.switch.gate.add_permits(1);
    world.online.switch.written.acquire().await.unwrap().forget();
    let answer = client(&router).get_online_features(ask([Val::Int64Val(1001)])).await.unwrap().into_inner();
    assert_eq!(column(&answer, "lat"), [Some(Val::DoubleVal(9.5))]);
}

#[tokio::test]
async fn limits_have_codes() {
    let world = World::new().await;
    let router = world.router_with(|config| {
        config.limits.rows = 2;
        config.limits.body = 200;
    });
    let code = async |rows: i64| match client(&router)
        .get_online_features(ask((0..rows).map(Val::Int64Val)))
        .await
    {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    };
    assert_eq!(code(2).await, Code::Ok);
    assert_eq!(code(3).await, Code::ResourceExhausted);
    assert_eq!(code(300).await, Code::ResourceExhausted);
}

#[tokio::test]
async fn call_over_the_limit_is_turned_away_while_health_is_told() {
    let world = World::new().await;
    let router = world.router_with(|config| config.limits.in_flight = 1);
    world.online.switch.set(Mood::Slow);
    let first = tokio::spawn({
        let mut client = client(&router);
        async move { client.get_online_features(ask([Val::Int64Val(1)])).await }
    });
    world.online.switch.called().await;
    let second = client(&router).get_online_features(ask([Val::Int64Val(1)])).await.unwrap_err();
    assert_eq!((second.code(), second.details().is_empty()), (Code::Unavailable, false));
    let health = HealthClient::new(router).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);
    world.online.switch.gate.add_permits(1);
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test]
async fn health_follows_the_registry() {
    let world = World::new().await;
    world.registry.switch.set(Mood::Down);
    let mut health = HealthClient::new(world.router());
    let check = |service: &str| HealthCheckRequest { service: service.into() };
    assert_eq!(health.check(check("")).await.unwrap().into_inner().status(), ServingStatus::NotServing);
    let mut watched = health.watch(check("GrpcFeatureServer")).await.unwrap().into_inner();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    world.registry.switch.set(Mood::Good);
    assert_eq!(
        health.check(check("feast.serving.ServingService")).await.unwrap().into_inner().status(),
        ServingStatus::Serving
    );
    assert_eq!(watched.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    assert_eq!(health.check(check("nope")).await.unwrap_err().code(), Code::NotFound);
    let mut unknown = health.watch(check("nope")).await.unwrap().into_inner();
    assert_eq!(unknown.next().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn reflection_lists_and_describes_the_services() {
    let world = World::new().await;
    let ask = |request| ServerReflectionRequest { host: String::new(), message_request: Some(request) };
    let symbol = MessageRequest::FileContainingSymbol("GrpcFeatureServer.Push".into());
    let asked = stream::iter([ask(MessageRequest::ListServices(String::new())), ask(symbol)]);
    let mut client = ServerReflectionClient::new(world.router());
    let answers = client.server_reflection_info(asked).await.unwrap().into_inner();
    let answers: Vec<Result<ServerReflectionResponse, Status>> = answers.collect().await;
    let mut answers = answers.into_iter().map(|answer| answer.unwrap().message_response.unwrap());
    let Some(MessageResponse::ListServicesResponse(list)) = answers.next() else { panic!("no list") };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["GrpcFeatureServer", "feast.serving.ServingService", "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(matches!(answers.next(), Some(MessageResponse::FileDescriptorResponse(_))));
}

#[tokio::test]
async fn what_is_not_there_is_unimplemented() {
    let world = World::new().await;
    let request = axum::http::Request::post("/feast.registry.RegistryServer/Nope")
        .header("content-type", "application/grpc");
    let answer = crate::client::send(&world.router(), request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("12")));
}

#[tokio::test]
async fn calls_are_counted_by_method_and_code() {
    let world = World::new().await;
    let router = world.router();
    client(&router).get_online_features(ask([Val::Int64Val(1)])).await.unwrap();
    client(&router).push(PushRequest::default()).await.unwrap_err();
    let text = get(&router, "/metrics").await.text;
    for line in [
        r#"grpc_server_handled_total{grpc_service="GrpcFeatureServer",grpc_method="GetOnlineFeatures",grpc_code="Ok"} 1"#,
        r#"grpc_server_handled_total{grpc_service="GrpcFeatureServer",grpc_method="Push",grpc_code="InvalidArgument"} 1"#,
        r#"grpc_server_handling_seconds_count{grpc_service="GrpcFeatureServer",grpc_method="Push"} 1"#,
        "feast_online_features_request_total 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn request_identifier_comes_back() {
    let world = World::new().await;
    let mut request = Request::new(ask([Val::Int64Val(1)]));
    request.metadata_mut().insert("x-request-id", "mine".parse().unwrap());
    let answer = client(&world.router()).get_online_features(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "mine");
}
