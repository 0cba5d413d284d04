//! The online store in memory.

use super::lock;
use crate::online::{
    InfraChanges, Maintenance, MaintenanceReport, MaintenanceTask, OnlineCapabilities, OnlineRead,
    OnlineRows, OnlineTable, OnlineWrite, ViewRead, ViewRows, WriteSummary,
};
use crate::{Error, OnlineStore, Result, Timestamp};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, BinaryArray, TimestampMicrosecondArray};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The newest values of each entity, in memory.
#[derive(Debug, Default)]
pub struct MemoryOnline {
    /// By project and view.
    views: Mutex<HashMap<(String, String), View>>,
}

#[derive(Debug)]
struct View {
    table: Arc<OnlineTable>,
    /// By entity key.
    rows: HashMap<Vec<u8>, Row>,
}

#[derive(Debug)]
struct Row {
    event: i64,
    /// Null is the smallest.
    created: Option<i64>,
    /// Value bytes by feature.
    values: HashMap<String, Vec<u8>>,
}

impl MemoryOnline {
    /// A store that is empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl OnlineStore for MemoryOnline {
    fn capabilities(&self) -> OnlineCapabilities {
        OnlineCapabilities { newest_wins: true, keeps_created: true, microseconds: true, knows_views: true }
    }

    fn describe(&self, table: &OnlineTable) -> String {
        format!("memory of {} {}", table.project, table.view)
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        let views = lock(&self.views);
        let read = |read: &ViewRead| match views.get(&name(&read.table)) {
            Some(view) => view.read(read),
            None => Err(never_set_up(&read.table)),
        };
        Ok(OnlineRows { views: request.views.iter().map(read).collect::<Result<_>>()? })
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        let batch = Columns::of(&request)?;
        let mut views = lock(&self.views);
        match views.get_mut(&name(&request.table)) {
            Some(view) => Ok(view.write(&batch)),
            None => Err(never_set_up(&request.table)),
        }
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        let mut views = lock(&self.views);
        for table in &changes.drop {
            views.remove(&name(table));
        }
        for (old, new) in &changes.alter {
            if let Some(view) = views.get_mut(&name(old)) {
                let stays = |feature: &String| {
                    let column = |t: &OnlineTable| t.features.iter().find(|(n, _)| n == feature).cloned();
                    column(old) == column(new)
                };
                view.rows.values_mut().for_each(|row| row.values.retain(|feature, _| stays(feature)));
            }
        }
        for table in changes.keep.iter().chain(changes.alter.iter().map(|(_, new)| new)) {
            let empty = || View { table: Arc::clone(table), rows: HashMap::new() };
            views.entry(name(table)).or_insert_with(empty).table = Arc::clone(table);
        }
        Ok(())
    }

    async fn maintain(&self, maintenance: &Maintenance) -> Result<MaintenanceReport> {
        let MaintenanceTask::Purge { now, dry_run } = maintenance.task else {
            return Err(Error::unsupported("memory has one layout only"));
        };
        let mut views = lock(&self.views);
        let mut report = MaintenanceReport::default();
        for table in &maintenance.tables {
            let view = views.get_mut(&name(table)).ok_or_else(|| never_set_up(table))?;
            let before = view.rows.len() as u64;
            let oldest = table.ttl.map_or(i64::MIN, |ttl| now.0.saturating_sub(ttl));
            let kept = view.rows.values().filter(|row| row.event >= oldest).count() as u64;
            if !dry_run {
                view.rows.retain(|_, row| row.event >= oldest);
            }
            report.keys += before;
            report.rows.push(before - kept);
        }
        Ok(report)
    }
}

fn name(table: &OnlineTable) -> (String, String) {
    (table.project.clone(), table.view.clone())
}

fn never_set_up(table: &OnlineTable) -> Error {
    Error::not_found("the view was never set up in the online store").with("view", &table.view)
}

impl View {
    fn read(&self, read: &ViewRead) -> Result<ViewRows> {
        let names: Vec<&str> = read.features.iter().map(|i| read.table.features[*i].0.as_str()).collect();
        let mut rows = ViewRows::builder(read.keys.len(), names.len());
        for key in read.keys.iter() {
            match self.rows.get(key) {
                Some(row) => {
                    let cell = |name: &&str| row.values.get(*name).map(Vec::as_slice);
                    rows.row(Timestamp(row.event), names.iter().map(cell));
                }
                None => rows.absent(),
            }
        }
        rows.finish()
    }

    fn write(&mut self, batch: &Columns<'_>) -> WriteSummary {
        let mut newest: HashMap<&[u8], usize> = HashMap::new();
        for row in 0..batch.keys.len() {
            let winner = newest.entry(batch.keys.value(row)).or_insert(row);
            if batch.time(row) >= batch.time(*winner) {
                *winner = row;
            }
        }
        let mut written = 0;
        for (key, row) in newest {
            let (event, created) = batch.time(row);
            if self.rows.get(key).is_some_and(|stored| (stored.event, stored.created) > (event, created)) {
                continue;
            }
            let values =
                batch.features.iter().map(|(name, values)| (name.to_string(), values.value(row).to_vec()));
            self.rows.insert(key.to_vec(), Row { event, created, values: values.collect() });
            written += 1;
        }
        WriteSummary { written, stale: batch.keys.len() as u64 - written }
    }
}

/// The columns of [`OnlineWrite::rows`].
struct Columns<'a> {
    keys: &'a BinaryArray,
    event: &'a TimestampMicrosecondArray,
    created: &'a TimestampMicrosecondArray,
    features: Vec<(&'a str, &'a BinaryArray)>,
}

impl<'a> Columns<'a> {
    fn of(request: &'a OnlineWrite) -> Result<Self> {
        Self::find(request).ok_or_else(|| {
            Error::invalid("rows do not have the view's columns").with("view", &request.table.view)
        })
    }

    fn find(request: &'a OnlineWrite) -> Option<Self> {
        let [keys, event, created, features @ ..] = request.rows.columns() else { return None };
        let names = request.table.features.iter().map(|(name, _)| name.as_str());
        let features =
            names.zip(features).map(|(name, column)| Some((name, never_null(column.as_binary_opt()?)?)));
        let features: Vec<_> = features.collect::<Option<_>>()?;
        (features.len() + OnlineWrite::LEADING_COLUMNS == request.rows.num_columns()
            && features.len() == request.table.features.len())
        .then_some(())?;
        Some(Self {
            keys: never_null(keys.as_binary_opt()?)?,
            event: never_null(event.as_primitive_opt::<TimestampMicrosecondType>()?)?,
            created: created.as_primitive_opt::<TimestampMicrosecondType>()?,
            features,
        })
    }

    fn time(&self, row: usize) -> (i64, Option<i64>) {
        (self.event.value(row), self.created.is_valid(row).then(|| self.created.value(row)))
    }
}

fn never_null<A: Array>(array: &A) -> Option<&A> {
    (array.null_count() == 0).then_some(array)
}
