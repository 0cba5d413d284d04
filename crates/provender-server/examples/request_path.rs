//! What the request path costs without a store: a server over canned rows, clients on loopback, and the processor time of the server's threads per request.
//!
//! `request_path [SECONDS] [SHAPE…]` prints one line a shape. Linux only: the times come from /proc.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool")]

use async_trait::async_trait;
use provender_core::config::RepoConfig;
use provender_core::memory::MemoryRegistry;
use provender_core::model::{Entity, FeatureService, FeatureView, Field, Object, Projection};
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, ViewRead, ViewRows,
    WriteSummary,
};
use provender_core::registry::{Change, Version};
use provender_core::{OnlineStore, Registry, Result, Timestamp, ValueType};
use provender_engine::FeatureStore;
use provender_server::{Server, ServerConfig};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Name, feature service, rows.
const SHAPES: [(&str, &str, usize); 6] = [
    ("1x50", "int_50", 1),
    ("10x50", "int_50", 10),
    ("100x50", "int_50", 100),
    ("100x250", "int_250", 100),
    ("mixed_100x50", "mixed_50", 100),
    ("list_1x50", "", 1),
];
/// Connections of one client thread, and client threads.
const CONNECTIONS: usize = 8;
const CLIENTS: usize = 2;

fn main() {
    let mut words = std::env::args().skip(1);
    let seconds: f64 = words.next().map_or(2.0, |word| word.parse().unwrap());
    let wanted: Vec<String> = words.collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let address = runtime.block_on(start());
    println!("{:14} {:>10} {:>12} {:>10}  stages, us", "shape", "requests/s", "cpu us/req", "bytes");
    for (name, service, rows) in SHAPES {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            measure(address, name, &body(service, rows), Duration::from_secs_f64(seconds));
        }
    }
    println!("peak memory {} kB, with the clients", peak_memory());
}

fn body(service: &str, rows: usize) -> String {
    let ids: Vec<String> = (0..rows).map(|row| ((row * 7919) % 10_000).to_string()).collect();
    let features = match service {
        "" => {
            let names: Vec<String> =
                (0..50).map(|i| format!("\"int_view_{}:feature_{i}\"", i / 10)).collect();
            format!("\"features\":[{}]", names.join(","))
        }
        service => format!("\"feature_service\":\"{service}\""),
    };
    format!("{{{features},\"entities\":{{\"entity\":[{}]}}}}", ids.join(","))
}

fn measure(address: SocketAddr, name: &str, body: &str, time: Duration) {
    let request = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (stop, done, bytes) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let (mut used, mut stages, mut elapsed, mut answered) = (0.0, Vec::new(), 0.0, 0.0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            std::thread::Builder::new()
                .name("client".into())
                .spawn_scoped(scope, || client(address, &request, &stop, &done, &bytes))
                .unwrap();
        }
        std::thread::sleep(time / 4);
        let (before, stages_before) = (server_seconds(), stage_seconds(address));
        let (begun, first) = (Instant::now(), done.load(Ordering::Relaxed));
        std::thread::sleep(time);
        answered = (done.load(Ordering::Relaxed) - first) as f64;
        elapsed = begun.elapsed().as_secs_f64();
        used = server_seconds() - before;
        let stages_after = stage_seconds(address);
        stages = stages_after.into_iter().zip(stages_before).map(|((n, a), (_, b))| (n, a - b)).collect();
        stop.store(true, Ordering::Relaxed);
    });
    let stages: Vec<String> =
        stages.iter().map(|(name, seconds)| format!("{name} {:.1}", seconds * 1e6 / answered)).collect();
    println!(
        "{name:14} {:>10.0} {:>12.1} {:>10}  {}",
        answered / elapsed,
        used * 1e6 / answered,
        bytes.load(Ordering::Relaxed),
        stages.join(", ")
    );
}

