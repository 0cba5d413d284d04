//! Links against a server that follows a script.

use super::*;
use crate::config::RedisConfig;
use provender_core::config::Secret;
use provender_core::{OpenContext, online::NO_CELL};
use std::future::Future;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server whose connections are played by the test, and the links to it.
struct Stage {
    listener: TcpListener,
    links: Links,
    node: Node,
}

impl Stage {
    async fn new(options: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = RedisConfig {
            connection_string: Secret::new(format!("127.0.0.1:{port}{options}")),
            ..RedisConfig::default()
        };
        let servers = Servers::new(&config, &OpenContext::new("shop", ".")).unwrap();
        Self { listener, links: Links::new(servers, 1), node: Node::new("127.0.0.1", port) }
    }

    /// Asks for `rows` replies of `width` values with a command that is the word itself.
    fn ask(&self, command: &str, rows: usize, width: usize) -> Asked {
        self.links.send(&self.node, &[Section::new(rows, width)], |out| {
            out.extend_from_slice(command.as_bytes());
        })
    }

    /// Takes the next connection, past its greeting.
    async fn greeted(&self) -> TcpStream {
        let mut stream = self.listener.accept().await.unwrap().0;
        expect(&mut stream, "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$9\r\nprovender\r\n").await;
        stream.write_all(b"+OK\r\n").await.unwrap();
        stream
    }
}

type Asked = Result<oneshot::Receiver<Answer>, Failure>;

