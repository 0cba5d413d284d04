//! Which row stays.

use crate::common::{Shop, batch, row, string, view, write};
use arrow_array::{Array as _, StringArray};
use futures::executor::block_on;
use provender_core::Kind;
use provender_core::online::WriteSummary;
use provender_sqlite::WriteMode;
use std::sync::Arc;

#[test]
fn newest_row_stays_whatever_comes_last() {
    let v = view("v", &["a", "b"]);
    let shop = Shop::with_view(&v);
    let write =
        |event, created, value| shop.write(&v, &[row(b"k", event, created, &[value, value])]).unwrap();
    let (taken, stale) = (WriteSummary { written: 1, stale: 0 }, WriteSummary { written: 0, stale: 1 });
    assert_eq!(write(100, Some(5), "first"), taken);
    assert_eq!(write(99, Some(9), "older"), stale);
    assert_eq!(write(100, Some(4), "made-earlier"), stale);
    assert_eq!(write(100, None, "never-made"), stale);
    assert_eq!(shop.row(&v, b"k"), "100: first first");
    assert_eq!(write(100, Some(5), "same-times"), taken);
    assert_eq!(write(100, Some(6), "corrected"), taken);
    assert_eq!(shop.row(&v, b"k"), "100: corrected corrected");
    assert_eq!(write(101, None, "newer"), taken);
    assert_eq!(shop.row(&v, b"k"), "101: newer newer");
}

#[test]
fn overwrite_keeps_what_is_written_last() {
    let v = view("v", &["a"]);
    let shop = Shop::with_mode(WriteMode::Overwrite);
    shop.keep(&[&v]).unwrap();
    assert!(!shop.store.capabilities().newest_wins);
    shop.write(&v, &[row(b"k", 100, None, &["new"])]).unwrap();
    let rows = [row(b"k", 50, None, &["first"]), row(b"k", 40, None, &["last"])];
    assert_eq!(shop.write(&v, &rows).unwrap(), WriteSummary { written: 1, stale: 1 });
    assert_eq!(shop.row(&v, b"k"), "40: last");
}

#[test]
fn newest_of_a_batch_is_found_by_the_microsecond() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    let at =
        |micros: i64, created: Option<i64>, value: &str| (&b"k"[..], micros, created, vec![string(value)]);
    let rows = [at(1_700_000, None, "late"), at(1_200_000, None, "early"), row(b"other", 1, None, &["o"])];
    assert_eq!(shop.write(&v, &rows).unwrap(), WriteSummary { written: 2, stale: 1 });
    assert_eq!(shop.row(&v, b"k"), "1: late");
    let rows = [at(2_000_000, Some(5), "made-later"), at(2_000_000, Some(4), "x"), at(2_000_000, None, "y")];
    shop.write(&v, &rows).unwrap();
    assert_eq!(shop.row(&v, b"k"), "2: made-later");
    let rows = [at(3_000_000, None, "before"), at(3_000_000, None, "equal-and-after")];
    shop.write(&v, &rows).unwrap();
    assert_eq!(shop.row(&v, b"k"), "3: equal-and-after");
}

#[test]
fn row_is_stale_as_a_whole() {
    let v = view("v", &["a", "b"]);
    let shop = Shop::with_view(&v);
    // What Feast leaves when a feature joins a view later: values of one key with times of their own.
    let insert = "INSERT INTO shop_v VALUES (CAST('k' AS BLOB), ?1, X'', NULL, NULL, ?2, NULL)";
    shop.outside().execute(insert, ("a", 10)).unwrap();
    shop.outside().execute(insert, ("b", 20)).unwrap();
    assert_eq!(shop.write(&v, &[row(b"k", 15, None, &["x", "x"])]).unwrap().stale, 1);
    assert_eq!(shop.row(&v, b"k"), "20:  ");
    assert_eq!(shop.write(&v, &[row(b"k", 20, None, &["x", "x"])]).unwrap().written, 1);
    assert_eq!(shop.row(&v, b"k"), "20: x x");
}

#[test]
fn times_before_1970_are_rounded_down() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[(b"k", -1_500_000, Some(-1), vec![string("x")])]).unwrap();
    assert_eq!(shop.row(&v, b"k"), "-2: x");
    let created: i64 = shop.outside().query_row("SELECT created_ts FROM shop_v", [], |r| r.get(0)).unwrap();
    assert_eq!(created, -1);
}

#[test]
fn view_wider_than_a_statement_is_written_whole() {
    let names: Vec<_> = (0..700).map(|i| format!("f{i:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let v = view("v", &names);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"k", 1, None, &names), row(b"l", 1, None, &names)]).unwrap();
    assert_eq!(shop.row(&v, b"k"), format!("1: {}", names.join(" ")));
    assert_eq!(shop.row(&v, b"l"), format!("1: {}", names.join(" ")));
}

#[test]
fn rows_that_do_not_fit_the_view_are_refused() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    let good = write(&v, &[row(b"k", 1, None, &["x"])]);
    let columns = good.rows.columns();
    let text = Arc::new(StringArray::from(vec!["x"]));
    let null = |i: usize| arrow_array::new_null_array(columns[i].data_type(), 1);
    for wrong in [
        columns[..3].to_vec(),
        [&columns[..3], &[text]].concat(),
        [&[null(0)], &columns[1..]].concat(),
        [&columns[..1], &[null(1)], &columns[2..]].concat(),
        [&columns[..3], &[null(3)]].concat(),
    ] {
        let mut write = good.clone();
        write.rows = batch(wrong);
        let error = block_on(shop.store.write(write)).unwrap_err();
        assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some("v")), "{error}");
    }
    assert_eq!(shop.row(&v, b"k"), "absent");
}

#[test]
fn cancelled_write_leaves_nothing() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    let write = write(&v, &[row(b"k", 1, None, &["x"])]);
    write.context.cancel.cancel();
    assert_eq!(block_on(shop.store.write(write)).unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(shop.row(&v, b"k"), "absent");
}
