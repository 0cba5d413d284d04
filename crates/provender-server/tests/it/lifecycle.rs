//! Sockets: listening, the end of the server, slow clients, the registry in the background.

use crate::world::{Mood, World, push_of, read_of};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use provender_core::Kind;
use provender_core::model::{FeatureService, Object};
use provender_core::registry::Change;
use provender_core::{Registry, Result};
use provender_server::{Server, ServerConfig, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server that runs, and how to stop it.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) end: JoinHandle<()>,
}

pub(crate) async fn run(world: &World, change: impl FnOnce(&mut ServerConfig)) -> Running {
    let mut config = ServerConfig { port: 0, ..ServerConfig::default() };
    change(&mut config);
    let server = Server::bind(Arc::clone(&world.store), config).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel();
    let end = tokio::spawn(server.run(async {
        stopped.await.ok();
    }));
    Running { address, stop, end }
}

/// One connection to a server.
struct Wire(TcpStream);

impl Wire {
    async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, path: &str, body: &str) {
        let length = body.len();
        self.send(&format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"))
            .await;
    }

    /// Status and body of one answer; `None` if the connection ends without one.
    async fn answer(&mut self) -> Option<(u16, String)> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        Some((head[9..12].parse().unwrap(), String::from_utf8(body).unwrap()))
    }
}

async fn failure(world: &World, host: &str, port: u16) -> provender_core::Error {
    let config = ServerConfig { host: host.into(), port, ..ServerConfig::default() };
    let served: Result<()> = serve(Arc::clone(&world.store), config, async {}).await;
    served.unwrap_err()
}

#[tokio::test]
async fn place_that_cannot_be_listened_on_is_explained() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    let error = failure(&world, "127.0.0.1", running.address.port()).await;
    assert_eq!(
        (error.kind(), error.get("address")),
        (Kind::Conflict, Some(running.address.to_string().as_str()))
    );
    assert!(error.get("hint").unwrap().contains("another port"));
    let error = failure(&world, "no such host", 0).await;
    assert_eq!((error.kind(), error.get("host")), (Kind::Invalid, Some("no such host")));
    let error = failure(&world, "192.0.2.1", 0).await;
    assert_eq!((error.kind(), error.get("address")), (Kind::Invalid, Some("192.0.2.1:0")));
}

#[tokio::test]
async fn connection_serves_request_after_request() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    let mut wire = Wire::open(running.address).await;
    for _ in 0..3 {
        wire.ask("/get-online-features", &read_of(&[1001])).await;
        assert_eq!(wire.answer().await.unwrap().0, 200);
    }
}

