//! Reading: the views of a request share their requests to DynamoDB, each entity of a table is asked for once, and what DynamoDB leaves undone is asked for again.

mod plan;

use crate::error::{self, Failure, is_throttled};
use crate::layout::{self, ENTITY_ID, Item, VALUES};
use crate::retry::{Backoff, within};
use crate::store::DynamodbStore;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use plan::{Batch, Plan, TableRead};
use provender_core::online::{OnlineRead, OnlineRows, ViewRows};
use provender_core::{Error, RequestContext, Result, Timestamp};
use std::collections::HashMap;

/// Reads all views of a request.
pub(crate) async fn read(store: &DynamodbStore, request: &OnlineRead) -> Result<OnlineRows> {
    let plan = Plan::of(request, &store.names)?;
    let reading = Reading { store, plan: &plan, context: &request.context };
    let found = within(&request.context, reading.all()).await.map_err(|e| error::about(e, plan.names()))?;
    let views = plan.views.iter().map(|view| rows(view, &found[view.table])).collect::<Result<_>>()?;
    Ok(OnlineRows { views })
}

/// What is stored of one entity: a value for each feature of its [`TableRead`].
struct Row {
    time: Timestamp,
    cells: Vec<Option<Blob>>,
}

/// The rows of a table, one an entity; `None` if it is not there.
type Rows = Vec<Option<Row>>;

/// Where each row of an answer belongs: table and entity.
type Placed = (usize, usize, Row);

struct Reading<'a> {
    store: &'a DynamodbStore,
    plan: &'a Plan<'a>,
    context: &'a RequestContext,
}

impl Reading<'_> {
    /// Reads every table of the plan.
    async fn all(&self) -> Result<Vec<Rows>> {
        let batches = self.plan.batches(self.store.config.batch_size);
        let mut found: Vec<Rows> = self.plan.tables.iter().map(|t| none(t.ids.len())).collect();
        let mut reads = stream::iter((0..batches.len()).map(|i| self.batch(&batches[i])))
            .buffer_unordered(self.store.config.max_read_workers);
        while let Some(rows) = reads.try_next().await? {
            for (table, entity, row) in rows {
                found[table][entity] = Some(row);
            }
        }
        Ok(found)
    }

    /// Reads one batch to its end: what is not in its rows then is not in the store.
    async fn batch(&self, batch: &Batch) -> Result<Vec<Placed>> {
        let mut left = self.plan.request(batch, self.store.config.consistent_reads)?;
        let mut backoff = Backoff::new(self.context);
        let mut rows = Vec::new();
        loop {
            let before = keys(&left);
            left = self.send(left, batch, &mut rows).await?;
            if left.is_empty() {
                return Ok(rows);
            }
            let paused = backoff.pause(keys(&left) < before).await;
            paused.map_err(|e| self.named(e, batch))?;
        }
    }

    /// Sends one request; returns what DynamoDB left undone.
    async fn send(
        &self,
        wanted: HashMap<String, KeysAndAttributes>,
        batch: &Batch,
        rows: &mut Vec<Placed>,
    ) -> Result<HashMap<String, KeysAndAttributes>> {
        let slot = self.store.slot().await?;
        let request = self.store.client.batch_get_item().set_request_items(Some(wanted.clone()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(failure) if is_throttled(&failure) => return Ok(wanted),
            Err(failure) => return Err(self.failed(failure, batch).await),
        };
        drop(slot);
        for (name, items) in answer.responses.unwrap_or_default() {
            let table = self.plan.table(&name).ok_or_else(|| unasked(&name))?;
            for item in items {
                rows.push(placed(table, &self.plan.tables[table], item)?);
            }
        }
        Ok(answer.unprocessed_keys.unwrap_or_default())
    }

    /// What a failure means, with the views that it happened on.
    async fn failed(&self, failure: Failure<BatchGetItemError>, batch: &Batch) -> Error {
        if !error::is_missing(&failure) {
            return self.named(error::failed(failure, "read the online store"), batch);
        }
        // DynamoDB does not say which of several tables is missing.
        for table in batch.tables() {
            let table = &self.plan.tables[table];
            let described = self.store.client.describe_table().table_name(&table.name).send().await;
            if described.is_err_and(|e| error::is_missing(&e)) {
                return error::never_set_up(table.table, &table.name).because(failure);
            }
        }
        let error = Error::not_found("a view has no table in DynamoDB; `provender apply` creates it");
        self.named(error, batch).because(failure)
    }

    /// Adds the views and tables of a batch.
    fn named(&self, error: Error, batch: &Batch) -> Error {
        error::about(error, plan::named(batch.tables().map(|table| &self.plan.tables[table])))
    }
}

fn none(len: usize) -> Rows {
    std::iter::repeat_with(|| None).take(len).collect()
}

fn keys(request: &HashMap<String, KeysAndAttributes>) -> usize {
    request.values().map(|table| table.keys.len()).sum()
}

fn unasked(name: &str) -> Error {
    Error::internal("DynamoDB answered what it was not asked").with("table", name)
}

/// Takes what was asked for out of an item, and finds where it belongs.
fn placed(place: usize, table: &TableRead<'_>, mut item: Item) -> Result<Placed> {
    let id = layout::stored_text(&item, ENTITY_ID).unwrap_or_default();
    let entity = table.entity(id).ok_or_else(|| unasked(&table.name))?;
    let time = layout::stored_event(&item, table.table)?;
    let mut values = match item.remove(VALUES) {
        Some(AttributeValue::M(values)) => values,
        // None of the features has ever been written.
        None => HashMap::new(),
        Some(_) => return Err(layout::damaged("values is not a map", &item, table.table)),
    };
    let mut cell = |name: &&str| match values.remove(*name) {
        Some(AttributeValue::B(value)) => Ok(Some(value)),
        None => Ok(None),
        Some(_) => Err(layout::damaged("a value is not binary", &item, table.table).with("feature", name)),
    };
    let cells = table.features.iter().map(&mut cell).collect::<Result<_>>()?;
    Ok((place, entity, Row { time, cells }))
}

/// The rows of a view, in the order of its keys and features.
fn rows(view: &plan::ViewPlan, found: &Rows) -> Result<ViewRows> {
    let mut rows = ViewRows::builder(view.entities.len(), view.columns.len());
    for &entity in &view.entities {
        match &found[entity] {
            None => rows.absent(),
            Some(row) => {
                let cell = |&column: &usize| row.cells[column].as_ref().map(Blob::as_ref);
                rows.row(row.time, view.columns.iter().map(cell));
            }
        }
    }
    rows.finish()
}
