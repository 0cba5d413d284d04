//! The provider and its store.

use crate::config::{SqliteConfig, WriteMode};
use crate::database::{Database, Role};
use crate::workers::Workers;
use crate::{layout, read, reconcile, write};
use async_trait::async_trait;
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, WriteSummary,
};
use provender_core::{Error, Kind, OnlineStore, OpenContext, Provider, Result};
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

/// SQLite as an online store: `type: sqlite`.
#[derive(Debug)]
pub struct Sqlite;

impl Provider for Sqlite {
    type Store = dyn OnlineStore;
    type Config = SqliteConfig;
    const TYPE: &'static str = "sqlite";

    /// Makes no file: the first view that is set up does.
    async fn open(config: SqliteConfig, context: &OpenContext) -> Result<Arc<dyn OnlineStore>> {
        config.check()?;
        let path: Arc<Path> = context.path(&config.path).into();
        if path.is_dir() {
            let error = Error::invalid("the SQLite online store is a folder, not a file");
            return Err(error
                .with("section", "online_store")
                .with("at", "path")
                .with("path", path.display()));
        }
        let store = SqliteStore::start(&path, config.write_mode)?;
        match store.readers.run(|database| database.existing().map(|_| ())).await {
            // What can change while the store is open is told to those who use it: many commands do not.
            Err(error) if error.kind() == Kind::Invalid => Err(error),
            _ => Ok(Arc::new(store)),
        }
    }
}

/// A file with its threads. The readers go first when it is dropped, so that the writer leaves one tidy file.
#[derive(Debug)]
struct SqliteStore {
    mode: WriteMode,
    readers: Workers,
    writer: Workers,
}

impl SqliteStore {
    fn start(path: &Arc<Path>, mode: WriteMode) -> Result<Self> {
        let readers = available_parallelism().map_or(2, |n| n.get().clamp(2, 8));
        let readers = (0..readers).map(|_| Database::new(Arc::clone(path), Role::Reader));
        Ok(Self {
            mode,
            readers: Workers::start("sqlite-reader", readers)?,
            writer: Workers::start("sqlite-writer", [Database::new(Arc::clone(path), Role::Writer)])?,
        })
    }
}

#[async_trait]
impl OnlineStore for SqliteStore {
    fn capabilities(&self) -> OnlineCapabilities {
        OnlineCapabilities {
            newest_wins: self.mode == WriteMode::Newest,
            keeps_created: true,
            microseconds: false,
            knows_views: true,
        }
    }

    fn describe(&self, table: &OnlineTable) -> String {
        format!("sqlite table {}", layout::table_name(table))
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        let request = request.clone();
        self.readers.run(move |database| read::read(database, &request)).await
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        let mode = self.mode;
        self.writer.run(move |database| write::write(database, mode, &request)).await
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        let changes = changes.clone();
        self.writer.run(move |database| reconcile::reconcile(database, &changes)).await
    }
}