/// A connection that speaks HTTP/2 from its first byte.
async fn http2(address: SocketAddr) -> http2::SendRequest<Full<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Sends a request over HTTP/2 and answers its status and body.
async fn ask2(
    sender: &mut http2::SendRequest<Full<Bytes>>,
    method: &str,
    path: &str,
    body: String,
) -> (u16, String) {
    let uri = format!("http://x{path}");
    let request = hyper::Request::builder().method(method).uri(uri).body(Full::from(body)).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn both_versions_of_http_share_the_port() {
    let world = World::new().await;
    let running = run(&world, |config| config.workers = 2).await;
    let mut old = Wire::open(running.address).await;
    let mut new = http2(running.address).await;
    old.ask("/get-online-features", &read_of(&[1001])).await;
    let expected = old.answer().await.unwrap();
    assert_eq!(expected.0, 200);
    for _ in 0..2 {
        assert_eq!(ask2(&mut new, "POST", "/get-online-features", read_of(&[1001])).await, expected);
        // answered by the routes, on the runtime that started the server
        assert_eq!(ask2(&mut new, "GET", "/health", String::new()).await.0, 200);
    }
    // requests of one connection do not wait for each other
    world.online.switch.set(Mood::Slow);
    let mut other = new.clone();
    let slow =
        tokio::spawn(async move { ask2(&mut other, "POST", "/get-online-features", read_of(&[1])).await });
    world.online.switch.called().await;
    assert_eq!(ask2(&mut new, "GET", "/metrics", String::new()).await.0, 200);
    running.stop.send(()).unwrap();
    world.online.switch.gate.add_permits(1);
    assert_eq!(slow.await.unwrap().0, 200, "the end waits for streams in flight");
    running.end.await.unwrap();
}

#[tokio::test]
async fn client_that_takes_in_nothing_of_an_answer_is_let_go() {
    let world = World::new().await;
    let running = run(&world, |config| config.limits.client = Duration::from_millis(20)).await;
    let stream = TokioIo::new(TcpStream::connect(running.address).await.unwrap());
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) =
        builder.initial_stream_window_size(10).handshake::<_, Full<Bytes>>(stream).await.unwrap();
    let end = tokio::spawn(connection);
    let request = hyper::Request::post("http://x/get-online-features");
    let response = sender.send_request(request.body(read_of(&[1001]).into()).unwrap()).await.unwrap();
    // whatever the answer is, it has more than the ten bytes that the client takes; the connection lives and answers pings
    end.await.unwrap().ok();
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn worker_survives_a_panic() {
    let world = World::new().await;
    let running = run(&world, |config| config.workers = 1).await;
    let mut wire = Wire::open(running.address).await;
    for (mood, status) in [(Mood::Broken, 500), (Mood::Good, 200)] {
        world.online.switch.set(mood);
        wire.ask("/get-online-features", &read_of(&[1])).await;
        assert_eq!(wire.answer().await.unwrap().0, status);
    }
}

#[tokio::test]
async fn request_elsewhere_ends_with_its_client() {
    let world = World::new().await;
    let running = run(&world, |config| config.workers = 1).await;
    world.online.switch.set(Mood::Slow);
    let mut wire = Wire::open(running.address).await;
    let body = push_of(1001, "2026-01-05", 7.5);
    let length = body.len();
    wire.send(&format!(
        "POST /push HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    world.online.switch.called().await;
    drop(wire);
    // the write itself goes on, and the end of the server waits for it
    running.stop.send(()).unwrap();
    world.online.switch.gate.add_permits(1);
    running.end.await.unwrap();
    assert_eq!(world.online.switch.written.available_permits(), 1);
}

#[tokio::test]
async fn end_finishes_requests_in_flight_and_takes_no_more() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    let mut idle = Wire::open(running.address).await;
    idle.ask("/get-online-features", &read_of(&[1])).await;
    assert_eq!(idle.answer().await.unwrap().0, 200);
    world.online.switch.set(Mood::Slow);
    let mut busy = Wire::open(running.address).await;
    busy.ask("/get-online-features", &read_of(&[1])).await;
    world.online.switch.called().await;
    running.stop.send(()).unwrap();
    assert_eq!(idle.answer().await, None, "an idle connection is closed");
    assert!(TcpStream::connect(running.address).await.is_err());
    world.online.switch.gate.add_permits(1);
    assert_eq!(busy.answer().await.unwrap().0, 200);
    running.end.await.unwrap();
}

#[tokio::test]
async fn end_cuts_off_what_is_not_done_in_time() {
    let world = World::new().await;
    let running = run(&world, |config| config.limits.drain = Duration::from_millis(1)).await;
    world.online.switch.set(Mood::Slow);
    let mut busy = Wire::open(running.address).await;
    busy.ask("/get-online-features", &read_of(&[1])).await;
    world.online.switch.called().await;
    running.stop.send(()).unwrap();
    running.end.await.unwrap();
    assert_eq!(busy.answer().await, None);
}

#[tokio::test]
async fn end_stops_materialization_in_the_background_at_a_safe_point() {
    let world = World::new().await;
    let running = run(&world, |_| {}).await;
    world.offline.switch.set(Mood::Slow);
    let mut wire = Wire::open(running.address).await;
    let body = r#"{"disable_event_timestamp":true}"#;
    let length = body.len();
    wire.send(&format!(
        "POST /materialize?async=true HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    assert_eq!(wire.answer().await.unwrap().0, 202);
    world.offline.switch.called().await;
    running.stop.send(()).unwrap();
    assert_eq!(wire.answer().await, None);
    world.offline.switch.gate.add_permits(1);
    running.end.await.unwrap();
    assert_eq!(world.online.switch.written.available_permits(), 0, "nothing was written after the end began");
}

#[tokio::test]
async fn client_that_does_not_finish_its_headers_is_let_go() {
    let world = World::new().await;
    let running = run(&world, |config| config.limits.client = Duration::from_millis(20)).await;
    let mut slow = Wire::open(running.address).await;
    slow.send("POST /get-online-features HTTP/1.1\r\nhost:").await;
    assert_eq!(slow.answer().await, None);
    let mut silent = Wire::open(running.address).await;
    assert_eq!(silent.answer().await, None);
}

#[tokio::test]
async fn registry_is_read_again_in_the_background() {
    let world = World::new().await;
    let running = run(&world, |config| config.registry_ttl = Duration::from_millis(1)).await;
    let mut wire = Wire::open(running.address).await;
    let body = r#"{"feature_service":"later","entities":{"driver_id":[1]}}"#;
    wire.ask("/get-online-features", body).await;
    assert_eq!(wire.answer().await.unwrap().0, 404);

    let (version, snapshot) = world.store.snapshot().await.unwrap();
    let model = snapshot.feature_service("shop", "model").unwrap();
    let later = FeatureService { name: "later".into(), ..FeatureService::clone(model) };
    let change = Change::Put { project: "shop".into(), object: Object::FeatureService(later.into()) };
    world.registry.commit(&version, &[change]).await.unwrap();
    loop {
        wire.ask("/get-online-features", body).await;
        if wire.answer().await.unwrap().0 == 200 {
            break;
        }
    }
    // while the registry is being read, and when it cannot be, requests are answered from what is known
    for mood in [Mood::Slow, Mood::Down] {
        world.registry.switch.set(mood);
        if mood == Mood::Slow {
            world.registry.switch.called().await;
        }
        wire.ask("/get-online-features", body).await;
        assert_eq!(wire.answer().await.unwrap().0, 200, "{mood:?}");
    }
}