/// Reads exactly what the test says will come.
async fn expect(stream: &mut TcpStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// The values of an answer, `-` for nil.
async fn values(asked: Asked) -> String {
    let reply = asked.unwrap().await.unwrap().unwrap();
    let show = |c: &Cell| match *c {
        NO_CELL => "-".to_owned(),
        (start, len) => String::from_utf8_lossy(&reply.data[start as usize..][..len as usize]).into_owned(),
    };
    reply.cells.iter().map(show).collect::<Vec<_>>().join(" ")
}

async fn failure(asked: Asked) -> Error {
    asked.unwrap().await.unwrap().unwrap_err().error()
}

fn play(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn requests_that_gather_get_their_own_answers() {
    play(async {
        let stage = Stage::new("").await;
        let (a, b) = (stage.ask("a", 1, 2), stage.ask("b", 2, 1));
        let mut server = stage.greeted().await;
        expect(&mut server, "ab").await;
        server.write_all(b"*2\r\n$2\r\na1\r\n$-1\r\n*1\r\n$2\r\nb1\r\n*1\r\n").await.unwrap();
        assert_eq!(values(a).await, "a1 -");
        let c = stage.ask("c", 1, 1);
        server.write_all(b"$2\r\nb2\r\n").await.unwrap();
        assert_eq!(values(b).await, "b1 b2");
        expect(&mut server, "c").await;
        server.write_all(b"*1\r\n$0\r\n\r\n").await.unwrap();
        assert_eq!(values(c).await, "");
    });
}

#[test]
fn a_request_that_was_given_up_keeps_its_place() {
    play(async {
        let stage = Stage::new("").await;
        let (a, b) = (stage.ask("a", 1, 1), stage.ask("b", 1, 1));
        drop(a);
        let mut server = stage.greeted().await;
        expect(&mut server, "ab").await;
        server.write_all(b"*1\r\n$1\r\nA\r\n*1\r\n$1\r\nB\r\n").await.unwrap();
        assert_eq!(values(b).await, "B");
    });
}

#[test]
fn a_connection_cut_in_a_reply_fails_what_waits_and_the_next_read_connects_anew() {
    play(async {
        let stage = Stage::new("").await;
        let (a, b, c) = (stage.ask("a", 1, 1), stage.ask("b", 1, 2), stage.ask("c", 1, 1));
        let mut server = stage.greeted().await;
        expect(&mut server, "abc").await;
        server.write_all(b"*1\r\n$1\r\nA\r\n*2\r\n$1\r\nB").await.unwrap();
        drop(server);
        assert_eq!(values(a).await, "A");
        for lost in [b, c] {
            let end = lost.unwrap().await.unwrap().unwrap_err();
            assert_eq!((end.cause(), end.error().kind()), (Cause::Cut, Kind::Unavailable));
        }
        let d = stage.ask("d", 1, 1);
        let mut server = stage.greeted().await;
        expect(&mut server, "d").await;
        server.write_all(b"*1\r\n$1\r\nD\r\n").await.unwrap();
        assert_eq!(values(d).await, "D");
    });
}

#[test]
fn a_silent_server_is_given_up() {
    play(async {
        let stage = Stage::new(",socket_timeout=0.05").await;
        let (a, b) = (stage.ask("a", 1, 1), stage.ask("b", 1, 1));
        let mut server = stage.greeted().await;
        expect(&mut server, "ab").await;
        server.write_all(b"*1\r\n").await.unwrap();
        for hung in [a, b] {
            let error = failure(hung).await;
            assert_eq!(error.kind(), Kind::Unavailable);
            assert!(error.to_string().contains("did not answer in time"), "{error}");
        }
        // The connection was given up, too: the server reads its end.
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    });
}

#[test]
fn an_answer_out_of_shape_ends_the_connection_and_reaches_nobody() {
    for reply in [
        &b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n"[..],
        b":1\r\n",
        b"*1\r\n:1\r\n",
        b"*1\r\n$1\r\nxyz",
        b"HTTP/1.1 400\r\n",
    ] {
        play(async {
            let stage = Stage::new("").await;
            let (a, b) = (stage.ask("a", 1, 1), stage.ask("b", 1, 2));
            let mut server = stage.greeted().await;
            expect(&mut server, "ab").await;
            server.write_all(reply).await.unwrap();
            for request in [a, b] {
                assert_eq!(failure(request).await.kind(), Kind::Internal);
            }
        });
    }
}

#[test]
fn an_error_reply_concerns_its_request_alone() {
    play(async {
        let stage = Stage::new("").await;
        let (a, b) = (stage.ask("a", 2, 1), stage.ask("b", 1, 1));
        let mut server = stage.greeted().await;
        expect(&mut server, "ab").await;
        server.write_all(b"*1\r\n$1\r\nx\r\n-WRONGTYPE no hash\r\n*1\r\n$1\r\nB\r\n").await.unwrap();
        let reply = a.unwrap().await.unwrap().unwrap();
        let (row, text) = reply.errors[0].clone();
        assert_eq!((row, &reply.data[text]), (1, &b"WRONGTYPE no hash"[..]));
        assert_eq!(values(b).await, "B");
    });
}

#[test]
fn what_nobody_asked_for_ends_the_connection() {
    play(async {
        let stage = Stage::new("").await;
        let a = stage.ask("a", 1, 1);
        let mut server = stage.greeted().await;
        expect(&mut server, "a").await;
        server.write_all(b"*1\r\n$1\r\nA\r\n*1\r\n").await.unwrap();
        assert_eq!(values(a).await, "A");
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        let b = stage.ask("b", 1, 1);
        let mut server = stage.greeted().await;
        expect(&mut server, "b").await;
        server.write_all(b"*1\r\n$1\r\nB\r\n").await.unwrap();
        assert_eq!(values(b).await, "B");
    });
}

#[test]
fn credentials_and_database_come_first_and_refusals_are_told_without_them() {
    play(async {
        let stage = Stage::new(",username=ann,password=hunter2,db=3").await;
        let a = stage.ask("a", 1, 1);
        let mut server = stage.listener.accept().await.unwrap().0;
        let auth = "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$7\r\nhunter2\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
        expect(&mut server, auth).await;
        server.write_all(b"-WRONGPASS hunter2 is wrong\r\n-NOAUTH\r\n-NOAUTH\r\n").await.unwrap();
        let error = failure(a).await;
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains("log in") && !error.to_string().contains("hunter2"), "{error}");
        // Asked at once again, nobody connects for a moment.
        assert_eq!(stage.ask("b", 1, 1).unwrap_err().error().kind(), Kind::Denied);
    });
}

#[test]
fn a_server_that_is_down_fails_reads_at_once() {
    play(async {
        let stage = Stage::new("").await;
        drop(stage.listener);
        let asked = stage.links.send(&stage.node, &[Section::new(1, 1)], |out| out.push(b'a'));
        let error = failure(asked).await;
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    });
}

#[test]
fn too_many_waiting_requests_are_refused() {
    play(async {
        let stage = Stage::new("").await;
        let all: Vec<_> = (0..MOST_WAITING).map(|_| stage.ask("a", 1, 1)).collect();
        assert!(all.iter().all(Result::is_ok));
        let error = stage.ask("b", 1, 1).unwrap_err().error();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("too many reads"), "{error}");
    });
}

#[test]
fn a_large_request_goes_through_alone() {
    play(async {
        let stage = Stage::new("").await;
        let large = "x".repeat(MOST_GATHERED + 1);
        let a = stage.ask(&large, 1, 1);
        assert_eq!(stage.ask("b", 1, 1).unwrap_err().error().kind(), Kind::Unavailable);
        let mut server = stage.greeted().await;
        expect(&mut server, &large).await;
        server.write_all(b"*1\r\n$1\r\nA\r\n").await.unwrap();
        assert_eq!(values(a).await, "A");
    });
}

#[test]
fn a_link_outlives_the_runtime_of_whoever_opened_it() {
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (listener, links, node, a, _server) = other.block_on(async {
        let stage = Stage::new("").await;
        let a = stage.ask("a", 1, 1);
        let server = stage.greeted().await.into_std().unwrap();
        (stage.listener.into_std().unwrap(), stage.links, stage.node, a, server)
    });
    drop(other);
    play(async {
        assert_eq!(failure(a).await.kind(), Kind::Unavailable);
        let stage = Stage { listener: TcpListener::from_std(listener).unwrap(), links, node };
        let b = stage.ask("b", 1, 1);
        let mut server = stage.greeted().await;
        expect(&mut server, "b").await;
        server.write_all(b"*1\r\n$1\r\nB\r\n").await.unwrap();
        assert_eq!(values(b).await, "B");
    });
}
