//! The provider and its store.

use crate::config::{DynamodbConfig, WriteMode};
use crate::names::TableNames;
use crate::{client, read, reconcile, write};
use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use provender_core::online::{
    InfraChanges, OnlineCapabilities, OnlineRead, OnlineRows, OnlineTable, OnlineWrite, WriteSummary,
};
use provender_core::{Error, OnlineStore, OpenContext, Provider, Result};
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// DynamoDB as an online store: `type: dynamodb`.
#[derive(Debug)]
pub struct Dynamodb;

impl Provider for Dynamodb {
    type Store = dyn OnlineStore;
    type Config = DynamodbConfig;
    const TYPE: &'static str = "dynamodb";

    /// Makes no request to DynamoDB, unless `warmup_connections` asks for one.
    async fn open(config: DynamodbConfig, _: &OpenContext) -> Result<Arc<dyn OnlineStore>> {
        config.check()?;
        let sdk = client::environment(&config).await;
        Self::open_with(config, &sdk).await
    }
}

impl Dynamodb {
    /// Opens a store with an AWS configuration of the caller's own: credentials, and what `config` leaves open.
    ///
    /// # Errors
    /// `Invalid` naming a setting that does not fit.
    pub async fn open_with(config: DynamodbConfig, sdk: &SdkConfig) -> Result<Arc<dyn OnlineStore>> {
        let names = config.check()?;
        let client = client::client(&config, sdk)?;
        if config.warmup_connections {
            client::warm_up(&client).await;
        }
        let slots = Semaphore::new(config.max_pool_connections);
        Ok(Arc::new(DynamodbStore { client, config, names, slots }))
    }
}

/// A client with its settings.
#[derive(Debug)]
pub(crate) struct DynamodbStore {
    pub(crate) client: Client,
    pub(crate) config: DynamodbConfig,
    pub(crate) names: TableNames,
    slots: Semaphore,
}

impl DynamodbStore {
    /// The right to have one request under way, until it is dropped.
    pub(crate) async fn slot(&self) -> Result<SemaphorePermit<'_>> {
        self.slots.acquire().await.map_err(|e| Error::internal("the store is closed").because(e))
    }
}

#[async_trait]
impl OnlineStore for DynamodbStore {
    fn capabilities(&self) -> OnlineCapabilities {
        let newest = self.config.write_mode == WriteMode::Newest;
        OnlineCapabilities {
            newest_wins: newest,
            keeps_created: newest,
            microseconds: true,
            knows_views: true,
        }
    }

    fn describe(&self, table: &OnlineTable) -> String {
        format!("dynamodb table {}", self.names.plain(table))
    }

    async fn read(&self, request: &OnlineRead) -> Result<OnlineRows> {
        read::read(self, request).await
    }

    async fn write(&self, request: OnlineWrite) -> Result<WriteSummary> {
        write::write(self, &request).await
    }

    async fn reconcile(&self, changes: &InfraChanges) -> Result<()> {
        reconcile::reconcile(self, changes).await
    }
}
