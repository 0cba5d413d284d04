//! Several readers and writers at once. Work is counted, not timed: what must hold, holds at any speed.

use super::Store;
use super::bed::{Bed, Raw, key, keys, read_all, seconds, shown, write};
use crate::generate::values::text_value;
use crate::outcome::{Outcome, Stop, holds, same};
use crate::race::Race;
use provender_core::online::{OnlineTable, ViewRows};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

const FEATURES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const KEYS: i64 = 20;
const ROUNDS: i64 = 40;

/// A row whose cells all say when it was written.
fn row(id: i64, event: i64) -> Raw {
    let cells = vec![text_value(&event.to_string()); FEATURES.len()];
    Raw { key: key(id), event: seconds(event), created: Some(seconds(event)), cells }
}

async fn finish(mut tasks: JoinSet<Outcome>) -> Outcome {
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

/// Writes the rows of all keys again and again, with the event times of `start`, `start + step`…
async fn keep_writing(store: Store, table: Arc<OnlineTable>, start: i64, step: i64) -> Outcome {
    for round in 0..ROUNDS {
        let rows: Vec<Raw> = (0..KEYS).map(|id| row(id, start + round * step)).collect();
        write(&store, &table, &rows).await?;
    }
    Ok(())
}

fn whole(rows: &ViewRows) -> Outcome {
    for row in 0..rows.len() {
        let Some(time) = rows.time(row) else { continue };
        let expected = text_value(&time.seconds().to_string());
        let torn = (0..FEATURES.len()).any(|feature| rows.cell(row, feature) != Some(&expected));
        holds(format_args!("row {row} is of one write: {:?}", shown(rows, FEATURES.len())[row]), !torn)?;
    }
    Ok(())
}

pub(super) async fn readers_never_see_torn_rows(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &FEATURES).await?;
    let race = Arc::new(Race::default());
    // All take part before any starts, so that none finds itself alone.
    let writers: Vec<_> = (0..3).map(|writer| (writer, race.writer(), Arc::clone(&bed.store))).collect();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push((race.reader(), bed.reopen().await?));
    }
    let mut tasks = JoinSet::new();
    for (writer, runner, store) in writers {
        let table = Arc::clone(&table);
        tasks.spawn(async move {
            let mut round = 0;
            while runner.writes_on(round).await {
                let event = 1000 + writer + 3 * round as i64;
                let rows: Vec<Raw> = (0..KEYS).map(|id| row(id, event)).collect();
                write(&store, &table, &rows).await?;
                round += 1;
            }
            Ok(())
        });
    }
    for (runner, store) in readers {
        let table = Arc::clone(&table);
        tasks.spawn(async move {
            let mut seen = HashSet::new();
            while runner.reads_on(seen.len()).await {
                let rows = read_all(&store, &table, &keys(0..KEYS)).await?;
                whole(&rows)?;
                seen.extend(rows.time(0));
            }
            Ok(())
        });
    }
    finish(tasks).await?;
    let rows = read_all(&bed.store, &table, &keys(0..KEYS)).await?;
    holds("every key was written", (0..rows.len()).all(|row| rows.time(row).is_some()))?;
    whole(&rows)
}

pub(super) async fn concurrent_writers_end_with_the_newest(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &FEATURES).await?;
    let mut tasks = JoinSet::new();
    for writer in 0..4 {
        // Half of them write backwards in time, and half over a handle of their own.
        let store = if writer < 2 { Arc::clone(&bed.store) } else { bed.reopen().await? };
        let (start, step) =
            if writer % 2 == 0 { (1000 + writer, 4) } else { (1000 + writer + 4 * (ROUNDS - 1), -4) };
        tasks.spawn(keep_writing(store, Arc::clone(&table), start, step));
    }
    finish(tasks).await?;
    let newest = 1003 + 4 * (ROUNDS - 1);
    let rows = read_all(&bed.store, &table, &keys(0..KEYS)).await?;
    let times: Vec<_> = (0..rows.len()).map(|row| rows.time(row)).collect();
    same("event times", &times, &vec![Some(seconds(newest)); KEYS as usize])?;
    whole(&rows)
}

pub(super) async fn concurrent_writers_of_other_keys_lose_nothing(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &FEATURES).await?;
    let mut tasks = JoinSet::new();
    for writer in 0..8 {
        let (store, table) = (Arc::clone(&bed.store), Arc::clone(&table));
        tasks.spawn(async move {
            for round in 0..5 {
                let rows: Vec<Raw> = (0..10).map(|i| row(writer + 8 * (10 * round + i), writer)).collect();
                write(&store, &table, &rows).await?;
            }
            Ok(())
        });
    }
    finish(tasks).await?;
    let rows = read_all(&bed.store, &table, &keys(0..400)).await?;
    let times: Vec<_> = (0..400).map(|id| Some(seconds(id % 8))).collect();
    same("event times", &(0..rows.len()).map(|row| rows.time(row)).collect::<Vec<_>>(), &times)?;
    whole(&rows)
}

pub(super) async fn views_are_set_up_by_several_at_once(bed: &Bed) -> Outcome {
    let tables: Vec<_> = (0..6).map(|i| bed.view(&format!("stats_{i}"), &FEATURES)).collect();
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let (store, tables) = (Arc::clone(&bed.store), tables.clone());
        tasks.spawn(async move {
            let changes = provender_core::online::InfraChanges { keep: tables, ..Default::default() };
            store.reconcile(&changes).await.map_err(Stop::from)
        });
    }
    finish(tasks).await?;
    for table in &tables {
        write(&bed.store, table, &[row(1, 7)]).await?;
        whole(&read_all(&bed.store, table, &keys([1])).await?)?;
    }
    Ok(())
}
