//! A small online store, right or wrong in one chosen way.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, BinaryArray, RecordBatch};
use async_trait::async_trait;
use provender_core::online::*;
use provender_core::{Error, OnlineStore, Result, Timestamp};
use std::collections::HashMap;
use std::sync::Mutex;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Not wrong: the least that a store may promise.
    PromisesNothing,
    LateRowWins,
    EqualTimesAreSkipped,
    CreatedIsForgotten,
    NullsAreAbsent,
    NullsAreNotWritten,
    KeysAreSorted,
    KeysAreCutShort,
    ProjectsMix,
    UnknownViewsAreEmpty,
    UnknownViewsAreMade,
    ReconcileForgets,
    DropKeepsRows,
    RowsAreTorn,
    SecondsOnly,
    ValuesAreText,
    FeaturesAreByPosition,
    BatchesAreCut,
    ColumnsAreNotChecked,
}

type View = HashMap<Vec<u8>, Row>;

#[derive(Clone, Debug, Default)]
struct Row {
    event: i64,
    created: Option<i64>,
    cells: HashMap<String, Vec<u8>>,
}

#[derive(Debug)]
pub(super) struct Brute {
    flaw: Flaw,
    views: Mutex<HashMap<(String, String), View>>,
}

impl Brute {
    pub(super) fn new(flaw: Flaw) -> Self {
        Self { flaw, views: Mutex::default() }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn name(&self, table: &OnlineTable) -> (String, String) {
        let project = if self.is(Flaw::ProjectsMix) { String::new() } else { table.project.clone() };
        (project, table.view.clone())
    }

    fn key(&self, key: &[u8]) -> Vec<u8> {
        if self.is(Flaw::KeysAreCutShort) { key[..key.len() - 1].to_vec() } else { key.to_vec() }
    }

    fn feature(&self, table: &OnlineTable, index: usize) -> String {
        if self.is(Flaw::FeaturesAreByPosition) { index.to_string() } else { table.features[index].0.clone() }
    }

    fn time(&self, time: i64) -> i64 {
        match self.flaw {
            Flaw::SecondsOnly | Flaw::PromisesNothing => time.div_euclid(1_000_000) * 1_000_000,
            _ => time,
        }
    }

    fn read_view(&self, view: &View, read: &ViewRead) -> Result<ViewRows> {
        let mut keys: Vec<&[u8]> = read.keys.iter().collect();
        if self.is(Flaw::KeysAreSorted) {
            keys.sort_unstable();
        }
        let mut rows = ViewRows::builder(keys.len(), read.features.len());
        for (i, key) in keys.into_iter().enumerate() {
            let cut = self.is(Flaw::BatchesAreCut) && i >= 1000;
            match view.get(&self.key(key)).filter(|_| !cut) {
                Some(row) if self.is(Flaw::NullsAreAbsent) && row.cells.values().all(Vec::is_empty) => {
                    rows.absent();
                }
                Some(row) => {
                    let cell = |i: &usize| row.cells.get(&self.feature(&read.table, *i)).map(Vec::as_slice);
                    rows.row(Timestamp(row.event), read.features.iter().map(cell));
                }
                None => rows.absent(),
            }
        }
        rows.finish()
    }

    /// Whether a row may replace the one that is held.
    fn may_replace(&self, held: &Row, event: i64, created: Option<i64>) -> bool {
        match self.flaw {
            Flaw::LateRowWins | Flaw::PromisesNothing => true,
            Flaw::EqualTimesAreSkipped => event > held.event,
            Flaw::CreatedIsForgotten => event >= held.event,
            _ => (event, created) >= (held.event, held.created),
        }
    }

    fn cells(&self, table: &OnlineTable, rows: &RecordBatch, row: usize) -> HashMap<String, Vec<u8>> {
        let width = table.features.len().min(rows.num_columns() - OnlineWrite::LEADING_COLUMNS);
        (0..width)
            .map(|i| {
                (self.feature(table, i), binary(rows, OnlineWrite::LEADING_COLUMNS + i).value(row).to_vec())
            })
            .filter(|(_, bytes)| !(self.is(Flaw::NullsAreNotWritten) && bytes.is_empty()))
            .map(|(name, bytes)| match self.flaw {
                Flaw::ValuesAreText => (name, String::from_utf8_lossy(&bytes).into_owned().into_bytes()),
                _ => (name, bytes),
            })
            .collect()
    }

    fn check(&self, write: &OnlineWrite) -> Result<()> {
        let rows = &write.rows;
        let fits = rows.num_columns() == OnlineWrite::LEADING_COLUMNS + write.table.features.len()
            && rows.column(0).as_binary_opt::<i32>().is_some()
            && rows.column(1).as_primitive_opt::<TimestampMicrosecondType>().is_some()
            && rows.columns()[OnlineWrite::LEADING_COLUMNS..]
                .iter()
                .all(|c| c.as_binary_opt::<i32>().is_some());
        if fits || self.is(Flaw::ColumnsAreNotChecked) { Ok(()) } else { Err(Error::invalid("misfit")) }
    }
}

fn binary(rows: &RecordBatch, column: usize) -> &BinaryArray {
    rows.column(column).as_binary::<i32>()
}

#[async_trait]
impl OnlineStore for Brute {
    fn capabilities(&self) -> OnlineCapabilities {
        match self.flaw {
            Flaw::PromisesNothing => OnlineCapabilities::default(),
            _ => OnlineCapabilities {
                newest_wins: true,
                keeps_created: true,
                microseconds: true,
                knows_views: true,
            },
        }
    }

