//! From one layout to the other, beside readers and writers.

use crate::place::{Place, Store, entity, keep, request, rows, shown, text, write};
use futures::future::join_all;
use provender_core::online::{InfraChanges, Maintenance, MaintenanceReport, MaintenanceTask, OnlineTable};
use provender_core::{Cancel, Progress, RequestContext, Result, SECOND};
use provender_redis::Layout;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

async fn migrate(
    store: &Store,
    tables: &[Arc<OnlineTable>],
    to: &str,
    context: RequestContext,
) -> Result<MaintenanceReport> {
    let task = MaintenanceTask::MigrateLayout { to: to.to_owned() };
    let rate = std::num::NonZeroU32::new(200_000);
    store.maintain(&Maintenance { task, tables: tables.to_vec(), rate, context }).await
}

const KEYS: i64 = 1500;

/// Writes newer and newer rows, a third of the keys at a time; the value is the event's second. What is certainly written is noted.
async fn keep_writing(
    store: Store,
    table: Arc<OnlineTable>,
    stop: Arc<AtomicBool>,
    written: Arc<Vec<AtomicI64>>,
) -> i64 {
    let mut event = 1;
    while !stop.load(Ordering::SeqCst) {
        event += 1;
        let ids = (0..KEYS).filter(|id| id % 3 == event % 3);
        let batch: Vec<_> = ids
            .clone()
            .map(|id| (entity(id), event * SECOND, Some(event * SECOND), vec![text(&event.to_string()); 2]))
            .collect();
        store.write(request(&table, &batch)).await.unwrap();
        ids.for_each(|id| written[id as usize].store(event, Ordering::SeqCst));
    }
    event
}

/// Reads all keys again and again: never an older row than was written before, never a value of another row.
async fn keep_reading(
    store: Store,
    table: Arc<OnlineTable>,
    stop: Arc<AtomicBool>,
    written: Arc<Vec<AtomicI64>>,
) -> u64 {
    let ids: Vec<i64> = (0..KEYS).collect();
    let mut reads = 0;
    while !stop.load(Ordering::SeqCst) {
        let least: Vec<i64> = written.iter().map(|event| event.load(Ordering::SeqCst)).collect();
        let found = rows(&store, &table, &ids).await.unwrap();
        for (row, least) in least.into_iter().enumerate() {
            let event = found.time(row).unwrap_or_else(|| panic!("row {row} is missing")).seconds();
            assert!(event >= least, "row {row} is of {event} where {least} was written");
            let value = text(&event.to_string());
            assert_eq!([found.cell(row, 0), found.cell(row, 1)], [Some(value.as_slice()); 2], "row {row}");
        }
        reads += 1;
    }
    reads
}

pub(crate) async fn rows_are_right_at_every_moment_of_a_migration(place: Place) {
    let table = place.view("stats", &["a", "b"]);
    let first = place.store(Layout::Feast).await;
    let values: &[_] = &[Some("1"), Some("1")];
    let start: Vec<_> = (0..KEYS).map(|id| (id, 1, Some(1), values)).collect();
    write(&first, &table, &start).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new((0..KEYS).map(|_| AtomicI64::new(1)).collect::<Vec<_>>());
    let mut tasks = Vec::new();
    // Processes of either setting, which none of them changes.
    for layout in [Layout::Feast, Layout::Packed] {
        let shared = || (Arc::clone(&table), Arc::clone(&stop), Arc::clone(&written));
        let (t, s, w) = shared();
        tasks.push(tokio::spawn(keep_reading(place.store(layout).await, t, s, w)));
        if layout == Layout::Feast {
            let (t, s, w) = shared();
            let writing = keep_writing(place.store(layout).await, t, s, w);
            tasks.push(tokio::spawn(async move { writing.await as u64 }));
        }
    }
    let tables = [Arc::clone(&table)];
    for (to, fields) in [("packed", 1), ("feast", 4)] {
        let report = migrate(&first, &tables, to, RequestContext::local()).await.unwrap();
        assert!(report.keys >= KEYS as u64);
        for id in [0, 1, KEYS - 1] {
            assert_eq!(place.fields(id).await.len(), fields, "to {to}");
        }
    }
    stop.store(true, Ordering::SeqCst);
    for task in join_all(tasks).await {
        assert!(task.unwrap() > 2, "everybody did something");
    }
}

