//! `write_mode: newest`: one conditional put a row, so that two writers cannot come between each other's look and write.
//!
//! Times are texts that compare as the times do, as long as both are UTC; Feast writes them so unless it was given times of another zone. DynamoDB therefore decides
//! alone, in the condition of the put. If it refuses, it returns what it holds: mostly that is newer, and the row is stale. If it only looked newer, as a text of another
//! zone may, the put is sent again on condition that the item is still the one that was compared.

use crate::error::{is_denied, is_throttled};
use crate::layout::{CREATED, ENTITY_ID, EVENT, Item, created_text, stored_age, stored_text, text};
use crate::retry::Backoff;
use crate::write::Writing;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use provender_core::Result;

/// Holds if there is no item, or one that is not newer. `:event/` is less than every `:event/created`.
const NOT_NEWER: &str = "attribute_not_exists(#id) OR (contains(#event, :utc) AND (#event < :event OR (#event = :event \
    AND (attribute_not_exists(#created) OR NOT begins_with(#created, :same) OR #created <= :created))))";
/// Holds if the item is the one that was seen.
const UNCHANGED: &str = "#event = :event AND #created = :created";
/// The same for an item without our attribute.
const UNCHANGED_BARE: &str = "#event = :event AND attribute_not_exists(#created)";

/// What to do about a role that may not put single items.
const HINT: &str =
    "allow dynamodb:PutItem, or set `write_mode: overwrite`, which needs dynamodb:BatchWriteItem alone";

/// Writes rows, many at once.
pub(crate) async fn write(writing: &Writing<'_>, rows: &[usize]) -> Result<()> {
    let puts = stream::iter((0..rows.len()).map(|i| write_one(writing, rows[i])));
    puts.buffer_unordered(writing.store.config.max_pool_connections).try_collect().await
}

async fn write_one(writing: &Writing<'_>, row: usize) -> Result<()> {
    let age = writing.batch.age(row);
    let event = writing.batch.event_text(row)?;
    let created = created_text(&event, age.1)?;
    let mut backoff = Backoff::new(writing.context);
    let mut seen: Option<Item> = None;
    loop {
        let mut item = writing.batch.item(row)?;
        if age.1.is_some() {
            item.insert(CREATED.to_owned(), text(&created));
        }
        let put = writing.store.client.put_item().table_name(writing.name).set_item(Some(item));
        let put = match &seen {
            None => if_not_newer(put, &event, &created),
            Some(held) => if_unchanged(put, held),
        };
        match send(writing, put).await? {
            Outcome::Taken => {
                writing.took(1);
                return Ok(());
            }
            Outcome::Throttled => backoff.pause(false).await?,
            // It was deleted in between.
            Outcome::Refused(None) => seen = None,
            Outcome::Refused(Some(held)) if stored_age(&held, writing.table)? > age => return Ok(()),
            Outcome::Refused(Some(held)) => seen = Some(held),
        }
        writing.context.check()?;
    }
}

enum Outcome {
    Taken,
    Throttled,
    /// The condition does not hold for the item that is there.
    Refused(Option<Item>),
}

async fn send(writing: &Writing<'_>, put: PutItemFluentBuilder) -> Result<Outcome> {
    let _slot = writing.store.slot().await?;
    let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let failure = match put.send().await {
        Ok(_) => return Ok(Outcome::Taken),
        Err(failure) if is_throttled(&failure) => return Ok(Outcome::Throttled),
        Err(failure) => failure,
    };
    match failure.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(refused)) => {
            Ok(Outcome::Refused(refused.item().cloned()))
        }
        // Feast writes by other requests, and its roles may have the right to no more than those.
        _ if is_denied(&failure) => Err(writing.failed(failure).with("hint", HINT)),
        _ => Err(writing.failed(failure)),
    }
}

fn if_not_newer(put: PutItemFluentBuilder, event: &str, created: &str) -> PutItemFluentBuilder {
    put.condition_expression(NOT_NEWER)
        .expression_attribute_names("#id", ENTITY_ID)
        .expression_attribute_names("#event", EVENT)
        .expression_attribute_names("#created", CREATED)
        .expression_attribute_values(":utc", text("+00:00"))
        .expression_attribute_values(":event", text(event))
        .expression_attribute_values(":same", text(format!("{event}/")))
        .expression_attribute_values(":created", text(created))
}

fn if_unchanged(put: PutItemFluentBuilder, held: &Item) -> PutItemFluentBuilder {
    let event = stored_text(held, EVENT).unwrap_or_default();
    let put = put
        .expression_attribute_names("#event", EVENT)
        .expression_attribute_names("#created", CREATED)
        .expression_attribute_values(":event", text(event));
    match held.get(CREATED) {
        Some(created) => {
            put.condition_expression(UNCHANGED).expression_attribute_values(":created", created.clone())
        }
        None => put.condition_expression(UNCHANGED_BARE),
    }
}
