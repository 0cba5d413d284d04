//! A process that is killed in the middle of its writes.

use crate::common::{Shop, open, row, view, write};
use futures::executor::block_on;
use provender_sqlite::WriteMode;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

const FOLDER: &str = "PROVENDER_TEST_SQLITE_KILL";
const KEYS: u32 = 3000;

#[test]
fn killed_writer_leaves_whole_batches() {
    let v = view("v", &["a", "b", "c"]);
    let shop = Shop::with_view(&v);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::endless_writer", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, shop.folder())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let written =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("wrote ")?.parse::<i64>().ok());
    // It goes on writing while it is killed.
    let seen = written.take(3).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let check: String = shop.outside().query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(check, "ok");
    let keys: Vec<_> = (0..KEYS).map(u32::to_be_bytes).collect();
    let rows = shop.read(&v, &keys.iter().map(|k| &k[..]).collect::<Vec<_>>()).unwrap();
    let generation = rows.time(0).unwrap().seconds();
    assert!(generation >= seen, "{generation} < {seen}");
    let value = crate::common::string(&generation.to_string());
    for i in 0..keys.len() {
        assert_eq!(rows.time(i).unwrap().seconds(), generation);
        assert!((0..3).all(|f| rows.cell(i, f) == Some(&value)));
    }
    assert_eq!(shop.write(&v, &[row(&keys[0], generation + 1, None, &["x", "y", "z"])]).unwrap().written, 1);
}

#[test]
#[ignore = "the child process of killed_writer_leaves_whole_batches"]
fn endless_writer() {
    let folder = std::env::var(FOLDER).expect("killed_writer_leaves_whole_batches starts this");
    let store = open(Path::new(&folder), WriteMode::Newest).unwrap();
    let v = view("v", &["a", "b", "c"]);
    let keys: Vec<_> = (0..KEYS).map(u32::to_be_bytes).collect();
    for generation in 1..i64::MAX {
        let value = generation.to_string();
        let rows: Vec<_> = keys.iter().map(|k| row(k, generation, None, &[&value, &value, &value])).collect();
        block_on(store.write(write(&v, &rows))).unwrap();
        println!("wrote {generation}");
        std::io::stdout().flush().unwrap();
    }
}
