//! Tables come and go with the views.

use crate::error::{failed, is_denied, is_in_use, is_missing, is_throttled};
use crate::layout::ENTITY_ID;
use crate::retry::within;
use crate::store::DynamodbStore;
use crate::tags;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
    TableStatus,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use provender_core::online::{InfraChanges, OnlineTable};
use provender_core::{Error, RequestContext, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tables that are made or deleted at once.
const AT_ONCE: usize = 10;
/// How long to wait before a table is looked at again: at first a moment, later longer.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a table is looked at: about ten minutes, as DynamoDB may take.
const LOOKS: u32 = 300;

/// Makes and deletes tables, and waits until they are there or gone.
pub(crate) async fn reconcile(store: &DynamodbStore, changes: &InfraChanges) -> Result<()> {
    let kept = changes.keep.iter().chain(changes.alter.iter().map(|(_, new)| new));
    let kept = tables(store, &changes.context, kept)?;
    let dropped = tables(store, &changes.context, &changes.drop)?;
    within(&changes.context, async {
        let drops = stream::iter((0..dropped.len()).map(|i| dropped[i].remove()));
        drops.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let makes = stream::iter((0..kept.len()).map(|i| kept[i].ensure()));
        makes.buffer_unordered(AT_ONCE).try_collect().await
    })
    .await
}

/// The tables of views, each once.
fn tables<'a>(
    store: &'a DynamodbStore,
    context: &'a RequestContext,
    views: impl IntoIterator<Item = &'a Arc<OnlineTable>>,
) -> Result<Vec<Table<'a>>> {
    let named = views.into_iter().map(|view| Ok((store.names.of(view)?, view)));
    let named: BTreeMap<_, _> = named.collect::<Result<_>>()?;
    Ok(named.into_iter().map(|(name, view)| Table { store, context, name, view }).collect())
}

/// A view's table, there or not.
struct Table<'a> {
    store: &'a DynamodbStore,
    context: &'a RequestContext,
    name: String,
    view: &'a OnlineTable,
}

/// What DynamoDB says of a table.
enum Look {
    Missing,
    There(Box<TableDescription>, TableStatus),
    Throttled,
}

impl Table<'_> {
    /// Makes the table if it is missing, waits until it can be used, and sets its tags.
    async fn ensure(&self) -> Result<()> {
        let wanted = tags::wanted(self.store.config.tags.as_ref(), self.view);
        let mut created = false;
        for looks in 0..LOOKS {
            match self.look().await? {
                Look::Missing if !created => {
                    created = true;
                    self.create(&wanted).await?;
                    continue;
                }
                Look::There(description, TableStatus::Active | TableStatus::Updating) => {
                    check_key(&description).map_err(|e| self.named(e))?;
                    let arn = description.table_arn().unwrap_or_default();
                    return tags::update(self.store, arn, &wanted).await.map_err(|e| self.named(e));
                }
                Look::There(_, TableStatus::Deleting) => created = false,
                Look::Missing | Look::There(_, TableStatus::Creating) | Look::Throttled => {}
                Look::There(_, other) => {
                    let error = Error::unavailable("the table in DynamoDB cannot be used");
                    return Err(self.named(error.with("status", other)));
                }
            }
            self.pause(looks).await?;
        }
        Err(self.named(Error::unavailable("DynamoDB has not made the table in ten minutes; apply again")))
    }

    /// Deletes the table if it is there, and waits until it is gone.
    async fn remove(&self) -> Result<()> {
        for looks in 0..LOOKS {
            match self.look().await? {
                Look::Missing => return Ok(()),
                Look::There(_, TableStatus::Deleting) | Look::Throttled => {}
                Look::There(..) if self.delete().await? => {}
                Look::There(..) => return Ok(()),
            }
            self.pause(looks).await?;
        }
        Err(self.named(Error::unavailable("DynamoDB has not deleted the table in ten minutes; apply again")))
    }

    async fn look(&self) -> Result<Look> {
        let _slot = self.store.slot().await?;
        match self.store.client.describe_table().table_name(&self.name).send().await {
            Ok(answer) => {
                let table = answer.table.ok_or_else(|| Error::internal("DynamoDB describes no table"))?;
                let status = table.table_status().cloned().unwrap_or(TableStatus::Active);
                Ok(Look::There(Box::new(table), status))
            }
            Err(e) if is_missing(&e) => Ok(Look::Missing),
            Err(e) if is_throttled(&e) => Ok(Look::Throttled),
            Err(e) => Err(self.named(failed(e, "look at a table"))),
        }
    }

    /// Makes the table as Feast makes it: one key of text, paid by request. It may be that somebody else makes it at the same time.
    async fn create(&self, tags: &tags::TagMap) -> Result<()> {
        let built = |e| Error::internal("cannot make a request").because(e);
        let key = KeySchemaElement::builder().attribute_name(ENTITY_ID).key_type(KeyType::Hash);
        let attribute =
            AttributeDefinition::builder().attribute_name(ENTITY_ID).attribute_type(ScalarAttributeType::S);
        let request = self.store.client.create_table().table_name(&self.name);
        let request = request
            .key_schema(key.build().map_err(built)?)
            .attribute_definitions(attribute.build().map_err(built)?)
            .billing_mode(BillingMode::PayPerRequest)
            // Without tags none are sent: a role may be allowed to make tables but not to tag them.
            .set_tags((!tags.is_empty()).then(|| tags::built(tags)).transpose()?);
        let _slot = self.store.slot().await?;
        match request.send().await {
            Err(e) if !is_in_use(&e) => Err(self.named(failed(e, "create a table"))),
            _ => Ok(()),
        }
    }

    /// Asks for the table's deletion; `false` if the role may not.
    async fn delete(&self) -> Result<bool> {
        let _slot = self.store.slot().await?;
        match self.store.client.delete_table().table_name(&self.name).send().await {
            Err(e) if is_denied(&e) => {
                let why = "the AWS role may not delete tables; delete it where it was made";
                tracing::warn!(view = self.view.view, table = self.name, "{why}");
                Ok(false)
            }
            Err(e) if !(is_missing(&e) || is_in_use(&e) || is_throttled(&e)) => {
                Err(self.named(failed(e, "delete a table")))
            }
            _ => Ok(true),
        }
    }

    async fn pause(&self, looks: u32) -> Result<()> {
        let pause = FIRST_PAUSE.saturating_mul(1 << looks.min(16)).min(LONGEST_PAUSE);
        tokio::time::sleep(pause).await;
        self.context.check()
    }

    fn named(&self, error: Error) -> Error {
        error.with("view", &self.view.view).with("table", &self.name)
    }
}

/// A table of this name may be somebody else's.
fn check_key(table: &TableDescription) -> Result<()> {
    let key = table.key_schema();
    let ours = key.len() == 1 && key[0].attribute_name() == ENTITY_ID && *key[0].key_type() == KeyType::Hash;
    let text = table.attribute_definitions().iter().any(|attribute| {
        attribute.attribute_name() == ENTITY_ID && *attribute.attribute_type() == ScalarAttributeType::S
    });
    if ours && text {
        return Ok(());
    }
    let found: Vec<_> = key.iter().map(|part| part.attribute_name()).collect();
    Err(Error::invalid("a table of this name is there, and it is not one of a feature store")
        .with("key", found.join(", "))
        .with("expected", "`entity_id`, a string, as its only key"))
}
