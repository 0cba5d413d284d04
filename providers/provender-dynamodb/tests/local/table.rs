//! A table of a test's own, seen by a store and by a plain client beside it, as Feast is one.

use crate::common::{Row, found, keep, view, write_of};
use crate::local;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use provender_core::online::{OnlineTable, WriteSummary};
use provender_core::{OnlineStore, RequestContext};
use provender_dynamodb::{Dynamodb, DynamodbConfig};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) struct Table {
    pub(crate) store: Arc<dyn OnlineStore>,
    pub(crate) view: Arc<OnlineTable>,
    pub(crate) client: Client,
    pub(crate) name: String,
    config: DynamodbConfig,
}

impl Table {
    /// An empty table with one feature.
    pub(crate) async fn new(url: String, test: &str) -> Self {
        Self::with_features(local::at(url), test, &["name"]).await
    }

    /// One beside this with other features.
    pub(crate) async fn other(&self, features: &[&str]) -> Self {
        Self::with_features(self.config.clone(), "other", features).await
    }

    async fn with_features(config: DynamodbConfig, test: &str, features: &[&str]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let project = format!("local_{now}");
        let view = Arc::new(OnlineTable { project, ..OnlineTable::clone(&view(test, features)) });
        let sdk = local::credentials("dummy");
        let client = Client::from_conf(
            aws_sdk_dynamodb::config::Builder::from(&sdk)
                .region(aws_config::Region::new("us-east-1"))
                .endpoint_url(config.endpoint_url.clone().unwrap())
                .http_client(aws_smithy_http_client::Builder::new().build_http())
                .build(),
        );
        let store = Dynamodb::open_with(config.clone(), &sdk).await.unwrap();
        store.reconcile(&keep(&[&view])).await.unwrap();
        let name = format!("{}.{test}", view.project);
        Self { store, view, client, name, config }
    }

    /// The store once more, with other settings.
    pub(crate) async fn store_with(
        &self,
        settings: impl FnOnce(&mut DynamodbConfig),
    ) -> Arc<dyn OnlineStore> {
        let mut config = self.config.clone();
        settings(&mut config);
        Dynamodb::open_with(config, &local::credentials("dummy")).await.unwrap()
    }

    /// Writes as the store does.
    pub(crate) async fn write(&self, rows: &[Row]) -> WriteSummary {
        self.store.write(write_of(&self.view, rows, RequestContext::local())).await.unwrap()
    }

    /// The name of a driver, such as `1=a`.
    pub(crate) async fn read(&self, id: i64) -> String {
        found(&self.store, &self.view, &[id], RequestContext::local()).await.unwrap().remove(0)
    }

    /// Writes one item as Feast does.
    pub(crate) async fn feast_writes(&self, entity_id: &str, event: &str, text: &str) {
        let values =
            HashMap::from([("name".to_owned(), AttributeValue::B(Blob::new(crate::common::string(text))))]);
        self.client
            .put_item()
            .table_name(&self.name)
            .item("entity_id", AttributeValue::S(entity_id.to_owned()))
            .item("event_ts", AttributeValue::S(event.to_owned()))
            .item("values", AttributeValue::M(values))
            .send()
            .await
            .unwrap();
    }
}

/// Driver 1001's name in DynamoDB (from Feast's vectors).
pub(crate) const DRIVER_1001: &str = "f3cfd4a822f245b63975464763babaec";
