//! The packed layout.

use crate::place::{Place, entity, feasts_time, keep, request, shown, text, write};
use provender_core::{Kind, SECOND, Timestamp, ValueType};
use provender_redis::Layout;

fn schemas(place: &Place) -> Vec<u8> {
    format!("provender:schemas:{}", place.project).into_bytes()
}

pub(crate) async fn rows_of_an_older_schema_are_read_by_name_and_type(place: Place) {
    let store = place.store(Layout::Packed).await;
    let old = place.view("stats", &["a", "b", "c"]);
    keep(&store, &[&old]).await;
    write(&store, &old, &[(1, 10, Some(10), &[Some("x"), None, Some("z")])]).await.unwrap();
    assert_eq!(place.fields(1).await.len(), 1, "one field for the view");
    let of = |name: &str, value_type| (name.to_owned(), value_type);
    let new = place.view_of(
        "stats",
        [
            of("c", ValueType::STRING),
            of("d", ValueType::STRING),
            of("a", ValueType::INT64),
            of("b", ValueType::STRING),
        ],
    );
    // A store that knows neither schema yet.
    let other = place.store(Layout::Packed).await;
    assert_eq!(shown(&other, &new, &[1, 2]).await.unwrap(), ["10: z never never null", "absent"]);
    write(&other, &new, &[(1, 11, None, &[Some("zz"), Some("d"), None, Some("b")])]).await.unwrap();
    assert_eq!(shown(&store, &new, &[1]).await.unwrap(), ["11: zz d null b"]);
    assert_eq!(shown(&store, &old, &[1]).await.unwrap(), ["11: never b zz"]);
}

pub(crate) async fn a_lost_schema_is_an_error(place: Place) {
    let (store, table) = (place.store(Layout::Packed).await, place.view("stats", &["a"]));
    keep(&store, &[&table]).await;
    write(&store, &table, &[(1, 10, None, &[Some("x")])]).await.unwrap();
    let _: u64 = place.ask("DEL", &[&schemas(&place)]).await;
    let changed = place.view("stats", &["a", "b"]);
    let error = shown(&place.store(Layout::Packed).await, &changed, &[1]).await.unwrap_err();
    assert_eq!((error.kind(), error.get("view")), (Kind::Internal, Some("stats")));
    // Rows of the view's own schema need none.
    assert_eq!(shown(&place.store(Layout::Packed).await, &table, &[1]).await.unwrap(), ["10: x"]);
}

/// One entity of 25 views of 10 INT64 and 5 views of 10 mixed features.
pub(crate) async fn packed_rows_take_a_quarter_of_the_memory(place: Place) {
    let mut memory = Vec::new();
    for (layout, name) in [(Layout::Feast, "f"), (Layout::Packed, "p")] {
        let place = place.beside(&format!("{}_{name}", place.project));
        let store = place.store(layout).await;
        for view in 0..30 {
            let names: Vec<String> = (0..10).map(|f| format!("feature_{f}")).collect();
            let table =
                place.view(&format!("view_{view}"), &names.iter().map(String::as_str).collect::<Vec<_>>());
            keep(&store, &[&table]).await;
            let value = |f: u8| match (view < 25, f % 5) {
                (true, _) => vec![0x20, 0x80 | f, 0x40],
                // Longer than what Redis keeps in compact hashes, as strings and lists are.
                (false, 0) => text(&"list ".repeat(15)),
                (false, 1) => vec![0x30, 1],
                (false, 2) => [&[0x29][..], &[f; 8]].concat(),
                (false, 3) => vec![0x20, f],
                (false, _) => vec![0x3d, 1, 2, 3, 4],
            };
            let time = 1_795_000_000 * SECOND + 123;
            let rows = [(entity(1), time, Some(time + 5 * SECOND), (0..10).map(value).collect())];
            store.write(request(&table, &rows)).await.unwrap();
        }
        memory.push(place.ask::<f64>("MEMORY", &[b"USAGE", &place.key(1), b"SAMPLES", b"0"]).await);
    }
    let share = memory[1] / memory[0];
    assert!(share <= 0.25, "{} of {} bytes: {share:.3}", memory[1], memory[0]);
}

pub(crate) async fn rows_of_feast_are_found_until_they_are_converted(place: Place) {
    let table = place.view("driver_hourly_stats", &["conv_rate"]);
    let event = feasts_time(Timestamp(10 * SECOND));
    let value = text("feast");
    let words: [&[u8]; 5] =
        [&place.key(1), &[0x61, 0x60, 0xe3, 0xda], &value, b"_ts:driver_hourly_stats", &event];
    let _: u64 = place.ask("HSET", &words).await;
    let _: u64 = place.ask("EXPIRE", &[&place.key(1), b"600"]).await;
    let store = place.store(Layout::Packed).await;
    assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["10: feast"]);
    keep(&store, &[&table]).await;
    assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["10: feast"]);
    let late = write(&store, &table, &[(1, 9, None, &[Some("late")])]).await.unwrap();
    assert_eq!((late.written, late.stale), (0, 1));
    write(&store, &table, &[(1, 11, None, &[Some("new")])]).await.unwrap();
    assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["11: new"]);
    assert_eq!(place.fields(1).await.len(), 2, "as Feast has it, for those who read that alone");
}
