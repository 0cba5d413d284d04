//! Masters that sentinels know.

use crate::common::{on, read};
use crate::fake::{Act, Fake, is, play, row};
use provender_core::Kind;
use provender_redis::RedisType::RedisSentinel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a sentinel says of where the master is.
fn master(port: u16) -> Act {
    let port = port.to_string();
    Act::Say(format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len()))
}

#[test]
fn after_a_failover_the_new_master_is_read() {
    play(async {
        let (sentinel, old, new) = (Fake::new().await, Fake::new().await, Fake::new().await);
        let store = on(RedisSentinel, &[sentinel.port]).await;
        let (old_port, new_port) = (old.port, new.port);
        let failed = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&failed);
        sentinel.play(move |command| match is(command, "SENTINEL") {
            true => master(if over.load(Ordering::Relaxed) { new_port } else { old_port }),
            false => Act::Usual,
        });
        let fails = Arc::clone(&failed);
        old.play(move |command| match is(command, "HMGET") {
            true if fails.load(Ordering::Relaxed) => Act::Cut,
            true => Act::Say(row("old")),
            false => Act::Usual,
        });
        new.play(|command| if is(command, "HMGET") { Act::Say(row("new")) } else { Act::Usual });
        assert_eq!(read(&store, &["a"]).await.unwrap(), "100:old");
        failed.store(true, Ordering::Relaxed);
        assert_eq!(read(&store, &["a"]).await.unwrap(), "100:new");
    });
}

#[test]
fn one_sentinel_that_answers_is_enough() {
    play(async {
        let (dead, sentinel, server) = (Fake::new().await, Fake::new().await, Fake::new().await);
        let store = on(RedisSentinel, &[dead.port, sentinel.port]).await;
        drop(dead);
        let port = server.port;
        sentinel.play(move |command| if is(command, "SENTINEL") { master(port) } else { Act::Usual });
        server.play(|command| if is(command, "HMGET") { Act::Say(row("x")) } else { Act::Usual });
        assert_eq!(read(&store, &["a"]).await.unwrap(), "100:x");
    });
}

#[test]
fn a_replica_that_a_sentinel_takes_for_the_master_is_not_read() {
    play(async {
        let (sentinel, server) = (Fake::new().await, Fake::new().await);
        let store = on(RedisSentinel, &[sentinel.port]).await;
        let port = server.port;
        sentinel.play(move |command| if is(command, "SENTINEL") { master(port) } else { Act::Usual });
        server.play(|command| match &command[0][..] {
            b"ROLE" => Act::Say("*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:1\r\n".to_owned()),
            b"HMGET" => Act::Say(row("stale")),
            _ => Act::Usual,
        });
        assert_eq!(read(&store, &["a"]).await.unwrap_err().kind(), Kind::Unavailable);
    });
}

#[test]
fn a_master_that_no_sentinel_knows_is_named() {
    play(async {
        let sentinel = Fake::new().await;
        let store = on(RedisSentinel, &[sentinel.port]).await;
        sentinel.play(
            |command| if is(command, "SENTINEL") { Act::Say("*-1\r\n".to_owned()) } else { Act::Usual },
        );
        let error = read(&store, &["a"]).await.unwrap_err();
        assert_eq!((error.kind(), error.get("value")), (Kind::Invalid, Some("mymaster")));
    });
}
