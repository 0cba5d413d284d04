//! Tables come and go with the views.

use crate::error::{self, failed, is_denied, is_in_use, is_missing, is_throttled};
use crate::layout::ENTITY_ID;
use crate::store::DynamodbStore;
use crate::tags;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
    TableStatus,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use provender_core::online::{InfraChanges, OnlineTable};
use provender_core::{Error, Result};
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
    let kept = named(store, kept)?;
    let dropped = named(store, &changes.drop)?;
    let drops = stream::iter((0..dropped.len()).map(|i| remove(store, &dropped[i].0, dropped[i].1)));
    drops.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let makes = stream::iter((0..kept.len()).map(|i| ensure(store, &kept[i].0, kept[i].1)));
    makes.buffer_unordered(AT_ONCE).try_collect().await
}

/// Tables with their names, each once.
fn named<'a>(
    store: &DynamodbStore,
    tables: impl IntoIterator<Item = &'a Arc<OnlineTable>>,
) -> Result<Vec<(String, &'a OnlineTable)>> {
    let named = tables.into_iter().map(|table| Ok((store.names.of(table)?, &**table)));
    Ok(named.collect::<Result<BTreeMap<_, _>>>()?.into_iter().collect())
}

/// Makes a table if it is missing, waits until it can be used, and sets its tags.
async fn ensure(store: &DynamodbStore, name: &str, table: &OnlineTable) -> Result<()> {
    let wanted = tags::wanted(store.config.tags.as_ref(), table);
    let on_table = |error: Error| error.with("view", &table.view).with("table", name);
    let mut created = false;
    for looks in 0..LOOKS {
        let (description, status) = match look(store, name).await.map_err(on_table)? {
            Look::Missing if created => (None, TableStatus::Creating),
            Look::Missing => {
                created = true;
                create(store, name, &wanted).await.map_err(on_table)?;
                continue;
            }
            Look::There(description, status) => (Some(description), status),
            Look::Throttled => (None, TableStatus::Updating),
        };
        match (description, status) {
            (Some(description), TableStatus::Active | TableStatus::Updating) => {
                check_key(&description).map_err(on_table)?;
                let arn = description.table_arn().unwrap_or_default();
                return tags::update(store, arn, &wanted).await.map_err(on_table);
            }
            (_, TableStatus::Creating | TableStatus::Updating) => {}
            (_, TableStatus::Deleting) => created = false,
            (_, other) => {
                let error = Error::unavailable("the table in DynamoDB cannot be used");
                return Err(on_table(error.with("status", other)));
            }
        }
        pause(looks).await;
    }
    Err(on_table(Error::unavailable("DynamoDB has not made the table in ten minutes; apply again")))
}

/// Deletes a table if it is there, and waits until it is gone.
async fn remove(store: &DynamodbStore, name: &str, table: &OnlineTable) -> Result<()> {
    let on_table = |error: Error| error.with("view", &table.view).with("table", name);
    for looks in 0..LOOKS {
        match look(store, name).await.map_err(on_table)? {
            Look::Missing => return Ok(()),
            Look::There(_, TableStatus::Active) => {
                let deletion = store.client.delete_table().table_name(name).send().await;
                match deletion {
                    Ok(_) => {}
                    Err(e) if is_missing(&e) => return Ok(()),
                    Err(e) if is_in_use(&e) || is_throttled(&e) => {}
                    Err(e) if is_denied(&e) => {
                        let why = "the AWS role may not delete tables; delete it where it was made";
                        tracing::warn!(view = table.view, table = name, "{why}");
                        return Ok(());
                    }
                    Err(e) => return Err(on_table(failed(e, "delete a table"))),
                }
                if matches!(look(store, name).await.map_err(on_table)?, Look::Missing) {
                    return Ok(());
                }
            }
            Look::There(..) | Look::Throttled => {}
        }
        pause(looks).await;
    }
    Err(on_table(Error::unavailable("DynamoDB has not deleted the table in ten minutes; apply again")))
}

async fn pause(looks: u32) {
    let pause = FIRST_PAUSE.saturating_mul(1 << looks.min(16)).min(LONGEST_PAUSE);
    tokio::time::sleep(pause).await;
}

enum Look {
    Missing,
    There(Box<TableDescription>, TableStatus),
    Throttled,
}

async fn look(store: &DynamodbStore, name: &str) -> Result<Look> {
    let _slot = store.slot().await?;
    match store.client.describe_table().table_name(name).send().await {
        Ok(answer) => {
            let table = answer.table.ok_or_else(|| Error::internal("DynamoDB describes no table"))?;
            let status = table.table_status().cloned().unwrap_or(TableStatus::Active);
            Ok(Look::There(Box::new(table), status))
        }
        Err(e) if is_missing(&e) => Ok(Look::Missing),
        Err(e) if is_throttled(&e) => Ok(Look::Throttled),
        Err(e) => Err(failed(e, "look at a table")),
    }
}

/// Makes a table as Feast makes it: one key of text, paid by request.
async fn create(store: &DynamodbStore, name: &str, tags: &tags::TagMap) -> Result<()> {
    let built = |e| Error::internal("cannot make a request").because(e);
    let key = KeySchemaElement::builder().attribute_name(ENTITY_ID).key_type(KeyType::Hash).build();
    let attribute = AttributeDefinition::builder()
        .attribute_name(ENTITY_ID)
        .attribute_type(ScalarAttributeType::S)
        .build();
    let request = store
        .client
        .create_table()
        .table_name(name)
        .key_schema(key.map_err(built)?)
        .attribute_definitions(attribute.map_err(built)?)
        .billing_mode(BillingMode::PayPerRequest)
        // Without tags none are sent: a role may be allowed to make tables but not to tag them.
        .set_tags((!tags.is_empty()).then(|| tags::built(tags)).transpose()?);
    let _slot = store.slot().await?;
    match request.send().await {
        Ok(_) => Ok(()),
        // Somebody else makes it at the same time.
        Err(e) if is_in_use(&e) => Ok(()),
        Err(e) if is_throttled(&e) => {
            Err(Error::unavailable("DynamoDB is making too many tables at once; apply again").because(e))
        }
        Err(e) => Err(error::failed(e, "create a table")),
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
