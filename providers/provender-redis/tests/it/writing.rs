//! Writes, and everything that goes wrong on the way.

use crate::common::{on, view};
use crate::fake::{Act, Command, Fake, bytes, count, is, play, slots};
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use provender_core::online::{OnlineWrite, WriteSummary};
use provender_core::{Kind, OnlineStore, RequestContext, Result};
use provender_redis::RedisType::{Redis, RedisCluster};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Writes one row a key, all of second 100.
async fn write(store: &Arc<dyn OnlineStore>, keys: &[&str]) -> Result<WriteSummary> {
    let times = |value| {
        let times = TimestampMicrosecondArray::from(vec![value; keys.len()]);
        Arc::new(times.with_timezone("UTC")) as ArrayRef
    };
    let columns: [(&str, ArrayRef); 4] = [
        ("key", Arc::new(BinaryArray::from_iter_values(keys))),
        ("event", times(Some(100_000_000))),
        ("created", times(None)),
        ("f", Arc::new(BinaryArray::from_iter_values(keys.iter().map(|_| b"\x12\x01x")))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
    store.write(OnlineWrite { table: view("v", &["f"]), rows, context: RequestContext::local() }).await
}

/// Takes everything: a transaction of so many rows, and every script.
fn takes(command: &Command, rows: usize) -> Act {
    match &command[0][..] {
        b"EXEC" => Act::Say(format!("*{rows}\r\n{}", ":2\r\n".repeat(rows))),
        b"EVALSHA" => Act::Say(":1\r\n".to_owned()),
        _ => Act::Usual,
    }
}

#[test]
fn rows_that_somebody_else_wrote_are_decided_again() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        let asked = AtomicUsize::new(0);
        let seen = server.play(move |command| match &command[0][..] {
            // Somebody has written one of the keys.
            b"EXEC" => Act::Say("*-1\r\n".to_owned()),
            // The newer row of `a` is there when it is asked for again.
            b"HMGET" if command[1][0] == b'a' && asked.fetch_add(1, Ordering::SeqCst) > 0 => {
                Act::Send(bytes(&[Some(b"\x08\xc8\x01"), None]))
            }
            _ => takes(command, 2),
        });
        let summary = write(&store, &["a", "b"]).await.unwrap();
        assert_eq!(summary, WriteSummary { written: 1, stale: 1 });
        assert_eq!((count(&seen, "WATCH"), count(&seen, "EVALSHA")), (1, 1));
    });
}

#[test]
fn connections_that_were_closed_meanwhile_are_replaced() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        let closes = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&closes);
        server.play(move |command| match is(command, "WATCH") && closed.swap(false, Ordering::SeqCst) {
            true => Act::Cut,
            false => takes(command, 1),
        });
        for _ in 0..3 {
            assert_eq!(write(&store, &["a"]).await.unwrap().written, 1);
            closes.store(true, Ordering::SeqCst);
        }
    });
}

#[test]
fn a_connection_that_breaks_at_the_commit_is_tried_once_more_and_then_told() {
    for cuts in [1, 2] {
        play(async move {
            let server = Fake::new().await;
            let store = on(Redis, &[server.port]).await;
            let left = AtomicUsize::new(cuts);
            server.play(move |command| {
                let cut = matches!(&command[0][..], b"EXEC" | b"EVALSHA")
                    && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
                if cut { Act::Cut } else { takes(command, 1) }
            });
            let written = write(&store, &["a"]).await;
            if cuts == 1 {
                assert_eq!(written.unwrap().written, 1);
            } else {
                let error = written.unwrap_err();
                assert_eq!((error.kind(), error.get("rows written")), (Kind::Unavailable, Some("0")));
            }
        });
    }
}

#[test]
fn what_is_refused_says_why_and_not_that_the_transaction_failed() {
    for (reply, kind) in [
        ("-OOM command not allowed when used memory > 'maxmemory'.\r\n", Kind::Unavailable),
        ("-READONLY You can't write against a read only replica.\r\n", Kind::Unavailable),
        ("-NOPERM this user has no permissions to run the 'hset' command\r\n", Kind::Denied),
        ("-MOVED 15725 127.0.0.1:1\r\n", Kind::Invalid),
    ] {
        play(async move {
            let server = Fake::new().await;
            let store = on(Redis, &[server.port]).await;
            server.play(move |command| match &command[0][..] {
                b"HSET" | b"EVALSHA" => Act::Say(reply.to_owned()),
                b"EXEC" => {
                    Act::Say("-EXECABORT Transaction discarded because of previous errors.\r\n".to_owned())
                }
                _ => Act::Usual,
            });
            let error = write(&store, &["a"]).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            match kind {
                Kind::Invalid => assert_eq!(error.get("at"), Some("online_store.redis_type")),
                _ => assert_eq!(error.get("reply"), Some(reply[1..].trim())),
            }
        });
    }
}

#[test]
fn rows_follow_keys_that_have_moved_and_keys_on_their_way() {
    for word in ["MOVED", "ASK"] {
        play(async move {
            let (old, new) = (Fake::new().await, Fake::new().await);
            let (map, to) = (slots(&[(0, 16_383, old.port)]), new.port);
            let store = on(RedisCluster, &[old.port]).await;
            let old = old.play(move |command| match &command[0][..] {
                b"CLUSTER" => Act::Say(map.clone()),
                b"HMGET" if command[1][0] == b'a' => Act::Say(format!("-{word} 15725 127.0.0.1:{to}\r\n")),
                _ => takes(command, 0),
            });
            let new = new.play(|command| takes(command, 0));
            assert_eq!(write(&store, &["a", "b"]).await.unwrap().written, 2, "{word}");
            assert_eq!((count(&old, "EVALSHA"), count(&new, "EVALSHA")), (1, 1), "{word}");
            let asking = if word == "ASK" { 3 } else { 0 };
            assert_eq!(count(&new, "ASKING"), asking, "before each command");
        });
    }
}

#[test]
fn a_script_that_was_forgotten_is_loaded_again() {
    play(async {
        let server = Fake::new().await;
        let (map, first) = (slots(&[(0, 16_383, server.port)]), AtomicBool::new(true));
        let store = on(RedisCluster, &[server.port]).await;
        let seen = server.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"EVALSHA" if first.swap(false, Ordering::SeqCst) => {
                Act::Say("-NOSCRIPT No matching script. Please use EVAL.\r\n".to_owned())
            }
            _ => takes(command, 0),
        });
        assert_eq!(write(&store, &["a"]).await.unwrap().written, 1);
        assert_eq!((count(&seen, "SCRIPT"), count(&seen, "EVALSHA")), (2, 2));
    });
}

#[test]
fn rows_that_arrive_after_the_layout_has_changed_are_written_in_the_new_one() {
    // longer than what is known of a layout may be relied on
    const LATE: Duration = Duration::from_millis(2_100);
    play(async {
        let server = Fake::new().await;
        let store = on(RedisCluster, &[server.port]).await;
        let (map, changed) = (slots(&[(0, 16_383, server.port)]), AtomicBool::new(false));
        let seen = server.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"GET" if changed.load(Ordering::SeqCst) => Act::Say("$8\r\nto-feast\r\n".to_owned()),
            b"EVALSHA" => {
                if !changed.swap(true, Ordering::SeqCst) {
                    std::thread::sleep(LATE);
                }
                takes(command, 1)
            }
            _ => takes(command, 1),
        });
        let summary = write(&store, &["a"]).await.unwrap();
        assert_eq!(summary, WriteSummary { written: 1, stale: 0 });
        assert_eq!(count(&seen, "EVALSHA"), 2);
    });
}
