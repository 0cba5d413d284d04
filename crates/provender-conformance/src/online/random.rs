//! Random writes against a model: a map from key to row.

use super::bed::{Bed, Raw, key, keys, read_all, seconds, shown, write};
use crate::generate::values::text_value;
use crate::outcome::{Outcome, same};
use crate::property;
use proptest::collection::vec;
use provender_core::online::{OnlineCapabilities, OnlineTable, WriteSummary};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

const KEYS: i64 = 4;

/// Key, event time, created time, value.
type Cell = (i64, i64, Option<i64>, u8);

pub(super) async fn random_writes_match_the_model(bed: &Bed) -> Outcome {
    let table = bed.set_up("stats", &["a", "b"]).await?;
    let row = (0..KEYS, -2i64..3, proptest::option::of(-1i64..2), 0u8..20);
    let batches = vec(vec(row, 0..8), 1..6);
    let rounds = (property::cases() / 20).max(1);
    // Every case has keys of its own, so that none sees what another has left.
    let first = AtomicI64::new(0);
    let what = format!("random_writes_match_the_model: {rounds} series of writes");
    block_in_place(|| {
        property::check(&what, rounds, &batches, |batches| {
            let first = first.fetch_add(KEYS, Ordering::Relaxed);
            Handle::current().block_on(play(bed, &table, first, &batches))
        })
    })
}

async fn play(bed: &Bed, table: &Arc<OnlineTable>, first: i64, batches: &[Vec<Cell>]) -> Outcome {
    let mut model = Model { capabilities: bed.store.capabilities(), rows: HashMap::new() };
    for batch in batches {
        let batch: Vec<Cell> = batch.iter().map(|cell| model.fit(*cell)).collect();
        let raw: Vec<Raw> = batch.iter().map(|cell| raw(first, cell)).collect();
        let found = write(&bed.store, table, &raw).await?;
        let expected = model.write(&batch);
        let told = || format!("writing (key, event, created, value) {batches:?}");
        if model.capabilities.newest_wins {
            same("summary", &found, &expected).map_err(|stop| stop.within(told()))?;
        }
        let rows = read_all(&bed.store, table, &keys(first..first + KEYS)).await?;
        same("rows", &shown(&rows, 2), &model.shown()).map_err(|stop| stop.within(told()))?;
    }
    Ok(())
}

fn text(value: u8, feature: &str) -> Option<String> {
    (!value.is_multiple_of(5)).then(|| format!("{feature}{value}"))
}

fn raw(first: i64, (id, event, created, value): &Cell) -> Raw {
    let cell = |feature| text(*value, feature).map_or_else(Vec::new, |text| text_value(&text));
    Raw {
        key: key(first + id),
        event: seconds(*event),
        created: created.map(seconds),
        cells: vec![cell("a"), text_value(&format!("b{value}"))],
    }
}

struct Model {
    capabilities: OnlineCapabilities,
    rows: HashMap<i64, Cell>,
}

impl Model {
    /// Without created times, which of two rows with equal event times stays is left open; so equal times get equal values.
    fn fit(&self, (id, event, created, value): Cell) -> Cell {
        match self.capabilities {
            OnlineCapabilities { newest_wins: true, keeps_created: false, .. } => {
                (id, event, None, (event + 2) as u8)
            }
            _ => (id, event, created, value),
        }
    }

    fn write(&mut self, batch: &[Cell]) -> WriteSummary {
        let mut touched = HashMap::new();
        for cell in batch {
            let (id, event, created, _) = *cell;
            let newer = |held: &Cell| (event, created) >= (held.1, held.2);
            if !self.capabilities.newest_wins || self.rows.get(&id).is_none_or(newer) {
                self.rows.insert(id, *cell);
                touched.insert(id, ());
            }
        }
        let written = touched.len() as u64;
        WriteSummary { written, stale: batch.len() as u64 - written }
    }

    fn shown(&self) -> Vec<String> {
        let line = |(_, event, _, value): &Cell| {
            format!("{event}: {} b{value}", text(*value, "a").as_deref().unwrap_or("null"))
        };
        (0..KEYS).map(|id| self.rows.get(&id).map_or_else(|| "absent".to_owned(), line)).collect()
    }
}
