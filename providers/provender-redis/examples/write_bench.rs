//! Writing 100,000 rows of 10 doubles, beside the same rows as plain pipelined HSET.
//!
//! `cargo run --release --example write_bench -- 127.0.0.1:6379 [ROUNDS [VARIANT]]`; empties database 0 of that server. Each line is the median of the rounds.

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use futures::{TryStreamExt as _, stream};
use provender_core::config::Secret;
use provender_core::online::{InfraChanges, OnlineTable, OnlineWrite};
use provender_core::{OnlineStore, OpenContext, Provider as _, RequestContext, Result, ValueType};
use provender_redis::{Layout, Redis, RedisConfig, WriteMode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ROWS: usize = 100_000;
const FEATURES: usize = 10;
/// As materialization does: rows a write, and writes at once.
const BATCH: usize = 16_384;
const AT_ONCE: usize = 3;
const TIME: i64 = 1_795_000_000_123_456;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "what it is for")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("where is Redis? host:port")?;
    let rounds: usize = std::env::args().nth(2).map_or(Ok(5), |text| text.parse())?;
    let only = std::env::args().nth(3).unwrap_or_default();
    let table = table();
    let batches = batches(&table)?;
    let commands = floor_commands(&table);
    let mut variants = vec![
        ("newest, Feast's layout", WriteMode::Newest, Layout::Feast),
        ("overwrite, Feast's layout", WriteMode::Overwrite, Layout::Feast),
        ("newest, packed", WriteMode::Newest, Layout::Packed),
    ];
    variants.retain(|(name, ..)| name.contains(&only));
    let mut times = vec![Vec::new(); 2 * (variants.len() + 1)];
    for _ in 0..rounds {
        empty(&address).await?;
        for times in &mut times[..2] {
            times.push(floor(&address, &commands).await?);
        }
        for (i, (_, write_mode, layout)) in variants.iter().enumerate() {
            empty(&address).await?;
            let config = RedisConfig {
                connection_string: Secret::new(address.clone()),
                write_mode: Some(*write_mode),
                layout: *layout,
                ..RedisConfig::default()
            };
            let store = Redis::open(config, &OpenContext::new("shop", ".")).await?;
            let keep = vec![Arc::clone(&table)];
            store.reconcile(&InfraChanges { keep, ..InfraChanges::default() }).await?;
            for times in &mut times[2 * (i + 1)..2 * (i + 2)] {
                times.push(write(&store, &table, &batches).await?);
            }
        }
    }
    let floor = median(&mut times[0]);
    let names = ["plain HSET"].into_iter().chain(variants.iter().map(|(name, ..)| *name));
    for (name, pair) in names.zip(times.chunks_mut(2)) {
        let (first, again) = (median(&mut pair[0]), median(&mut pair[1]));
        println!(
            "{name:28} first {first:.3} s ({:.2} of plain), again {again:.3} s ({:.2})",
            first / floor,
            again / floor
        );
    }
    Ok(())
}

fn table() -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "shop".to_owned(),
        view: "driver_stats".to_owned(),
        join_keys: vec!["id".to_owned()],
        features: (0..FEATURES).map(|i| (format!("feature_{i}"), ValueType::DOUBLE)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

fn key(row: usize) -> Vec<u8> {
    [b"\x01\0\0\0\x02\0\0\0\x02\0\0\0id\x04\0\0\0\x08\0\0\0", (row as u64).to_le_bytes().as_slice()].concat()
}

fn value(row: usize, feature: usize) -> Vec<u8> {
    [&[0x29][..], &(row as f64 / (feature + 3) as f64).to_le_bytes()].concat()
}

fn batches(table: &OnlineTable) -> Result<Vec<RecordBatch>> {
    let rows: Vec<usize> = (0..ROWS).collect();
    rows.chunks(BATCH)
        .map(|rows| {
            let times = || {
                let times = TimestampMicrosecondArray::from_value(TIME, rows.len());
                Arc::new(times.with_timezone("UTC")) as ArrayRef
            };
            let keys = BinaryArray::from_iter_values(rows.iter().map(|row| key(*row)));
            let mut columns: Vec<(&str, ArrayRef)> =
                vec![("key", Arc::new(keys)), ("event", times()), ("created", times())];
            for (i, (name, _)) in table.features.iter().enumerate() {
                let values = BinaryArray::from_iter_values(rows.iter().map(|row| value(*row, i)));
                columns.push((name, Arc::new(values)));
            }
            Ok(RecordBatch::try_from_iter(columns)?)
        })
        .collect()
}

async fn write(
    store: &Arc<dyn OnlineStore>,
    table: &Arc<OnlineTable>,
    batches: &[RecordBatch],
) -> Result<f64> {
    let start = Instant::now();
    let writes = batches.iter().map(|rows| {
        let request =
            OnlineWrite { table: Arc::clone(table), rows: rows.clone(), context: RequestContext::local() };
        Ok(store.write(request))
    });
    let written: u64 = stream::iter(writes)
        .try_buffer_unordered(AT_ONCE)
        .try_fold(0, |sum, summary| async move { Ok(sum + summary.written) })
        .await?;
    assert_eq!(written, ROWS as u64);
    Ok(start.elapsed().as_secs_f64())
}

/// Every row as one HSET, 500 to a piece.
fn floor_commands(table: &OnlineTable) -> Vec<Vec<u8>> {
    let word = |out: &mut Vec<u8>, word: &[u8]| {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    };
    let rows: Vec<usize> = (0..ROWS).collect();
    rows.chunks(500)
        .map(|rows| {
            let mut out = Vec::new();
            for row in rows {
                out.extend_from_slice(format!("*{}\r\n", 2 + 2 * (FEATURES + 1)).as_bytes());
                word(&mut out, b"HSET");
                word(&mut out, &[key(*row).as_slice(), b"shop"].concat());
                for i in 0..table.features.len() {
                    word(&mut out, &[b'f', b'a', b'b', i as u8]);
                    word(&mut out, &value(*row, i));
                }
                word(&mut out, b"_ts:driver_stats");
                word(&mut out, b"\x08\x80\x80\x80\xd8\x06\x10\x80\x94\xef\x3a");
            }
            out
        })
        .collect()
}

async fn floor(address: &str, commands: &[Vec<u8>]) -> std::io::Result<f64> {
    let start = Instant::now();
    let (mut replies, mut requests) = TcpStream::connect(address).await?.into_split();
    let reading = tokio::spawn(async move {
        let (mut buffer, mut lines) = (vec![0; 1 << 16], 0);
        while lines < ROWS {
            let len = replies.read(&mut buffer).await?;
            if len == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            lines += buffer[..len].iter().filter(|byte| **byte == b'\n').count();
        }
        Ok::<_, std::io::Error>(())
    });
    for piece in commands {
        requests.write_all(piece).await?;
    }
    reading.await??;
    Ok(start.elapsed().as_secs_f64())
}

async fn empty(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"FLUSHALL\r\n").await?;
    stream.read_exact(&mut [0; 5]).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
