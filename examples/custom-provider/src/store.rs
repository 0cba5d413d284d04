//! One JSON file a view: the newest row of each entity key.

use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array as _, BinaryArray};
use async_trait::async_trait;
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, ViewRead, ViewRows,
    WriteSummary,
};
use provender_core::{Error, OnlineStore, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Rows of a view by key.
type Rows = BTreeMap<String, Row>;

/// A stored row. Rows compare by event time, then created time.
#[derive(Serialize, Deserialize)]
struct Row {
    event: i64,
    created: Option<i64>,
    /// Value bytes by feature.
    values: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct FolderStore {
    folder: PathBuf,
}

#[async_trait]
impl OnlineStore for FolderStore {
    fn capabilities(&self) -> OnlineCapabilities {
        OnlineCapabilities { newest_wins: true, keeps_created: true, microseconds: true, knows_views: true }
    }

    fn describe(&self, table: &OnlineTable) -> String {
        format!("file {}", self.file(table).display())
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        request.context.check()?;
        let views = request.views.iter().map(|view| read_view(view, &self.load(&view.table)?));
        Ok(OnlineRows { views: views.collect::<Result<_>>()? })
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        request.context.check()?;
        let _lock = self.lock()?;
        let mut rows = self.load(&request.table)?;
        let written = merge(&request, &mut rows)?;
        self.save(&request.table, &rows)?;
        Ok(WriteSummary { written, stale: request.rows.num_rows() as u64 - written })
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(|e| Error::io(e, "create the folder", &self.folder))?;
        let _lock = self.lock()?;
        for table in &changes.drop {
            let file = self.file(table);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io(error, "delete the view", file));
                }
                _ => {}
            }
        }
        for table in changes.keep.iter().chain(changes.alter.iter().map(|(_, new)| new)) {
            if !self.file(table).exists() {
                self.save(table, &Rows::new())?;
            }
        }
        for (_, new) in &changes.alter {
            let mut rows = self.load(new)?;
            for row in rows.values_mut() {
                row.values.retain(|name, _| new.features.iter().any(|(kept, _)| kept == name));
            }
            self.save(new, &rows)?;
        }
        Ok(())
    }
}

impl FolderStore {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file(&self, table: &OnlineTable) -> PathBuf {
        self.folder.join(format!("{}@{}.json", file_name(&table.project), file_name(&table.view)))
    }

    /// Writers take turns, those of other processes too. Readers need no turn: files are replaced whole.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join(".lock");
        let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
        lock.map_err(|e| Error::io(e, "lock the folder", path))
    }

    fn load(&self, table: &OnlineTable) -> Result<Rows> {
        let path = self.file(table);
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Error::not_found("the view has no file; apply it first").with("view", &table.view)
            }
            _ => Error::io(error, "read the view", &path),
        })?;
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::internal("the file of the view is damaged").with("path", path.display()).because(e)
        })
    }

    /// Writes aside, then moves into place.
    fn save(&self, table: &OnlineTable, rows: &Rows) -> Result<()> {
        let path = self.file(table);
        let aside = path.with_extension("new");
        let bytes = serde_json::to_vec(rows).map_err(|e| Error::internal("cannot write JSON").because(e))?;
        let saved = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, &path));
        saved.map_err(|e| Error::io(e, "write the view", path))
    }
}

/// One entry a key, one cell a feature that was asked for.
fn read_view(view: &ViewRead, rows: &Rows) -> Result<ViewRows> {
    let mut out = ViewRows::builder(view.keys.len(), view.features.len());
    for key in view.keys.iter() {
        match rows.get(&text(key)) {
            None => out.absent(),
            Some(row) => {
                let values = view.features.iter().map(|f| {
                    let stored = view.table.features.get(*f).and_then(|(name, _)| row.values.get(name));
                    stored.map(|value| bytes(value)).transpose()
                });
                let values = values.collect::<Result<Vec<_>>>()?;
                out.row(Timestamp(row.event), values.iter().map(Option::as_deref));
            }
        }
    }
    out.finish()
}

/// Takes the rows that no newer row stands against. Returns the number of keys that changed.
fn merge(request: &OnlineWrite, rows: &mut Rows) -> Result<u64> {
    let (table, batch) = (&request.table, &request.rows);
    let misfit = || Error::invalid("the rows do not have the columns of the view").with("view", &table.view);
    if batch.num_columns() != OnlineWrite::LEADING_COLUMNS + table.features.len() {
        return Err(misfit());
    }
    let binary = |i: usize| batch.column(i).as_binary_opt::<i32>().ok_or_else(misfit);
    let time = |i: usize| batch.column(i).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(misfit);
    let (keys, events, created) = (binary(0)?, time(1)?, time(2)?);
    let features = (OnlineWrite::LEADING_COLUMNS..batch.num_columns()).map(binary);
    let features: Vec<&BinaryArray> = features.collect::<Result<_>>()?;

    let mut changed = HashSet::new();
    for i in 0..batch.num_rows() {
        let (event, created) = (events.value(i), created.is_valid(i).then(|| created.value(i)));
        let stored = rows.get(&text(keys.value(i)));
        if stored.is_none_or(|row| (event, created) >= (row.event, row.created)) {
            let names = table.features.iter().map(|(name, _)| name.clone());
            let values = names.zip(features.iter().map(|f| text(f.value(i)))).collect();
            rows.insert(text(keys.value(i)), Row { event, created, values });
            changed.insert(keys.value(i));
        }
    }
    Ok(changed.len() as u64)
}

/// Bytes as JSON holds them: each a character.
fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    let bytes: Result<_, _> = text.chars().map(u8::try_from).collect();
    bytes.map_err(|e| Error::internal("a stored value is damaged").because(e))
}

/// A name that any file system takes: other characters than letters, digits and `_-` as `%` and their bytes.
fn file_name(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02x}"),
        })
        .collect()
}
