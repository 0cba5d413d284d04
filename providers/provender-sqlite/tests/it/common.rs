//! Stores in folders of their own, and short ways to say what to write and read.

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{Field, Schema};
use futures::executor::block_on;
use provender_core::online::{
    InfraChanges, OnlineRead, OnlineTable, OnlineWrite, ViewRead, ViewRows, WriteSummary,
};
use provender_core::{
    EntityKeys, OnlineStore, OpenContext, Provider as _, RequestContext, Result, ValueType, timestamp_type,
};
use provender_sqlite::{Sqlite, SqliteConfig, WriteMode};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A store in an empty folder. The store goes before the folder.
pub(crate) struct Shop {
    pub(crate) store: Arc<dyn OnlineStore>,
    folder: TempDir,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::with_mode(WriteMode::Newest)
    }

    pub(crate) fn with_mode(mode: WriteMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: open(folder.path(), mode).unwrap(), folder }
    }

    /// One whose view has been set up.
    pub(crate) fn with_view(view: &Arc<OnlineTable>) -> Self {
        let shop = Self::new();
        shop.keep(&[view]).unwrap();
        shop
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("data/online_store.db")
    }

    /// A connection beside the store's own, as another process has it.
    pub(crate) fn outside(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.file()).unwrap()
    }

    pub(crate) fn keep(&self, views: &[&Arc<OnlineTable>]) -> Result<()> {
        let keep = views.iter().map(|v| Arc::clone(v)).collect();
        block_on(self.store.reconcile(&InfraChanges { keep, ..InfraChanges::default() }))
    }

    pub(crate) fn write(&self, view: &Arc<OnlineTable>, rows: &[Row<'_>]) -> Result<WriteSummary> {
        block_on(self.store.write(write(view, rows)))
    }

    /// All features of some keys.
    pub(crate) fn read(&self, view: &Arc<OnlineTable>, keys: &[&[u8]]) -> Result<ViewRows> {
        self.read_some(view, &(0..view.features.len()).collect::<Vec<_>>(), keys)
    }

    pub(crate) fn read_some(
        &self,
        view: &Arc<OnlineTable>,
        features: &[usize],
        keys: &[&[u8]],
    ) -> Result<ViewRows> {
        Ok(block_on(self.store.read(&read(view, features, keys)))?.views.remove(0))
    }

    /// What one key has: the seconds of its event, and its values, `-` for one that is not there.
    pub(crate) fn row(&self, view: &Arc<OnlineTable>, key: &[u8]) -> String {
        shown(&self.read(view, &[key]).unwrap(), 0, view.features.len())
    }
}

/// A row of a read, for people.
pub(crate) fn shown(rows: &ViewRows, row: usize, features: usize) -> String {
    let Some(time) = rows.time(row) else { return "absent".to_owned() };
    let cell = |f| {
        rows.cell(row, f)
            .map_or("-".to_owned(), |v| String::from_utf8_lossy(v.get(2..).unwrap_or(v)).into_owned())
    };
    format!("{}: {}", time.seconds(), (0..features).map(cell).collect::<Vec<_>>().join(" "))
}

pub(crate) fn open(folder: &Path, write_mode: WriteMode) -> Result<Arc<dyn OnlineStore>> {
    let config = SqliteConfig { write_mode, ..SqliteConfig::default() };
    block_on(Sqlite::open(config, &OpenContext::new("shop", folder)))
}

/// A view of project `shop` with string features.
pub(crate) fn view(name: &str, features: &[&str]) -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "shop".to_owned(),
        view: name.to_owned(),
        join_keys: vec!["id".to_owned()],
        features: features.iter().map(|f| ((*f).to_owned(), ValueType::STRING)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

/// Key, event and created time in microseconds, values.
pub(crate) type Row<'a> = (&'a [u8], i64, Option<i64>, Vec<Vec<u8>>);

/// A row with string values, times in seconds.
pub(crate) fn row<'a>(key: &'a [u8], event: i64, created: Option<i64>, values: &[&str]) -> Row<'a> {
    (key, event * 1_000_000, created.map(|c| c * 1_000_000), values.iter().map(|v| string(v)).collect())
}

/// `feast.types.Value` of a short string.
pub(crate) fn string(text: &str) -> Vec<u8> {
    [&[0x12, text.len() as u8], text.as_bytes()].concat()
}

pub(crate) fn write(view: &Arc<OnlineTable>, rows: &[Row<'_>]) -> OnlineWrite {
    let binary = |values: Vec<&[u8]>| Arc::new(BinaryArray::from_vec(values)) as ArrayRef;
    let mut columns: Vec<ArrayRef> = vec![
        binary(rows.iter().map(|r| r.0).collect()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.1)).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from_iter(rows.iter().map(|r| r.2)).with_timezone("UTC")),
    ];
    columns.extend((0..view.features.len()).map(|f| binary(rows.iter().map(|r| &r.3[f][..]).collect())));
    OnlineWrite { table: Arc::clone(view), rows: batch(columns), context: RequestContext::local() }
}

pub(crate) fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| Field::new(format!("c{i}"), c.data_type().clone(), true))
        .collect();
    assert!(columns.len() < 2 || columns[1].data_type() == &timestamp_type());
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

pub(crate) fn read(view: &Arc<OnlineTable>, features: &[usize], keys: &[&[u8]]) -> OnlineRead {
    let mut encoded = EntityKeys::default();
    keys.iter().for_each(|key| encoded.push(key));
    let view = ViewRead { table: Arc::clone(view), features: features.into(), keys: Arc::new(encoded) };
    OnlineRead { views: vec![view], context: RequestContext::local() }
}
