//! Which row stays, whoever wrote what is there.

use crate::place::{Place, Store, entity, feasts_time, keep, request, rows, shown, text, write};
use futures::future::join_all;
use provender_core::online::OnlineTable;
use provender_core::{SECOND, Timestamp, ValueType};
use provender_redis::Layout;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Numbers without much order (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end) as i64
    }
}

const KEYS: u64 = 150;

/// Batches of one writer: key, event and created microsecond.
fn batches(seed: u64) -> Vec<Vec<(i64, i64, Option<i64>)>> {
    let mut numbers = Numbers(seed);
    let mut row = || {
        let created = numbers.below(4);
        (numbers.below(KEYS), numbers.below(40) + 1, (created > 0).then_some(created))
    };
    (0..25).map(|_| (0..100).map(|_| row()).collect()).collect()
}

/// What the value of a row says: that it is of this row.
fn named(event: i64, created: Option<i64>) -> Vec<u8> {
    text(&format!("{event}/{created:?}"))
}

async fn write_all(store: Store, table: Arc<OnlineTable>, seed: u64) {
    for batch in batches(seed) {
        let rows: Vec<_> = batch
            .into_iter()
            .map(|(id, event, created)| {
                let value = named(event, created);
                (entity(id), event, created, vec![value.clone(), value])
            })
            .collect();
        let summary = store.write(request(&table, &rows)).await.unwrap();
        assert_eq!(summary.written + summary.stale, 100);
    }
}

pub(crate) async fn writers_that_race_end_with_the_newest(place: Place) {
    for (layout, name) in [(Layout::Feast, "raced"), (Layout::Packed, "raced_packed")] {
        let place = place.beside(&format!("{}_{name}", place.project));
        let features = ["a", "b"].map(|name| (name.to_owned(), ValueType::STRING));
        let table = place.view_of(name, features);
        keep(&place.store(layout).await, &[&table]).await;
        let mut writers = Vec::new();
        for seed in 1..=6 {
            let store = place.store(layout).await;
            writers.push(tokio::spawn(write_all(store, Arc::clone(&table), seed * 7919)));
        }
        for writer in join_all(writers).await {
            writer.unwrap();
        }
        let mut newest: BTreeMap<i64, (i64, Option<i64>)> = BTreeMap::new();
        for (id, event, created) in (1..=6).flat_map(|seed| batches(seed * 7919)).flatten() {
            let age = newest.entry(id).or_insert((event, created));
            *age = (*age).max((event, created));
        }
        let ids: Vec<i64> = newest.keys().copied().collect();
        let found = rows(&place.store(layout).await, &table, &ids).await.unwrap();
        for (row, (id, (event, created))) in newest.into_iter().enumerate() {
            let value = named(event, created);
            assert_eq!(found.time(row), Some(Timestamp(event)), "{name} {id}");
            assert_eq!([found.cell(row, 0), found.cell(row, 1)], [Some(value.as_slice()); 2], "{name} {id}");
        }
    }
}

/// Writes as Feast does: a value and its time, whatever else is there.
async fn as_feast(place: &Place, id: i64, table: &OnlineTable, field: [u8; 4], value: &str, second: i64) {
    let time = [b"_ts:", table.view.as_bytes()].concat();
    let (value, event) = (text(value), feasts_time(Timestamp(second * SECOND)));
    let _: u64 = place.ask("HSET", &[&place.key(id), &field, &value, &time, &event]).await;
}

/// The field of `driver_hourly_stats:conv_rate`, as the notes on Feast's formats have it.
const FIELD: [u8; 4] = [0x61, 0x60, 0xe3, 0xda];

fn stats(place: &Place) -> Arc<OnlineTable> {
    place.view("driver_hourly_stats", &["conv_rate"])
}

pub(crate) async fn feasts_rows_are_replaced_by_what_is_not_older(place: Place) {
    let (store, table) = (place.store(Layout::Feast).await, stats(&place));
    for (id, (second, stays)) in [(99, "feast"), (100, "ours"), (101, "ours")].into_iter().enumerate() {
        as_feast(&place, id as i64, &table, FIELD, "feast", 100).await;
        write(&store, &table, &[(id as i64, second, Some(1), &[Some("ours")])]).await.unwrap();
        let found = shown(&store, &table, &[id as i64]).await.unwrap();
        assert_eq!(found, [format!("{}: {stays}", second.max(100))]);
    }
}

pub(crate) async fn created_times_end_with_their_event(place: Place) {
    let (store, table) = (place.store(Layout::Feast).await, stats(&place));
    write(&store, &table, &[(1, 100, Some(50), &[Some("ours")])]).await.unwrap();
    as_feast(&place, 1, &table, FIELD, "feast", 200).await;
    // Feast knows of no created time; ours was of another row.
    let first = write(&store, &table, &[(1, 200, Some(20), &[Some("corrected")])]).await.unwrap();
    let second = write(&store, &table, &[(1, 200, Some(10), &[Some("older")])]).await.unwrap();
    assert_eq!((first.written, second.written, second.stale), (1, 0, 1));
    assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["200: corrected"]);
}

pub(crate) async fn an_event_time_of_zero_is_none_unless_we_wrote_it(place: Place) {
    let (store, table) = (place.store(Layout::Feast).await, stats(&place));
    as_feast(&place, 1, &table, FIELD, "feast", 0).await;
    write(&store, &table, &[(2, 0, None, &[Some("zero")])]).await.unwrap();
    let late: [&[_]; 2] = [&[Some("before 1970")], &[Some("before 1970")]];
    write(&store, &table, &[(1, -5, None, late[0]), (2, -5, None, late[1])]).await.unwrap();
    assert_eq!(shown(&store, &table, &[1, 2]).await.unwrap(), ["-5: before 1970", "0: zero"]);
}
