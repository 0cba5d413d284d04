//! Files that are missing, wrong, damaged, locked or swapped.

use crate::common::{Shop, open, read, row, view, write};
use futures::executor::block_on;
use provender_core::Kind;
use provender_core::online::InfraChanges;
use provender_sqlite::WriteMode;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn wrong_paths_are_refused_when_the_store_opens() {
    let folder = tempfile::tempdir().unwrap();
    let error = |what| {
        let error = open(folder.path(), WriteMode::Newest).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{what}: {error}");
        assert!(error.get("path").unwrap().ends_with("data/online_store.db"), "{what}: {error}");
        error.message().to_owned()
    };
    std::fs::create_dir_all(folder.path().join("data/online_store.db")).unwrap();
    assert!(error("a folder").contains("folder"));
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data"), "").unwrap();
    error("a file where the folder should be");
    std::fs::remove_file(folder.path().join("data")).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/online_store.db"), "driver_id,conv_rate\n".repeat(100)).unwrap();
    assert!(error("another kind of file").contains("not an SQLite database"));
}

#[cfg(target_os = "linux")]
#[test]
fn folder_that_may_not_be_written_is_denied() {
    use provender_core::{OpenContext, Provider as _};
    use provender_sqlite::{Sqlite, SqliteConfig};
    // Not even root makes folders there.
    let context = OpenContext::new("shop", "/sys");
    let store = block_on(Sqlite::open(SqliteConfig::default(), &context)).unwrap();
    let changes = InfraChanges { keep: vec![view("v", &["a"])], ..InfraChanges::default() };
    let error = block_on(store.reconcile(&changes)).unwrap_err();
    assert_eq!((error.kind(), error.get("path")), (Kind::Denied, Some("/sys/data")), "{error}");
}

#[test]
fn damaged_file_is_an_error_and_never_absent() {
    let v = view("v", &["a"]);
    let mut shop = Shop::with_view(&v);
    let keys: Vec<_> = (0..2000_u32).map(u32::to_be_bytes).collect();
    let rows: Vec<_> = keys.iter().map(|k| row(k, 1, None, &["some value"])).collect();
    shop.write(&v, &rows).unwrap();
    shop.store = open(&shop.folder().join("elsewhere"), WriteMode::Newest).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(shop.file()).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    (1..pages).for_each(|page| file.write_all_at(&[0xff; 4096], page * 4096).unwrap());
    shop.store = open(shop.folder(), WriteMode::Newest).unwrap();
    let error = shop.read(&v, &[&keys[7]]).unwrap_err();
    assert_eq!(error.kind(), Kind::Internal, "{error}");
    assert!(error.get("path").unwrap().ends_with("online_store.db"));
}

#[test]
fn reads_go_on_while_somebody_writes() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"k", 1, None, &["old"])]).unwrap();
    let other = shop.outside();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE shop_v SET event_ts = 2").unwrap();
    assert_eq!(shop.row(&v, b"k"), "1: old");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(shop.row(&v, b"k"), "2: old");
}

#[test]
fn locked_store_is_unavailable_by_the_deadline() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    let other = shop.outside();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut write = write(&v, &[row(b"k", 1, None, &["x"])]);
    write.context = write.context.until(Instant::now() + Duration::from_millis(50));
    let error = block_on(shop.store.write(write)).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
    assert!(error.to_string().contains("locked"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    shop.write(&v, &[row(b"k", 1, None, &["x"])]).unwrap();
}

#[test]
fn file_that_was_deleted_and_made_again_is_followed() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"k", 5, None, &["old"])]).unwrap();
    assert_eq!(shop.row(&v, b"k"), "5: old");
    std::fs::remove_dir_all(shop.file().parent().unwrap()).unwrap();
    assert_eq!(shop.read(&v, &[b"k"]).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(shop.write(&v, &[row(b"k", 9, None, &["x"])]).unwrap_err().kind(), Kind::NotFound);
    let other = open(shop.folder(), WriteMode::Newest).unwrap();
    let changes = InfraChanges { keep: vec![Arc::clone(&v)], ..InfraChanges::default() };
    block_on(other.reconcile(&changes)).unwrap();
    block_on(other.write(write(&v, &[row(b"k", 1, None, &["new"])]))).unwrap();
    // As often as there may be readers.
    (0..10).for_each(|_| assert_eq!(shop.row(&v, b"k"), "1: new"));
    assert_eq!(shop.write(&v, &[row(b"k", 2, None, &["newer"])]).unwrap().written, 1);
    assert_eq!(shop.row(&v, b"k"), "2: newer");
}

#[test]
fn many_readers_and_a_writer_share_the_store() {
    let v = view("v", &["a", "b"]);
    let shop = Shop::with_view(&v);
    let keys: Vec<_> = (0..50_u8).map(|k| [k]).collect();
    let generation = |n: i64| {
        let value = n.to_string();
        let rows: Vec<_> = keys.iter().map(|k| row(k, n, None, &[&value, &value])).collect();
        shop.write(&v, &rows).unwrap();
    };
    generation(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 40 {
                    let request = read(&v, &[0, 1], &keys.iter().map(|k| &k[..]).collect::<Vec<_>>());
                    let rows = block_on(shop.store.read(&request)).unwrap().views.remove(0);
                    let now = rows.time(0).unwrap().seconds();
                    assert!(now >= last);
                    // One moment: every key and every cell of the same generation.
                    let expected = crate::common::string(&now.to_string());
                    for i in 0..keys.len() {
                        assert_eq!(
                            (rows.cell(i, 0), rows.cell(i, 1)),
                            (Some(&expected[..]), Some(&expected[..]))
                        );
                    }
                    last = now;
                }
            });
        }
        (1..=40).for_each(generation);
    });
}
