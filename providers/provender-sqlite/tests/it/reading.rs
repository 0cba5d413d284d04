//! What a read gives.

use crate::common::{Shop, read, row, shown, string, view};
use futures::executor::block_on;
use provender_core::Kind;
use std::time::Instant;

#[test]
fn rows_follow_keys_and_nulls_are_no_absence() {
    let v = view("v", &["b", "a"]);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"1", 7, None, &["b1", "a1"]), (b"2", 8_000_000, None, vec![vec![], string("a2")])])
        .unwrap();
    let rows = shop.read(&v, &[b"2", b"none", b"1", b"2"]).unwrap();
    let all: Vec<_> = (0..4).map(|i| shown(&rows, i, 2)).collect();
    assert_eq!(all, ["8:  a2", "absent", "7: b1 a1", "8:  a2"]);
    assert_eq!(rows.cell(0, 0), Some(&b""[..]));
}

#[test]
fn features_come_in_the_order_asked_even_twice() {
    let v = view("v", &["c", "a", "b"]);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"k", 7, None, &["C", "A", "B"])]).unwrap();
    let rows = shop.read_some(&v, &[2, 0, 2], &[b"k"]).unwrap();
    assert_eq!(shown(&rows, 0, 3), "7: B C B");
    assert_eq!(shop.read_some(&v, &[], &[b"k"]).unwrap().time(0).unwrap().seconds(), 7);
    assert_eq!(shop.read_some(&v, &[3], &[b"k"]).unwrap_err().kind(), Kind::Internal);
}

#[test]
fn few_features_of_a_wide_view_read_like_all() {
    let names: Vec<_> = (0..40).map(|i| format!("f{i:02}")).collect();
    let v = view("v", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let shop = Shop::with_view(&v);
    let values: Vec<_> = names.iter().map(String::as_str).collect();
    shop.write(&v, &[row(b"k", 7, None, &values)]).unwrap();
    shop.outside().execute("DELETE FROM shop_v WHERE feature_name IN ('f30', 'f31')", []).unwrap();
    let rows = shop.read_some(&v, &[33, 2, 30], &[b"k", b"none"]).unwrap();
    assert_eq!((shown(&rows, 0, 3), shown(&rows, 1, 3)), ("7: f33 f02 -".to_owned(), "absent".to_owned()));
    // The key is there, only these features were never written.
    let rows = shop.read_some(&v, &[30, 31], &[b"k", b"none"]).unwrap();
    assert_eq!((shown(&rows, 0, 2), shown(&rows, 1, 2)), ("7: - -".to_owned(), "absent".to_owned()));
}

#[test]
fn views_of_one_request_come_in_its_order() {
    let (v, w) = (view("v", &["a"]), view("w", &["x", "y"]));
    let shop = Shop::with_view(&v);
    shop.keep(&[&w]).unwrap();
    shop.write(&v, &[row(b"k", 1, None, &["A"])]).unwrap();
    shop.write(&w, &[row(b"k", 2, None, &["X", "Y"])]).unwrap();
    let mut request = read(&w, &[1], &[b"k"]);
    request.views.extend(read(&v, &[0], &[b"none", b"k"]).views);
    let rows = block_on(shop.store.read(&request)).unwrap();
    assert_eq!(shown(&rows.views[0], 0, 1), "2: Y");
    assert_eq!(
        (shown(&rows.views[1], 0, 1), shown(&rows.views[1], 1, 1)),
        ("absent".to_owned(), "1: A".to_owned())
    );
    request.views.clear();
    assert!(block_on(shop.store.read(&request)).unwrap().views.is_empty());
}

#[test]
fn text_times_of_older_files_are_read_and_compared() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    let insert = "INSERT INTO shop_v VALUES (CAST('k' AS BLOB), 'a', X'1203616263', 'abc', NULL, ?1, ?1)";
    shop.outside().execute(insert, ["2026-11-20 10:00:00"]).unwrap();
    let ten = 1_795_168_800;
    assert_eq!(shop.row(&v, b"k"), format!("{ten}: abc"));
    assert_eq!(shop.write(&v, &[row(b"k", ten - 1, None, &["x"])]).unwrap().stale, 1);
    assert_eq!(shop.write(&v, &[row(b"k", ten, Some(ten), &["x"])]).unwrap().written, 1);
    assert_eq!(shop.row(&v, b"k"), format!("{ten}: x"));
}

#[test]
fn damaged_row_is_an_error_and_never_absent() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    for values in [
        "'a', X'', NULL, NULL, 'soon'",
        "'a', X'', NULL, NULL, NULL",
        "'a', 1, NULL, NULL, 7",
        "NULL, X'', NULL, NULL, 7",
    ] {
        shop.outside().execute("DELETE FROM shop_v", []).unwrap();
        shop.outside().execute(&format!("INSERT INTO shop_v VALUES (X'6b', {values}, NULL)"), []).unwrap();
        let error = shop.read(&v, &[b"k"]).unwrap_err();
        assert_eq!((error.kind(), error.get("view")), (Kind::Internal, Some("v")), "{error}");
    }
}

#[test]
fn passed_deadline_is_unavailable() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    let mut request = read(&v, &[0], &[b"k"]);
    request.context = request.context.until(Instant::now());
    assert_eq!(block_on(shop.store.read(&request)).unwrap_err().kind(), Kind::Unavailable);
}
