//! Measures the store against SQLite itself: the same bytes written by a hand-written loop of one prepared statement, with the same settings of SQLite.
//!
//! ```text
//! cargo run --release -p provender-sqlite --example sqlite_bench -- [KEYS] [FEATURES] [ROWS_A_WRITE] [ROUNDS]
//! ```
//! The default is 100,000 keys of 10 doubles 10,000 rows a write, 3 rounds. Each round uses new files; the figures are the best of the rounds.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for its authors")]

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use futures::executor::block_on;
use provender_core::online::{InfraChanges, OnlineRead, OnlineTable, OnlineWrite, ViewRead};
use provender_core::{EntityKeys, OnlineStore, OpenContext, Provider as _, RequestContext, ValueType};
use provender_sqlite::{Sqlite, SqliteConfig};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Epoch seconds of the first write; a second write comes an hour later.
const EVENT: i64 = 1_795_177_815;

struct Size {
    keys: u64,
    features: usize,
    batch: usize,
    rounds: usize,
}

fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let argument = |i: usize, default| arguments.get(i).copied().unwrap_or(default);
    let size = Size {
        keys: argument(0, 100_000),
        features: argument(1, 10) as usize,
        batch: argument(2, 10_000) as usize,
        rounds: argument(3, 3) as usize,
    };
    let Size { keys, features, batch, rounds } = size;
    println!("{keys} keys x {features} doubles, {batch} rows a write, best of {rounds}");
    compare("random order", &size, &shuffled(keys));
    compare("order of keys", &size, &(0..keys).map(u64::swap_bytes).collect::<Vec<_>>());
    println!("memory at most {}", peak());
}

/// Writes the keys twice by hand and twice through the store, then reads some.
fn compare(name: &str, size: &Size, order: &[u64]) {
    let mut best = [Duration::MAX; 4];
    let mut reads = Vec::new();
    for _ in 0..size.rounds {
        let folder = tempfile::tempdir().unwrap();
        let direct = direct(&folder.path().join("direct.db"), size, order);
        let store =
            block_on(Sqlite::open(SqliteConfig::default(), &OpenContext::new("bench", folder.path())));
        let store = store.unwrap();
        let view = view(size.features);
        let keep = vec![Arc::clone(&view)];
        block_on(store.reconcile(&InfraChanges { keep, ..InfraChanges::default() })).unwrap();
        let through = [0, 3600].map(|later| write(&*store, &view, size, order, EVENT + later));
        for (best, now) in best.iter_mut().zip(direct.into_iter().chain(through)) {
            *best = now.min(*best);
        }
        reads = read(&*store, &view, order);
    }
    let [direct, direct_again, store, store_again] = best.map(|d| d.as_secs_f64());
    let line = |what, hand: f64, store: f64| {
        println!("  {what}: by hand {hand:.2} s, store {store:.2} s, ratio {:.2}", store / hand);
    };
    println!("{name}");
    line("first write", direct, store);
    line("write again", direct_again, store_again);
    for (keys, time) in reads {
        println!("  read {keys} keys x {} features: {:.0} us", size.features, time.as_secs_f64() * 1e6);
    }
}

/// The hand-written loop: first and second write.
fn direct(path: &Path, size: &Size, order: &[u64]) -> [Duration; 2] {
    let mut connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;
             PRAGMA journal_size_limit = 67108864;
             CREATE TABLE t (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, vector_value BLOB,
             event_ts timestamp, created_ts timestamp, PRIMARY KEY (entity_key, feature_name));
             CREATE INDEX t_ek ON t (entity_key);",
        )
        .unwrap();
    let names: Vec<_> = (0..size.features).map(name).collect();
    [EVENT, EVENT + 3600].map(|event| {
        let rows: Vec<_> = order.iter().map(|&k| (key(k), cells(k, size.features, event))).collect();
        let start = Instant::now();
        for batch in rows.chunks(size.batch) {
            let transaction = connection.transaction().unwrap();
            let mut upsert = transaction
                .prepare_cached(
                    "INSERT INTO t VALUES (?1, ?2, ?3, ?4, NULL, ?5, NULL) ON CONFLICT (entity_key, feature_name)
                     DO UPDATE SET value = excluded.value, value_text = excluded.value_text,
                     event_ts = excluded.event_ts, created_ts = excluded.created_ts",
                )
                .unwrap();
            for (key, cells) in batch {
                for ((value, text), name) in cells.iter().zip(&names) {
                    upsert.execute(params![key, name, value, text, event]).unwrap();
                }
            }
            drop(upsert);
            transaction.commit().unwrap();
        }
        start.elapsed()
    })
}

