//! Clusters of fakes: keys that are elsewhere, that are moving, nodes that go.

use crate::common::{on, read};
use crate::fake::{Act, Fake, count, is, play, row, slots};
use provender_core::Kind;
use provender_redis::RedisType::RedisCluster;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ALL: u16 = 16_383;
// Slots of the keys with the project behind them, as CLUSTER KEYSLOT says: `ashop` 15725, `bshop` 5055, `cshop` 14830.
const MIDDLE: u16 = 6000;

#[test]
fn each_node_is_asked_once_and_rows_follow_the_keys() {
    play(async {
        let (low, high) = (Fake::new().await, Fake::new().await);
        let map = slots(&[(0, MIDDLE, low.port), (MIDDLE + 1, ALL, high.port)]);
        let store = on(RedisCluster, &[low.port]).await;
        let other = map.clone();
        let low = low.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"HMGET" => Act::Say(row(&format!("low {}", char::from(command[1][0])))),
            _ => Act::Usual,
        });
        let high = high.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(other.clone()),
            b"HMGET" => Act::Say(row(&format!("high {}", char::from(command[1][0])))),
            _ => Act::Usual,
        });
        let rows = read(&store, &["a", "b", "a", "c"]).await.unwrap();
        assert_eq!(rows, "100:high a 100:low b 100:high a 100:high c");
        assert_eq!((count(&low, "HMGET"), count(&high, "HMGET")), (1, 3));
        assert_eq!(read(&store, &["a"]).await.unwrap(), "100:high a");
    });
}

#[test]
fn keys_that_have_moved_are_read_where_they_are_now() {
    play(async {
        let (old, new) = (Fake::new().await, Fake::new().await);
        let (map, to) = (slots(&[(0, ALL, old.port)]), new.port);
        let store = on(RedisCluster, &[old.port]).await;
        let old = old.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"HMGET" if command[1][0] == b'a' => Act::Say(format!("-MOVED 15725 127.0.0.1:{to}\r\n")),
            b"HMGET" => Act::Say(row("stayed")),
            _ => Act::Usual,
        });
        new.play(|command| if is(command, "HMGET") { Act::Say(row("moved")) } else { Act::Usual });
        assert_eq!(read(&store, &["a", "b"]).await.unwrap(), "100:moved 100:stayed");
        let asked = count(&old, "HMGET");
        assert_eq!(read(&store, &["a"]).await.unwrap(), "100:moved");
        assert_eq!(count(&old, "HMGET"), asked, "the old node was asked again");
    });
}

#[test]
fn keys_on_their_way_are_asked_for_where_they_go() {
    play(async {
        let (old, new) = (Fake::new().await, Fake::new().await);
        let (map, to) = (slots(&[(0, ALL, old.port)]), new.port);
        let store = on(RedisCluster, &[old.port]).await;
        old.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"HMGET" if command[1][0] == b'a' => Act::Say(format!("-ASK 15725 127.0.0.1:{to}\r\n")),
            b"HMGET" => Act::Say(row("stayed")),
            _ => Act::Usual,
        });
        let asking = AtomicBool::new(false);
        new.play(move |command| match &command[0][..] {
            b"ASKING" => {
                asking.store(true, Ordering::Relaxed);
                Act::Usual
            }
            b"HMGET" if asking.swap(false, Ordering::Relaxed) => Act::Say(row("imported")),
            b"HMGET" => Act::Say("-MOVED 15725 127.0.0.1:1\r\n".to_owned()),
            _ => Act::Usual,
        });
        for _ in 0..2 {
            assert_eq!(read(&store, &["b", "a", "b"]).await.unwrap(), "100:stayed 100:imported 100:stayed");
        }
    });
}

#[test]
fn a_node_that_is_gone_is_looked_for_again() {
    play(async {
        let (dying, heir) = (Fake::new().await, Fake::new().await);
        let (before, after) = (slots(&[(0, ALL, dying.port)]), slots(&[(0, ALL, heir.port)]));
        let store = on(RedisCluster, &[heir.port]).await;
        let dead = Arc::new(AtomicBool::new(false));
        let is_dead = Arc::clone(&dead);
        dying.play(move |command| match is(command, "HMGET") {
            true => {
                dead.store(true, Ordering::Relaxed);
                Act::Cut
            }
            false => Act::Usual,
        });
        heir.play(move |command| match &command[0][..] {
            b"CLUSTER" if is_dead.load(Ordering::Relaxed) => Act::Say(after.clone()),
            b"CLUSTER" => Act::Say(before.clone()),
            b"HMGET" => Act::Say(row("inherited")),
            _ => Act::Usual,
        });
        assert_eq!(read(&store, &["a", "b"]).await.unwrap(), "100:inherited 100:inherited");
    });
}

#[test]
fn a_key_that_could_not_be_read_is_never_absent() {
    play(async {
        let (good, bad) = (Fake::new().await, Fake::new().await);
        let map = slots(&[(0, MIDDLE, good.port), (MIDDLE + 1, ALL, bad.port)]);
        let store = on(RedisCluster, &[good.port]).await;
        good.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"HMGET" => Act::Say(row("x")),
            _ => Act::Usual,
        });
        drop(bad);
        assert_eq!(read(&store, &["a", "b"]).await.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(read(&store, &["b"]).await.unwrap(), "100:x");
    });
}

#[test]
fn slots_that_nobody_serves_are_unavailable() {
    play(async {
        let node = Fake::new().await;
        let map = slots(&[(0, MIDDLE, node.port)]);
        let store = on(RedisCluster, &[node.port]).await;
        node.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"HMGET" => Act::Say(row("x")),
            _ => Act::Usual,
        });
        let error = read(&store, &["a"]).await.unwrap_err();
        assert_eq!((error.kind(), error.get("slot")), (Kind::Unavailable, Some("15725")));
    });
}

#[test]
fn a_cluster_that_never_settles_is_given_up() {
    play(async {
        let (one, two) = (Fake::new().await, Fake::new().await);
        let (map, first, second) = (slots(&[(0, ALL, one.port)]), one.port, two.port);
        let store = on(RedisCluster, &[one.port]).await;
        let rounds = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rounds);
        one.play(move |command| match &command[0][..] {
            b"CLUSTER" => Act::Say(map.clone()),
            b"HMGET" => {
                counted.fetch_add(1, Ordering::Relaxed);
                Act::Say(format!("-MOVED 15725 127.0.0.1:{second}\r\n"))
            }
            _ => Act::Usual,
        });
        two.play(move |command| match is(command, "HMGET") {
            true => Act::Say(format!("-MOVED 15725 127.0.0.1:{first}\r\n")),
            false => Act::Usual,
        });
        assert_eq!(read(&store, &["a"]).await.unwrap_err().kind(), Kind::Unavailable);
        assert!(rounds.load(Ordering::Relaxed) < 10);
    });
}

#[test]
fn a_server_that_is_no_cluster_says_so() {
    play(async {
        let server = Fake::new().await;
        let store = on(RedisCluster, &[server.port]).await;
        server.play(|command| match is(command, "CLUSTER") {
            true => Act::Say("-ERR This instance has cluster support disabled\r\n".to_owned()),
            false => Act::Usual,
        });
        let error = read(&store, &["a"]).await.unwrap_err();
        assert!(error.report().contains("cluster support disabled"), "{}", error.report());
    });
}