fn client(address: SocketAddr, request: &str, stop: &AtomicBool, done: &AtomicU64, bytes: &AtomicU64) {
    let mut wires: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut buffer = vec![0; 8 << 20];
    while !stop.load(Ordering::Relaxed) {
        for wire in &mut wires {
            wire.write_all(request.as_bytes()).unwrap();
        }
        for wire in &mut wires {
            let length = answer(wire, &mut buffer);
            bytes.store(length as u64, Ordering::Relaxed);
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads one answer and tells the length of its body.
fn answer(wire: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        let read = wire.read(&mut buffer[filled..]).unwrap();
        assert!(read > 0, "the server hung up");
        filled += read;
        let Some(head) = buffer[..filled.min(1024)].windows(4).position(|w| w == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let length =
            text.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        while filled < head + 4 + length {
            filled += wire.read(&mut buffer[filled..]).unwrap();
        }
        return length;
    }
}

/// Processor time of all threads but the clients and this one.
fn server_seconds() -> f64 {
    let mut nanoseconds = 0.0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = task.unwrap().path();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        if !matches!(name.trim(), "client" | "request_path")
            && let Ok(text) = std::fs::read_to_string(path.join("schedstat"))
        {
            nanoseconds += text.split(' ').next().unwrap().parse::<f64>().unwrap();
        }
    }
    nanoseconds / 1e9
}

/// The sums of the server's stage histograms.
fn stage_seconds(address: SocketAddr) -> Vec<(String, f64)> {
    let mut wire = TcpStream::connect(address).unwrap();
    wire.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    wire.read_to_string(&mut text).unwrap();
    let sums = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("provender_stage_seconds_sum{stage=\"")?.split_once("\"} ")?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    sums.collect()
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap()
        .trim_matches([' ', '\t', 'k', 'B'])
        .to_owned()
}

async fn start() -> SocketAddr {
    let registry = MemoryRegistry::new();
    let changes: Vec<Change> =
        objects().into_iter().map(|object| Change::Put { project: "bench".into(), object }).collect();
    registry.commit(&Version::absent(), &changes).await.unwrap();
    let text =
        "project: bench\nregistry: data/registry.db\nprovider: local\nentity_key_serialization_version: 3\n";
    let config = RepoConfig::parse(text, Path::new("feature_store.yaml"), ".".into(), &|_| None).unwrap();
    let store = FeatureStore::new(config, Arc::new(registry), Vec::new(), Some(Arc::new(Canned::default())));
    let config = ServerConfig { port: 0, access_log: false, ..ServerConfig::default() };
    let server = Server::bind(Arc::new(store), config).await.unwrap();
    let address = server.address();
    tokio::spawn(server.run(std::future::pending()));
    address
}

fn objects() -> Vec<Object> {
    use ValueType as T;
    let entity = Entity {
        name: "entity".into(),
        join_key: "entity".into(),
        value_type: T::INT64,
        ..Default::default()
    };
    let ints: Vec<_> = (0..25)
        .map(|v| {
            let features = (0..10).map(|f| (format!("feature_{}", v * 10 + f), T::INT64)).collect();
            view(&format!("int_view_{v}"), features)
        })
        .collect();
    let some = |name: &str, t: ValueType, count: usize| {
        (0..count).map(move |i| (format!("{name}_{i}"), t)).collect::<Vec<_>>()
    };
    let arrays =
        [some("af32", T::FLOAT_LIST, 4), some("ai64", T::INT64_LIST, 3), some("astr", T::STRING_LIST, 3)];
    let mixed = vec![
        view("mixed_str", some("str", T::STRING, 10)),
        view("mixed_float", [some("f32", T::FLOAT, 5), some("f64", T::DOUBLE, 5)].concat()),
        view("mixed_bool", [some("bool", T::BOOL, 5), some("i32", T::INT32, 5)].concat()),
        view("mixed_array", arrays.concat()),
        view("mixed_time", [some("time", T::UNIX_TIMESTAMP, 5), some("i64", T::INT64, 5)].concat()),
    ];
    let service = |name: &str, views: &[FeatureView]| {
        let projections =
            views.iter().map(|v| Projection { view: v.name.clone(), ..Default::default() }).collect();
        Object::FeatureService(FeatureService { name: name.into(), projections, ..Default::default() }.into())
    };
    let services = [service("int_50", &ints[..5]), service("int_250", &ints), service("mixed_50", &mixed)];
    let views = ints.into_iter().chain(mixed).map(|view| Object::FeatureView(view.into()));
    views.chain(services).chain([Object::Entity(entity.into())]).collect()
}

fn view(name: &str, features: Vec<(String, ValueType)>) -> FeatureView {
    FeatureView {
        name: name.into(),
        entities: vec!["entity".into()],
        entity_columns: vec![Field::new("entity", ValueType::INT64)],
        features: features.into_iter().map(|(name, t)| Field::new(name, t)).collect(),
        ttl: Some(36_500 * 86_400_000_000),
        online: true,
        enabled: true,
        ..Default::default()
    }
}

/// Answers rows that it makes once for each view and number of keys.
#[derive(Debug, Default)]
struct Canned(Mutex<HashMap<(String, usize), ViewRows>>);

#[async_trait]
impl OnlineStore for Canned {
    fn capabilities(&self) -> OnlineCapabilities {
        OnlineCapabilities::default()
    }

    fn describe(&self, table: &OnlineTable) -> String {
        table.view.clone()
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        // as a store on the network, it does not answer at once
        tokio::task::yield_now().await;
        let mut known = self.0.lock().unwrap();
        let rows = |view: &ViewRead| {
            known.entry((view.table.view.clone(), view.keys.len())).or_insert_with(|| canned(view)).clone()
        };
        Ok(OnlineRows { views: request.views.iter().map(rows).collect() })
    }

    async fn write(&self, _: OnlineWrite) -> Result<WriteSummary> {
        Ok(WriteSummary::default())
    }

    async fn reconcile(&self, _: &InfraChanges) -> Result<()> {
        Ok(())
    }
}

fn canned(view: &ViewRead) -> ViewRows {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        random >> 16
    };
    let mut rows = ViewRows::builder(view.keys.len(), view.features.len());
    for _ in 0..view.keys.len() {
        let cells: Vec<Vec<u8>> = view
            .features
            .iter()
            .map(|feature| match next() % 50 {
                0 if view.table.view.starts_with("mixed") => Vec::new(),
                _ => value(view.table.features[*feature].1, &mut next),
            })
            .collect();
        rows.row(Timestamp(1_790_000_000_000_000), cells.iter().map(|cell| Some(cell.as_slice())));
    }
    rows.finish().unwrap()
}

/// The bytes of a `feast.types.Value`, as the data of the project's benchmark have them.
fn value(value_type: ValueType, next: &mut impl FnMut() -> u64) -> Vec<u8> {
    const WORDS: [&str; 8] =
        ["lisbon", "köln", "東京", "premium", "churn-risk", "a\"quoted\"", "C:\\path", "2024-Q3"];
    let field = value_type.0 as u64;
    let mut out = Vec::new();
    let normal = |n: u64| (n % 2_000_003) as f64 / 7_919.0 - 126.0;
    let mut word = || WORDS[(next() % 8) as usize];
    match value_type {
        ValueType::STRING => {
            let text = format!("{} {} {} 7", word(), word(), word());
            bytes(&mut out, field, text.as_bytes());
        }
        ValueType::STRING_LIST => {
            let mut items = Vec::new();
            (0..4).for_each(|_| bytes(&mut items, 1, word().as_bytes()));
            bytes(&mut out, field, &items);
        }
        ValueType::INT64_LIST => {
            let mut numbers = Vec::new();
            (0..8).for_each(|_| varint(&mut numbers, next() % 1_000_000));
            let mut items = Vec::new();
            bytes(&mut items, 1, &numbers);
            bytes(&mut out, field, &items);
        }
        ValueType::FLOAT_LIST => {
            let numbers: Vec<u8> = (0..16).flat_map(|_| (normal(next()) as f32).to_le_bytes()).collect();
            let mut items = Vec::new();
            bytes(&mut items, 1, &numbers);
            bytes(&mut out, field, &items);
        }
        ValueType::DOUBLE => {
            out.push(0x29);
            out.extend_from_slice(&normal(next()).to_le_bytes());
        }
        ValueType::FLOAT => {
            out.push(0x35);
            out.extend_from_slice(&(normal(next()) as f32).to_le_bytes());
        }
        _ => {
            varint(&mut out, field << 3);
            let number = next();
            let number = match value_type {
                ValueType::BOOL => number % 2,
                ValueType::INT32 => (number as u32 as i32) as i64 as u64,
                ValueType::UNIX_TIMESTAMP => 1_790_000_000 + number % 1_000_000_000,
                _ if field == 4 => number % 10_000 + 1,
                _ => number,
            };
            varint(&mut out, number);
        }
    }
    out
}

fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