    fn describe(&self, table: &OnlineTable) -> String {
        format!("brute {}", table.view)
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        let views = self.views.lock().unwrap();
        let lenient = matches!(self.flaw, Flaw::UnknownViewsAreEmpty | Flaw::PromisesNothing);
        let empty = View::new();
        let read = |read: &ViewRead| match views.get(&self.name(&read.table)) {
            Some(view) => self.read_view(view, read),
            None if lenient => self.read_view(&empty, read),
            None => Err(Error::not_found("no such view")),
        };
        Ok(OnlineRows { views: request.views.iter().map(read).collect::<Result<_>>()? })
    }

    async fn write(&self, write: OnlineWrite) -> Result<WriteSummary> {
        self.check(&write)?;
        let name = self.name(&write.table);
        let lenient = matches!(self.flaw, Flaw::UnknownViewsAreMade | Flaw::PromisesNothing);
        if !self.views.lock().unwrap().contains_key(&name) && !lenient {
            return Err(Error::not_found("no such view"));
        }
        let keys = binary(&write.rows, 0);
        let times = |column: usize| write.rows.column(column).as_primitive::<TimestampMicrosecondType>();
        let mut touched = std::collections::HashSet::new();
        for row in 0..keys.len() {
            let event = self.time(times(1).value(row));
            let created = times(2).is_valid(row).then(|| times(2).value(row));
            let key = self.key(keys.value(row));
            let cells = self.cells(&write.table, &write.rows, row);
            let replace = |cells: HashMap<String, Vec<u8>>, whole: bool| {
                let mut views = self.views.lock().unwrap();
                let view = views.entry(name.clone()).or_default();
                if view.get(&key).is_some_and(|held| !self.may_replace(held, event, created)) {
                    return false;
                }
                let held = view.entry(key.clone()).or_default();
                (held.event, held.created) = (event, created);
                if whole && !self.is(Flaw::NullsAreNotWritten) {
                    held.cells.clear();
                }
                held.cells.extend(cells);
                true
            };
            let taken = if self.is(Flaw::RowsAreTorn) {
                for cell in cells {
                    replace(HashMap::from([cell]), false);
                    tokio::task::yield_now().await;
                }
                true
            } else {
                replace(cells, true)
            };
            if taken {
                touched.insert(key);
            }
        }
        let written = touched.len() as u64;
        Ok(WriteSummary { written, stale: keys.len() as u64 - written })
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        let mut views = self.views.lock().unwrap();
        for table in changes.drop.iter().filter(|_| !self.is(Flaw::DropKeepsRows)) {
            views.remove(&self.name(table));
        }
        for table in &changes.keep {
            let view = views.entry(self.name(table)).or_default();
            if self.is(Flaw::ReconcileForgets) {
                view.clear();
            }
        }
        Ok(())
    }
}