pub(crate) async fn an_empty_project_takes_the_layout_of_the_settings(place: Place) {
    let table = place.view("stats", &["a", "b"]);
    for (layout, fields) in [(Layout::Packed, 1), (Layout::Feast, 4), (Layout::Packed, 1)] {
        let store = place.store(layout).await;
        keep(&store, &[&table]).await;
        write(&store, &table, &[(1, 10, Some(10), &[Some("x"), None])]).await.unwrap();
        assert_eq!(place.fields(1).await.len(), fields, "{layout:?}");
        // With rows it stays as it is.
        let other = if layout == Layout::Feast { Layout::Packed } else { Layout::Feast };
        let other = place.store(other).await;
        keep(&other, &[&table]).await;
        write(&other, &table, &[(1, 11, Some(11), &[Some("y"), None])]).await.unwrap();
        assert_eq!(place.fields(1).await.len(), fields, "{layout:?}");
        assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["11: y null"]);
        let drop = vec![Arc::clone(&table)];
        store.reconcile(&InfraChanges { drop, ..InfraChanges::default() }).await.unwrap();
    }
}

pub(crate) async fn an_interrupted_migration_is_finished_by_the_next(place: Place) {
    let table = place.view("stats", &["a"]);
    let store = place.store(Layout::Feast).await;
    let values: &[_] = &[Some("x")];
    let all: Vec<_> = (0..KEYS).map(|id| (id, 10, None, values)).collect();
    write(&store, &table, &all).await.unwrap();
    let cancel = Cancel::default();
    let context = RequestContext { cancel: cancel.clone(), ..RequestContext::local() };
    let context = RequestContext { progress: Progress::new(move |_| cancel.cancel()), ..context };
    let tables = [Arc::clone(&table)];
    assert_eq!(migrate(&store, &tables, "packed", context).await.unwrap_err().message(), "interrupted");
    let ids: Vec<i64> = (0..KEYS).collect();
    for layout in [Layout::Feast, Layout::Packed] {
        let found = shown(&place.store(layout).await, &table, &ids).await.unwrap();
        assert!(found.iter().all(|row| row == "10: x"), "while it is unfinished");
    }
    migrate(&store, &tables, "packed", RequestContext::local()).await.unwrap();
    for layout in [Layout::Feast, Layout::Packed] {
        let found = shown(&place.store(layout).await, &table, &ids).await.unwrap();
        assert!(found.iter().all(|row| row == "10: x"), "when it is done");
    }
    assert_eq!(place.fields(7).await.len(), 1);
}

pub(crate) async fn a_migration_keeps_what_makes_a_row_new(place: Place) {
    let table = place.view("stats", &["a", "b"]);
    let store = place.store(Layout::Feast).await;
    keep(&store, &[&table]).await;
    write(&store, &table, &[(1, 10, Some(20), &[Some("x"), None]), (2, 0, None, &[Some("zero"), None])])
        .await
        .unwrap();
    for to in ["packed", "feast"] {
        migrate(&store, &[Arc::clone(&table)], to, RequestContext::local()).await.unwrap();
        let other = place.store(Layout::Feast).await;
        let late =
            write(&other, &table, &[(1, 10, Some(19), &[Some("late"), None]), (2, -1, None, &[None, None])])
                .await;
        assert_eq!((to, late.unwrap().stale), (to, 2));
        assert_eq!(shown(&other, &table, &[1, 2]).await.unwrap(), ["10: x null", "0: zero null"], "{to}");
        let ttl: i64 = place.ask("TTL", &[&place.key(1)]).await;
        assert!(ttl > 500, "a key lives as long as before");
    }
}
