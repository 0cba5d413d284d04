//! What else a write does, and how it fails.

use crate::place::{Place, entity, keep, request, shown, text, write};
use futures::future::join;
use provender_core::{Kind, SECOND};
use provender_redis::{Layout, RedisConfig, WriteMode};

pub(crate) async fn keys_live_as_long_as_the_settings_say(place: Place) {
    let table = place.view("stats", &["a"]);
    for (layout, mode) in [(Layout::Feast, WriteMode::Newest), (Layout::Feast, WriteMode::Overwrite)] {
        for (seconds, expected) in [(Some(500), 400..=500), (None, -1..=-1), (Some(0), -1..=-1)] {
            let _: u64 = place.ask("DEL", &[&place.key(1)]).await;
            let config =
                RedisConfig { key_ttl_seconds: seconds, layout, write_mode: Some(mode), ..place.config() };
            let store = place.open(config).await;
            write(&store, &table, &[(1, 10, None, &[Some("x")])]).await.unwrap();
            let ttl: i64 = place.ask("TTL", &[&place.key(1)]).await;
            assert!(expected.contains(&ttl), "{mode:?} {seconds:?}: {ttl}");
        }
    }
    let _: u64 = place.ask("DEL", &[&place.key(1)]).await;
}

pub(crate) async fn a_key_of_another_type_fails_the_write_by_name(place: Place) {
    let table = place.view("stats", &["a"]);
    let _: () = place.ask("SET", &[&place.key(1), b"text", b"EX", b"600"]).await;
    for mode in [WriteMode::Newest, WriteMode::Overwrite] {
        let store = place.open(RedisConfig { write_mode: Some(mode), ..place.config() }).await;
        let error = write(&store, &table, &[(1, 10, None, &[Some("x")])]).await.unwrap_err();
        assert_eq!((error.kind(), error.get("view")), (Kind::Internal, Some("stats")));
        assert!(error.get("reply").unwrap().contains("WRONGTYPE"), "{error}");
        assert_eq!(error.get("rows written"), Some("0"));
        // The connection is as good as before.
        write(&store, &table, &[(2, 10, None, &[Some("x")])]).await.unwrap();
    }
    assert_eq!(place.ask::<String>("GET", &[&place.key(1)]).await, "text");
}

pub(crate) async fn writers_of_other_views_do_not_disturb(place: Place) {
    let (one, other) = (place.store(Layout::Feast).await, place.store(Layout::Feast).await);
    let (a, b) = (place.view("a", &["x"]), place.view("b", &["x"]));
    let rows = |event: i64| -> Vec<_> {
        (0..200).map(|id| (entity(id), event * SECOND, None, vec![text(&event.to_string())])).collect()
    };
    for event in 1..=20 {
        let written =
            join(one.write(request(&a, &rows(event))), other.write(request(&b, &rows(event)))).await;
        assert_eq!((written.0.unwrap().written, written.1.unwrap().written), (200, 200));
    }
    for (store, table) in [(&one, &b), (&other, &a)] {
        let ids: Vec<i64> = (0..200).collect();
        assert!(shown(store, table, &ids).await.unwrap().iter().all(|row| row == "20: 20"));
    }
}

pub(crate) async fn a_cancelled_write_says_how_much_is_written(place: Place) {
    let (store, table) = (place.store(Layout::Feast).await, place.view("stats", &["a"]));
    let rows = [(entity(1), SECOND, None, vec![text("x")])];
    let request = request(&table, &rows);
    request.context.cancel.cancel();
    let error = store.write(request).await.unwrap_err();
    assert_eq!((error.message(), error.get("rows written")), ("interrupted", Some("0")));
    assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["absent"]);
}

pub(crate) async fn overwriting_takes_what_comes_last(place: Place) {
    for (layout, name) in [(Layout::Feast, "f"), (Layout::Packed, "p")] {
        let place = place.beside(&format!("{}_{name}", place.project));
        let config = RedisConfig { write_mode: Some(WriteMode::Overwrite), layout, ..place.config() };
        let (store, table) = (place.open(config).await, place.view("stats", &["a"]));
        keep(&store, &[&table]).await;
        write(&store, &table, &[(1, 20, Some(1), &[Some("new")])]).await.unwrap();
        let rows: [(_, _, _, &[_]); 2] = [(1, 11, None, &[Some("late")]), (1, 10, None, &[Some("later")])];
        let summary = write(&store, &table, &rows).await.unwrap();
        assert_eq!((summary.written, summary.stale), (1, 1));
        assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["10: later"]);
        assert!(!place.fields(1).await.iter().any(|field| field.starts_with(b"_cr:")));
    }
}
