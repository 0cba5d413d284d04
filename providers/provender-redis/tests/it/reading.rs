//! One server.

use crate::common::{keys, of, on, open, read, read_all, view};
use crate::fake::{Act, Fake, count, is, play, row, values};
use provender_core::Kind;
use provender_core::RequestContext;
use provender_core::online::{OnlineRead, ViewRead};
use provender_redis::RedisType::Redis;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_row_without_a_time_is_absent_and_one_without_a_value_is_there() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        server.play(|command| match command[1].first() {
            _ if !is(command, "HMGET") => Act::Usual,
            Some(b'a') => Act::Say(values(&[None, Some("\x08\x64")])),
            Some(b'b') => Act::Say(values(&[Some("\x12\x01x"), None])),
            Some(b'c') => Act::Say(values(&[Some(""), Some("")])),
            _ => Act::Usual,
        });
        assert_eq!(read(&store, &["a", "b", "c", "d"]).await.unwrap(), "100:- absent 0:null absent");
    });
}

#[test]
fn views_of_one_key_are_one_command() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        let seen = server.play(|command| match is(command, "HMGET") {
            // v: f, _ts; w: g, h, _ts
            true if command.len() == 7 => Act::Say(values(&[
                Some("\x12\x01f"),
                Some("\x08\x01"),
                Some("\x12\x01g"),
                Some("\x12\x01h"),
                Some("\x08\x02"),
            ])),
            true if command.len() == 4 => Act::Say(row("other key")),
            _ => Act::Usual,
        });
        let (v, w) = (view("v", &["f"]), view("w", &["g", "h"]));
        // Equal keys are the same keys, also where they are not the same object.
        let views = vec![of(&v, &keys(&["a", "b"])), of(&v, &keys(&["c"])), of(&w, &keys(&["a", "b"]))];
        assert_eq!(read_all(&store, views).await.unwrap(), ["1:f 1:f", "100:other key", "2:g,h 2:g,h"]);
        assert_eq!(count(&seen, "HMGET"), 3);
    });
}

#[test]
fn what_redis_refuses_says_what_to_do_and_spoils_no_other_read() {
    for (reply, kind, text) in [
        ("-LOADING Redis is loading", Kind::Unavailable, "LOADING"),
        ("-MASTERDOWN Link with MASTER is down", Kind::Unavailable, "MASTERDOWN"),
        ("-CLUSTERDOWN The cluster is down", Kind::Unavailable, "CLUSTERDOWN"),
        ("-NOPERM this user has no permissions", Kind::Denied, "NOPERM"),
        ("-NOAUTH Authentication required.", Kind::Denied, "NOAUTH"),
        ("-WRONGTYPE Operation against a key", Kind::Internal, "key: 6273686f70"),
        ("-ERR unknown command", Kind::Internal, "unknown command"),
        ("-MOVED 1 10.0.0.1:7", Kind::Invalid, "redis_cluster"),
    ] {
        play(async {
            let server = Fake::new().await;
            let store = on(Redis, &[server.port]).await;
            server.play(move |command| match is(command, "HMGET") {
                true if command[1][0] == b'b' => Act::Say(format!("{reply}\r\n")),
                true => Act::Say(row("x")),
                _ => Act::Usual,
            });
            let (one, other) = (read(&store, &["a", "b", "a"]), read(&store, &["a"]));
            let (one, other) = futures::join!(one, other);
            let error = one.unwrap_err();
            assert_eq!((error.kind(), error.get("view")), (kind, Some("v")));
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(other.unwrap(), "100:x");
        });
    }
}

#[test]
fn a_damaged_time_is_an_error() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        server.play(|command| match is(command, "HMGET") {
            true => Act::Say(values(&[Some("\x12\x01x"), Some("now")])),
            false => Act::Usual,
        });
        let error = read(&store, &["a"]).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.get("view"), error.get("entity key")),
            (Kind::Internal, Some("v"), Some("61"))
        );
    });
}

#[test]
fn a_connection_that_is_cut_is_made_again_within_the_read() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        let cuts = AtomicUsize::new(0);
        server.play(move |command| match is(command, "HMGET") {
            true if cuts.fetch_add(1, Ordering::Relaxed) == 0 => Act::Cut,
            true => Act::Say(row("x")),
            _ => Act::Usual,
        });
        assert_eq!(read(&store, &["a"]).await.unwrap(), "100:x");
    });
}

#[test]
fn a_server_that_always_cuts_is_unavailable() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        server.play(|command| if is(command, "HMGET") { Act::Cut } else { Act::Usual });
        assert_eq!(read(&store, &["a"]).await.unwrap_err().kind(), Kind::Unavailable);
    });
}

#[test]
fn a_server_that_hangs_is_unavailable_after_its_time() {
    play(async {
        let server = Fake::new().await;
        let store = open(Redis, &format!("127.0.0.1:{},socket_timeout=0.05", server.port)).await;
        server.play(|command| if is(command, "HMGET") { Act::Hang } else { Act::Usual });
        let error = read(&store, &["a"]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("did not answer in time"), "{error}");
    });
}

#[test]
fn nothing_asked_needs_no_server() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        let nothing =
            store.read(&OnlineRead { views: vec![], context: RequestContext::local() }).await.unwrap();
        assert!(nothing.views.is_empty());
        server.play(|_| Act::Usual);
        assert_eq!(read(&store, &[]).await.unwrap(), "");
    });
}

#[test]
fn a_feature_that_the_view_does_not_have_is_refused() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        server.play(|_| Act::Usual);
        let view = ViewRead { table: view("v", &["f"]), features: Arc::new([1]), keys: keys(&["a"]) };
        assert_eq!(read_all(&store, vec![view]).await.unwrap_err().kind(), Kind::Internal);
    });
}

#[test]
fn outside_of_a_runtime_a_read_is_an_error_and_no_panic() {
    let store = futures::executor::block_on(open(Redis, "127.0.0.1:1"));
    assert!(futures::executor::block_on(read(&store, &["a"])).is_err());
}
