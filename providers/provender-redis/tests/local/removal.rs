//! What goes: dropped views, removed features, expired rows.

use crate::place::{Place, Store, keep, shown, write};
use provender_core::online::{
    InfraChanges, Maintenance, MaintenanceReport, MaintenanceTask, OnlineTable, removal_task,
};
use provender_core::{Progress, RequestContext, SECOND, Timestamp};
use provender_redis::{Layout, RedisConfig};
use std::sync::{Arc, Mutex};

const LAYOUTS: [(Layout, &str); 2] = [(Layout::Feast, "f"), (Layout::Packed, "p")];

/// Drops a view; returns how many rows the store says it has removed.
async fn drop_view(store: &Store, table: &Arc<OnlineTable>) -> Option<u64> {
    let told = Arc::new(Mutex::new(None));
    let mut context = RequestContext::local();
    let (teller, task) = (Arc::clone(&told), removal_task(&table.view));
    context.progress = Progress::new(move |event| {
        if event.task == task {
            *teller.lock().unwrap() = Some(event.done);
        }
    });
    let drop = vec![Arc::clone(table)];
    store.reconcile(&InfraChanges { drop, context, ..InfraChanges::default() }).await.unwrap();
    *told.lock().unwrap()
}

pub(crate) async fn a_dropped_view_goes_and_nothing_else(place: Place) {
    for (layout, name) in LAYOUTS {
        let place = place.beside(&format!("{}_{name}", place.project));
        // A project whose name ends like this one's.
        let longer = place.beside(&format!("x{}", place.project));
        let (store, neighbour) = (place.store(layout).await, longer.store(layout).await);
        let (gone, stays) = (place.view("gone", &["a", "b"]), place.view("stays", &["a", "b"]));
        let theirs = longer.view("gone", &["a", "b"]);
        keep(&store, &[&gone, &stays]).await;
        keep(&neighbour, &[&theirs]).await;
        let cells: &[_] = &[Some("x"), None];
        let rows: Vec<_> = (0..700).map(|id| (id, 10, Some(10), cells)).collect();
        write(&store, &gone, &rows).await.unwrap();
        write(&store, &stays, &rows[..50]).await.unwrap();
        write(&neighbour, &theirs, &rows[..50]).await.unwrap();
        assert_eq!(drop_view(&store, &gone).await, Some(700));
        assert_eq!(shown(&store, &gone, &[0, 699]).await.unwrap(), ["absent", "absent"]);
        assert_eq!(place.fields(699).await.len(), 0, "a key without fields is gone");
        let ids: Vec<i64> = (0..50).collect();
        for (store, table) in [(&store, &stays), (&neighbour, &theirs)] {
            assert!(shown(store, table, &ids).await.unwrap().iter().all(|row| row == "10: x null"));
        }
        assert_eq!(drop_view(&store, &gone).await, Some(0));
    }
}

pub(crate) async fn a_removed_feature_was_never_written_when_it_comes_back(place: Place) {
    let store = place.store(Layout::Feast).await;
    let (old, new) = (place.view("stats", &["a", "b"]), place.view("stats", &["a"]));
    write(&store, &old, &[(1, 10, None, &[Some("x"), Some("y")])]).await.unwrap();
    let alter = vec![(Arc::clone(&old), Arc::clone(&new))];
    store.reconcile(&InfraChanges { alter, ..InfraChanges::default() }).await.unwrap();
    write(&store, &new, &[(1, 11, None, &[Some("xx")])]).await.unwrap();
    assert_eq!(shown(&store, &old, &[1]).await.unwrap(), ["11: xx never"]);
}

pub(crate) async fn without_a_full_scan_nothing_is_removed(place: Place) {
    let config = RedisConfig { full_scan_for_deletion: Some(false), ..place.config() };
    let (store, table) = (place.open(config).await, place.view("stats", &["a"]));
    write(&store, &table, &[(1, 10, None, &[Some("x")])]).await.unwrap();
    assert_eq!(drop_view(&store, &table).await, None);
    assert_eq!(shown(&store, &table, &[1]).await.unwrap(), ["10: x"]);
}

async fn purge(store: &Store, tables: &[&Arc<OnlineTable>], second: i64, dry_run: bool) -> MaintenanceReport {
    let task = MaintenanceTask::Purge { now: Timestamp(second * SECOND), dry_run };
    let tables = tables.iter().map(|table| Arc::clone(table)).collect();
    let rate = std::num::NonZeroU32::new(200_000);
    store.maintain(&Maintenance { task, tables, rate, context: RequestContext::local() }).await.unwrap()
}

pub(crate) async fn expired_rows_go_and_a_dry_run_removes_nothing(place: Place) {
    for (layout, name) in LAYOUTS {
        let place = place.beside(&format!("{}_{name}", place.project));
        let store = place.store(layout).await;
        let table =
            |name: &str, ttl| Arc::new(OnlineTable { ttl, ..OnlineTable::clone(&place.view(name, &["a"])) });
        let (short, long, forever) =
            (table("short", Some(100 * SECOND)), table("long", Some(300 * SECOND)), table("forever", None));
        keep(&store, &[&short, &long, &forever]).await;
        for view in [&short, &long, &forever] {
            let cells: &[_] = &[Some("x")];
            let rows: Vec<_> = (0..400).map(|id| (id, 1000 + id, None, cells)).collect();
            write(&store, view, &rows).await.unwrap();
        }
        let all = [&short, &long, &forever];
        // At 1350 rows of before 1250 and before 1050 are too old.
        let dry = purge(&store, &all, 1350, true).await;
        assert_eq!(dry.rows, [250, 50, 0]);
        assert!(dry.keys >= 400);
        assert_eq!(shown(&store, &short, &[0, 249]).await.unwrap(), ["1000: x", "1249: x"]);
        assert_eq!(purge(&store, &all, 1350, false).await.rows, [250, 50, 0]);
        let ids = [0, 49, 50, 249, 250];
        let expected = |first: usize| -> Vec<String> {
            let row = |(i, id): (usize, &i64)| {
                if i < first { "absent".to_owned() } else { format!("{}: x", 1000 + id) }
            };
            ids.iter().enumerate().map(row).collect()
        };
        for (view, first) in [(&short, 4), (&long, 2), (&forever, 0)] {
            assert_eq!(shown(&store, view, &ids).await.unwrap(), expected(first), "{}", view.view);
        }
        assert_eq!(purge(&store, &all, 1350, false).await.rows, [0, 0, 0]);
    }
}
