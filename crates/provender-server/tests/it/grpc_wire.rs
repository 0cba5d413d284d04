//! gRPC over connections of its own.

use crate::grpc::{ask, column, push, row};
use crate::lifecycle::{Running, run};
use crate::world::{Mood, World};
use futures::StreamExt;
use provender_proto::feast::types::value::Val;
use provender_proto::feature_server::grpc_feature_server_client::GrpcFeatureServerClient;
use std::time::Duration;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

async fn connect(running: &Running) -> Channel {
    Endpoint::from_shared(format!("http://{}", running.address)).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn calls_of_one_connection_do_not_wait_for_each_other() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    let channel = connect(&running).await;
    let client = || GrpcFeatureServerClient::new(channel.clone());
    client().push(push(row(1001, 7.5))).await.unwrap();
    world.online.switch.set(Mood::Slow);
    let mut first = client();
    let slow = tokio::spawn(async move { first.get_online_features(ask([Val::Int64Val(1001)])).await });
    world.online.switch.called().await;
    let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);
    world.online.switch.gate.add_permits(1);
    let answer = slow.await.unwrap().unwrap().into_inner();
    assert_eq!(column(&answer, "lat"), [Some(Val::DoubleVal(7.5))]);
}

#[tokio::test]
async fn large_requests_and_answers_pass_the_windows_of_http2() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    let mut client = GrpcFeatureServerClient::new(connect(&running).await);
    let drivers = (0..10_000).map(|driver| Val::StringVal(format!("{driver:0>40}")));
    let answer = client.get_online_features(ask(drivers)).await.unwrap().into_inner();
    assert_eq!(answer.results.len(), 3);
    assert_eq!(answer.results[1].values.len(), 10_000);
    assert_eq!(answer.results[0].values[9_999].val, Some(Val::Int64Val(9_999)));
}

#[tokio::test]
async fn end_finishes_calls_in_flight_and_tells_who_watches() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    let channel = connect(&running).await;
    let watched = HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await.unwrap();
    let mut watched = watched.into_inner();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    world.online.switch.set(Mood::Slow);
    let mut client = GrpcFeatureServerClient::new(channel);
    let call = tokio::spawn(async move { client.push(push(row(1001, 1.0))).await });
    world.online.switch.called().await;
    running.stop.send(()).unwrap();
    assert_eq!(watched.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(watched.next().await.is_none_or(|last| last.is_err()), "the stream ends");
    world.online.switch.gate.add_permits(1);
    assert!(call.await.unwrap().unwrap().into_inner().status);
    running.end.await.unwrap();
}

#[tokio::test]
async fn end_cuts_off_calls_that_are_not_done_in_time() {
    let world = World::new().await;
    let running = run(&world, |config| config.limits.drain = Duration::from_millis(1)).await;
    let mut client = GrpcFeatureServerClient::new(connect(&running).await);
    world.online.switch.set(Mood::Slow);
    let call = tokio::spawn(async move { client.get_online_features(ask([Val::Int64Val(1)])).await });
    world.online.switch.called().await;
    running.stop.send(()).unwrap();
    running.end.await.unwrap();
    let code = call.await.unwrap().unwrap_err().code();
    assert!(matches!(code, Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled), "{code:?}");
}
