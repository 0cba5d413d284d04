//! What requests leave behind for a tracing system.

use crate::client::{get, post};
use crate::grpc::ask;
use crate::world::{Mood, World, push_of, read_of};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use provender_proto::feast::types::value::Val;
use provender_proto::feature_server::grpc_feature_server_client::GrpcFeatureServerClient;
use provender_server::{RequestTrace, TraceSink, TracedCall};
use std::sync::{Arc, Mutex};

/// Keeps what it is told.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<RequestTrace>>);

impl TraceSink for Kept {
    fn record(&self, trace: RequestTrace) {
        self.0.lock().unwrap().push(trace);
    }
}

impl Kept {
    fn only(&self) -> RequestTrace {
        let mut traces = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(traces.len(), 1, "{traces:?}");
        traces.remove(0)
    }
}

fn traced(world: &World) -> (Arc<Kept>, Router) {
    let kept: Arc<Kept> = Arc::default();
    let router = world.router_with(|config| config.traces = Some(Arc::<Kept>::clone(&kept)));
    (kept, router)
}

fn stages(trace: &RequestTrace) -> Vec<&'static str> {
    trace.stages.iter().map(|stage| stage.name).collect()
}

fn http(path: &'static str, status: u16) -> TracedCall {
    TracedCall::Http { method: "POST".into(), path, status }
}

#[tokio::test]
async fn request_leaves_what_was_asked_and_its_stages() {
    let world = World::new().await;
    let (kept, router) = traced(&world);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::post("/get-online-features").header("traceparent", parent);
    crate::client::send(&router, request.body(Body::from(read_of(&[1, 2, 3]))).unwrap()).await;
    let trace = kept.only();
    assert_eq!(trace.call, http("/get-online-features", 200));
    assert_eq!((trace.project.as_str(), trace.traceparent.as_deref()), ("shop", Some(parent)));
    assert_eq!((trace.features, trace.feature_service.as_deref(), trace.rows), (Some(1), None, Some(3)));
    assert_eq!(stages(&trace), ["parse", "store", "encode"]);
    assert!(trace.stages.iter().all(|stage| trace.started <= stage.started && stage.ended <= trace.ended));
}

#[tokio::test]
async fn calls_of_grpc_and_writes_leave_traces_too() {
    let world = World::new().await;
    let (kept, router) = traced(&world);
    GrpcFeatureServerClient::new(router.clone()).get_online_features(ask([Val::Int64Val(1)])).await.unwrap();
    let trace = kept.only();
    let call = TracedCall::Grpc { service: "GrpcFeatureServer", method: "GetOnlineFeatures", code: 0 };
    assert_eq!((&trace.call, trace.features), (&call, Some(2)));
    assert_eq!(stages(&trace), ["parse", "store", "encode"]);
    assert_eq!(post(&router, "/push", push_of(1, "2026-01-05", 1.0)).await.status, 200);
    let trace = kept.only();
    assert_eq!((&trace.call, stages(&trace).len()), (&http("/push", 200), 0));
}

#[tokio::test]
async fn failed_read_tells_how_long_the_store_took_and_health_leaves_nothing() {
    let world = World::new().await;
    let (kept, router) = traced(&world);
    world.online.switch.set(Mood::Down);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1])).await.status, 503);
    let trace = kept.only();
    assert_eq!((&trace.call, stages(&trace)), (&http("/get-online-features", 503), vec!["parse", "store"]));
    world.online.switch.set(Mood::Broken);
    assert_eq!(post(&router, "/get-online-features", read_of(&[1])).await.status, 500);
    assert_eq!(kept.only().call, http("/get-online-features", 500));
    assert_eq!(get(&router, "/health").await.status, 200);
    assert!(kept.0.lock().unwrap().is_empty());
}