/// The same rows through the store.
fn write(
    store: &dyn OnlineStore,
    view: &Arc<OnlineTable>,
    size: &Size,
    order: &[u64],
    event: i64,
) -> Duration {
    let batches: Vec<_> = order.chunks(size.batch).map(|keys| batch(view, keys, event)).collect();
    let start = Instant::now();
    for rows in batches {
        let context = RequestContext::local();
        let summary = block_on(store.write(OnlineWrite { table: Arc::clone(view), rows, context })).unwrap();
        assert_eq!(summary.stale, 0);
    }
    start.elapsed()
}

fn batch(view: &OnlineTable, keys: &[u64], event: i64) -> RecordBatch {
    let times = TimestampMicrosecondArray::from(vec![event * 1_000_000; keys.len()]).with_timezone("UTC");
    let created = TimestampMicrosecondArray::from(vec![None; keys.len()]).with_timezone("UTC");
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("entity_key".to_owned(), Arc::new(BinaryArray::from_iter_values(keys.iter().map(|&k| key(k))))),
        ("event_timestamp".to_owned(), Arc::new(times)),
        ("created_timestamp".to_owned(), Arc::new(created)),
    ];
    let rows: Vec<_> = keys.iter().map(|&k| cells(k, view.features.len(), event)).collect();
    for (f, (name, _)) in view.features.iter().enumerate() {
        columns.push((name.clone(), Arc::new(BinaryArray::from_iter_values(rows.iter().map(|r| &r[f].0)))));
    }
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Mean time of a read of 1, 10 and 100 random keys.
fn read(store: &dyn OnlineStore, view: &Arc<OnlineTable>, order: &[u64]) -> Vec<(usize, Duration)> {
    let features: Arc<[usize]> = (0..view.features.len()).collect();
    let mean = |keys: usize| {
        let requests: Vec<_> = (0..2000 / keys.max(4))
            .map(|i| {
                let mut encoded = EntityKeys::default();
                (0..keys).for_each(|k| {
                    encoded.push(&key(order[mixed((i * 1000 + k) as u64) as usize % order.len()]))
                });
                let view = ViewRead {
                    table: Arc::clone(view),
                    features: Arc::clone(&features),
                    keys: Arc::new(encoded),
                };
                OnlineRead { views: vec![view], context: RequestContext::local() }
            })
            .collect();
        let start = Instant::now();
        for request in &requests {
            let rows = block_on(store.read(request)).unwrap();
            assert!(rows.views[0].cell(0, 0).is_some());
        }
        (keys, start.elapsed() / requests.len() as u32)
    };
    [1, 10, 100].map(mean).to_vec()
}

fn view(features: usize) -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "bench".to_owned(),
        view: "driver_stats".to_owned(),
        join_keys: vec!["driver_id".to_owned()],
        features: (0..features).map(|f| (name(f), ValueType::DOUBLE)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

fn name(feature: usize) -> String {
    format!("feature_{feature:02}")
}

/// The entity key of `driver_id`, an INT64.
fn key(id: u64) -> Vec<u8> {
    [&b"\x01\0\0\0\x02\0\0\0\x09\0\0\0driver_id\x04\0\0\0\x08\0\0\0"[..], &id.to_le_bytes()].concat()
}

/// Value bytes and text of each feature.
fn cells(key: u64, features: usize, event: i64) -> Vec<(Vec<u8>, String)> {
    let value = |f| mixed(key ^ ((f as u64) << 40) ^ event as u64) as f64 / u64::MAX as f64;
    let cell = |value: f64| ([&[0x29][..], &value.to_le_bytes()].concat(), format!("{value:?}"));
    (0..features).map(|f| cell(value(f))).collect()
}

fn shuffled(keys: u64) -> Vec<u64> {
    let mut order: Vec<_> = (0..keys).collect();
    order.sort_unstable_by_key(|&key| mixed(key));
    order
}

/// Spreads numbers (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Peak memory, where the system tells.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
