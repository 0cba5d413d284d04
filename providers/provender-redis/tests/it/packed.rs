//! Packed rows, and projects that have both layouts.

use crate::common::{keys, of, on, read_all, view};
use crate::fake::{Act, Command, Fake, bulk, bytes, count, play};
use provender_core::{Kind, Timestamp};
use provender_redis::RedisType::Redis;
use provender_redis::packed::{put_cell, put_header};

/// No schema of a view has it but the one that the server knows.
const OLD: u32 = 7;

/// A row of three values, written at a second, with the schema that the server knows.
fn packed(second: i64, values: [Option<&[u8]>; 3]) -> Vec<u8> {
    let mut row = Vec::new();
    put_header(&mut row, OLD, Timestamp::from_seconds(second), None);
    values.iter().for_each(|value| put_cell(&mut row, *value));
    row
}

/// What a server says whose project is laid out so: `g`, `f` and `h` are the features of schema [`OLD`], `f` and `g` texts and `h` a number.
fn project(layout: &str, command: &Command, row: impl FnOnce(&Command) -> Vec<u8>) -> Act {
    match &command[0][..] {
        b"GET" => Act::Send(bulk(layout.as_bytes())),
        b"HGET" if command[1] == b"provender:schemas:shop" => Act::Send(bulk(b"\x02\x01g\x02\x01f\x04\x01h")),
        b"HMGET" => Act::Send(row(command)),
        _ => Act::Usual,
    }
}

const TEXT: Option<&[u8]> = Some(b"\x12\x06packed");

#[test]
fn old_schemas_are_looked_up_once_and_read_by_name_and_type() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        let seen = server.play(|command| {
            project("packed", command, |command| {
                assert_eq!((command.len(), command[2].len()), (3, 5), "one field of five bytes");
                match command[1][0] {
                    b'a' => bytes(&[Some(&packed(5, [Some(b"\x12\x01g"), Some(b""), Some(b"\x20\x01")]))]),
                    b'b' => bytes(&[Some(&packed(6, [None, TEXT, None]))]),
                    _ => bytes(&[None]),
                }
            })
        });
        // In the view `h` is a text now, and `new` has been added.
        let read =
            || read_all(&store, vec![of(&view("v", &["f", "g", "h", "new"]), &keys(&["a", "b", "c"]))]);
        assert_eq!(read().await.unwrap(), ["5:null,g,-,- 6:packed,-,-,- absent"]);
        assert_eq!(read().await.unwrap(), ["5:null,g,-,- 6:packed,-,-,- absent"]);
        assert_eq!(count(&seen, "HGET"), 1);
    });
}

#[test]
fn of_both_layouts_the_newer_row_is_read_and_of_equal_ones_that_of_the_new_layout() {
    for (layout, equal) in [("to-packed", "100:packed"), ("to-feast", "100:plain")] {
        play(async {
            let server = Fake::new().await;
            let store = on(Redis, &[server.port]).await;
            server.play(move |command| {
                project(layout, command, |command| {
                    let plain: [Option<&[u8]>; 2] = [Some(b"\x12\x05plain"), Some(b"\x08\x64")];
                    let row = |second| packed(second, [None, TEXT, None]);
                    match command[1][0] {
                        b'o' => bytes(&[plain[0], plain[1], Some(&row(99))]),
                        b'e' => bytes(&[plain[0], plain[1], Some(&row(100))]),
                        b'n' => bytes(&[plain[0], plain[1], Some(&row(101))]),
                        b'f' => bytes(&[plain[0], plain[1], None]),
                        b'p' => bytes(&[None, None, Some(&row(1))]),
                        _ => bytes(&[plain[0], None, None]),
                    }
                })
            });
            let views =
                vec![of(&view("v", &["f"]), &keys(&["older", "equal", "newer", "feast", "packed", "-"]))];
            let expected = format!("100:plain {equal} 101:packed 100:plain 1:packed absent");
            assert_eq!(read_all(&store, views).await.unwrap(), [expected]);
        });
    }
}

#[test]
fn damaged_rows_are_errors_that_name_view_and_key() {
    let whole = packed(5, [TEXT, TEXT, TEXT]);
    let longer = [&whole[..], &[0]].concat();
    for row in [&b""[..], b"\x02", &whole[..whole.len() - 8], &whole[..3], &longer] {
        let row = row.to_vec();
        play(async {
            let server = Fake::new().await;
            let store = on(Redis, &[server.port]).await;
            server.play(move |command| project("packed", command, |_| bytes(&[Some(&row)])));
            let read = read_all(&store, vec![of(&view("v", &["f"]), &keys(&["a"]))]).await;
            let error = read.unwrap_err();
            assert_eq!((error.kind(), error.get("view")), (Kind::Internal, Some("v")));
            assert_eq!(error.get("entity key"), Some("61"));
        });
    }
}

#[test]
fn a_schema_that_nobody_knows_is_an_error() {
    play(async {
        let server = Fake::new().await;
        let store = on(Redis, &[server.port]).await;
        server.play(|command| match &command[0][..] {
            b"HGET" => Act::Usual,
            _ => project("packed", command, |_| bytes(&[Some(&packed(5, [TEXT; 3]))])),
        });
        let read = read_all(&store, vec![of(&view("v", &["f"]), &keys(&["a"]))]).await;
        assert_eq!(read.unwrap_err().kind(), Kind::Internal);
    });
}
