//! Tables that come and go.

use crate::common::{Shop, open, row, view};
use futures::executor::block_on;
use provender_core::Kind;
use provender_core::online::{InfraChanges, OnlineTable};
use provender_sqlite::WriteMode;
use std::sync::Arc;

#[test]
fn nothing_is_made_before_the_first_view_is_set_up() {
    let v = view("v", &["a"]);
    let shop = Shop::new();
    let drop = InfraChanges { drop: vec![Arc::clone(&v)], ..InfraChanges::default() };
    block_on(shop.store.reconcile(&drop)).unwrap();
    assert_eq!(shop.read(&v, &[b"k"]).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(std::fs::read_dir(shop.folder()).unwrap().count(), 0);
    shop.keep(&[&v]).unwrap();
    assert!(shop.file().is_file());
}

#[test]
fn view_that_was_never_set_up_is_not_found_by_name() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&view("other", &["a"]));
    let read = shop.read(&v, &[b"k"]).unwrap_err();
    let write = shop.write(&v, &[row(b"k", 1, None, &["x"])]).unwrap_err();
    let empty = shop.write(&v, &[]).unwrap_err();
    for error in [read, write, empty] {
        assert_eq!((error.kind(), error.get("view")), (Kind::NotFound, Some("v")));
        assert_eq!(error.get("table"), Some("shop_v"));
        assert!(error.message().contains("materialize"), "{error}");
    }
}

#[test]
fn setting_up_twice_and_dropping_twice_is_harmless() {
    let v = view("v", &["a"]);
    let shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"k", 1, None, &["x"])]).unwrap();
    shop.keep(&[&v]).unwrap();
    assert_eq!(shop.row(&v, b"k"), "1: x");
    let drop = InfraChanges { drop: vec![Arc::clone(&v)], ..InfraChanges::default() };
    block_on(shop.store.reconcile(&drop)).unwrap();
    block_on(shop.store.reconcile(&drop)).unwrap();
    assert_eq!(shop.read(&v, &[b"k"]).unwrap_err().kind(), Kind::NotFound);
    shop.keep(&[&v]).unwrap();
    assert_eq!(shop.row(&v, b"k"), "absent");
}

#[test]
fn removed_features_go_and_the_rest_stays() {
    let (old, new) = (view("v", &["a", "b", "c"]), view("v", &["d", "c", "a"]));
    let shop = Shop::with_view(&old);
    shop.write(&old, &[row(b"k", 1, None, &["A", "B", "C"])]).unwrap();
    alter(&shop, &old, &new);
    alter(&shop, &old, &new);
    assert_eq!(shop.row(&new, b"k"), "1: - C A");
    assert_eq!(shop.row(&old, b"k"), "1: A - C");
}

#[test]
fn rows_under_other_join_keys_go() {
    let old = view("v", &["a"]);
    let with_keys = |keys: [&str; 2]| OnlineTable {
        join_keys: keys.map(str::to_owned).to_vec(),
        ..OnlineTable::clone(&old)
    };
    let (new, turned) = (Arc::new(with_keys(["id", "day"])), Arc::new(with_keys(["day", "id"])));
    let shop = Shop::with_view(&old);
    shop.write(&old, &[row(b"k", 1, None, &["A"])]).unwrap();
    alter(&shop, &old, &new);
    assert_eq!(shop.row(&new, b"k"), "absent");
    shop.write(&new, &[row(b"k", 1, None, &["A"])]).unwrap();
    alter(&shop, &new, &turned);
    assert_eq!(shop.row(&turned, b"k"), "1: A");
}

fn alter(shop: &Shop, old: &Arc<OnlineTable>, new: &Arc<OnlineTable>) {
    let alter = vec![(Arc::clone(old), Arc::clone(new))];
    block_on(shop.store.reconcile(&InfraChanges { alter, ..InfraChanges::default() })).unwrap();
}

#[test]
fn view_may_change_the_case_of_its_name() {
    let (old, new) = (view("Stats", &["a"]), view("stats", &["a"]));
    let shop = Shop::with_view(&old);
    let changes = InfraChanges { keep: vec![Arc::clone(&new)], drop: vec![old], ..InfraChanges::default() };
    block_on(shop.store.reconcile(&changes)).unwrap();
    assert_eq!(shop.row(&new, b"k"), "absent");
}

#[test]
fn any_name_is_only_a_name() {
    let victim = view("v", &["a"]);
    let shop = Shop::with_view(&victim);
    for name in ["v\"; DROP TABLE shop_v; --", "with-dash", "select", "日本", "a b", "'"] {
        let v = view(name, &["a'", "b\"; --"]);
        shop.keep(&[&v]).unwrap();
        shop.write(&v, &[row(b"k", 1, None, &["x", "y"])]).unwrap();
        assert_eq!(shop.row(&v, b"k"), "1: x y", "{name}");
        assert_eq!(shop.store.describe(&v), format!("sqlite table shop_{name}"));
        let drop = InfraChanges { drop: vec![v], ..InfraChanges::default() };
        block_on(shop.store.reconcile(&drop)).unwrap();
    }
    assert_eq!(shop.row(&victim, b"k"), "absent");
}

#[test]
fn names_that_sqlite_cannot_have_are_the_users_mistake() {
    let shop = Shop::with_view(&view("v", &["a"]));
    let reserved =
        Arc::new(OnlineTable { project: "sqlite".to_owned(), ..OnlineTable::clone(&view("x", &["a"])) });
    // The index of `v` has this name.
    for wrong in [reserved, view("v_ek", &["a"]), view("nu\0l", &["a"])] {
        let error = shop.keep(&[&view("good", &["a"]), &wrong]).unwrap_err();
        assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some(wrong.view.as_str())), "{error}");
        // All or nothing.
        assert_eq!(shop.read(&view("good", &["a"]), &[b"k"]).unwrap_err().kind(), Kind::NotFound);
    }
}

#[test]
fn dropping_the_store_leaves_one_file_that_opens_again() {
    let v = view("v", &["a"]);
    let mut shop = Shop::with_view(&v);
    shop.write(&v, &[row(b"k", 1, None, &["x"])]).unwrap();
    assert_eq!(shop.row(&v, b"k"), "1: x");
    shop.store = open(&shop.folder().join("elsewhere"), WriteMode::Newest).unwrap();
    let files = std::fs::read_dir(shop.file().parent().unwrap()).unwrap();
    assert_eq!(files.map(|f| f.unwrap().file_name()).collect::<Vec<_>>(), ["online_store.db"]);
    shop.store = open(shop.folder(), WriteMode::Newest).unwrap();
    assert_eq!(shop.row(&v, b"k"), "1: x");
}
