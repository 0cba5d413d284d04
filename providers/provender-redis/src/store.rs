//! The provider and its store.

use crate::config::{RedisConfig, WriteMode};
use crate::connect::Servers;
use crate::lane::Lanes;
use crate::maintain::Maintainer;
use crate::read::Reader;
use crate::reconcile::Reconciler;
use crate::schemas::Schemas;
use crate::state::Layouts;
use crate::write::Writer;
use async_trait::async_trait;
use provender_core::online::{
    InfraChanges, Maintenance, MaintenanceReport, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable,
    OnlineWrite, WriteSummary,
};
use provender_core::{OnlineStore, OpenContext, Provider, Result};
use std::sync::Arc;

/// Connections for small questions, apart from those that write: a read never waits for a materialization.
const ASKING: usize = 2;

/// Redis, Valkey or Dragonfly as an online store: `type: redis`.
#[derive(Debug)]
pub struct Redis;

impl Provider for Redis {
    type Store = dyn OnlineStore;
    type Config = RedisConfig;
    const TYPE: &'static str = "redis";
    const ALIASES: &'static [&'static str] = &["valkey", "dragonfly"];

    /// Connects to nothing: the first read or write does.
    async fn open(config: RedisConfig, context: &OpenContext) -> Result<Arc<dyn OnlineStore>> {
        let servers = Servers::new(&config, context)?;
        let lanes = Lanes::new(Arc::clone(&servers), config.links().max(2));
        let asking = Lanes::new(Arc::clone(&servers), ASKING);
        let layouts = Layouts::new(Arc::clone(&asking), config.layout);
        let schemas = Schemas::new(asking);
        Ok(Arc::new(RedisStore {
            mode: config.write_mode(),
            reader: Reader::new(servers, config.links(), Arc::clone(&layouts), Arc::clone(&schemas)),
            writer: Writer::new(Arc::clone(&lanes), Arc::clone(&layouts), Arc::clone(&schemas), &config),
            reconciler: Reconciler::new(
                Arc::clone(&lanes),
                Arc::clone(&layouts),
                Arc::clone(&schemas),
                &config,
            ),
            maintainer: Maintainer::new(lanes, layouts, schemas),
        }))
    }
}

/// The parts of a store.
#[derive(Debug)]
struct RedisStore {
    mode: WriteMode,
    reader: Reader,
    writer: Writer,
    reconciler: Reconciler,
    maintainer: Maintainer,
}

#[async_trait]
impl OnlineStore for RedisStore {
    fn capabilities(&self) -> OnlineCapabilities {
        OnlineCapabilities {
            newest_wins: self.mode == WriteMode::Newest,
            keeps_created: true,
            microseconds: true,
            knows_views: false,
        }
    }

    fn describe(&self, table: &OnlineTable) -> String {
        format!("redis fields of view {} in the hashes of project {}", table.view, table.project)
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        self.reader.read(request).await
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        self.writer.write(&request).await
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        self.reconciler.reconcile(changes).await
    }

    async fn maintain(&self, maintenance: &Maintenance) -> Result<MaintenanceReport> {
        self.maintainer.maintain(maintenance).await
    }
}
