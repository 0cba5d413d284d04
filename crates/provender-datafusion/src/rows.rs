//! The rows of an answer: of plain types, and stopped when the request is.

use crate::errors::of_datafusion;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use futures::{StreamExt, stream};
use provender_core::sql::SqlRows;
use provender_core::{RequestContext, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often a query that gives no rows for long is asked whether it may go on.
const HEARTBEAT: Duration = Duration::from_millis(50);
/// Batches that may wait to be taken.
const AHEAD: usize = 2;

/// The rows of a stream, in types that every part of Provender knows. The query works in a task of its own, where it gives way now and then, whoever takes its
/// rows; it stops when the request is cancelled or late, and when nobody wants its rows any more.
pub(crate) fn rows(batches: SendableRecordBatchStream, context: &RequestContext) -> SqlRows {
    let schema = plain_schema(&batches.schema());
    let (sender, mut receiver) = mpsc::channel(AHEAD);
    tokio::spawn(work(batches, context.clone(), Arc::clone(&schema), sender));
    SqlRows { schema, batches: stream::poll_fn(move |context| receiver.poll_recv(context)).boxed() }
}

async fn work(
    mut batches: SendableRecordBatchStream,
    context: RequestContext,
    schema: SchemaRef,
    sender: mpsc::Sender<Result<RecordBatch>>,
) {
    while !sender.is_closed() {
        let batch = match tokio::time::timeout(HEARTBEAT, batches.next()).await {
            Ok(None) => return,
            Ok(Some(batch)) => batch.map_err(|e| of_datafusion(&e)).and_then(|batch| plain(&batch, &schema)),
            Err(_) => match context.check() {
                Ok(()) => continue,
                Err(error) => Err(error),
            },
        };
        let batch = context.check().and(batch);
        let is_last = batch.is_err();
        if sender.send(batch).await.is_err() || is_last {
            return;
        }
    }
}

/// The columns of an answer: names without their tables, all nullable, texts and bytes as stores have them.
pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let field = |field: &FieldRef| Field::new(field.name(), plain_type(field.data_type()), true);
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn plain_type(data_type: &DataType) -> DataType {
    let item =
        |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain_type(field.data_type())));
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::List(field) | DataType::ListView(field) => DataType::List(item(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => DataType::LargeList(item(field)),
        other => other.clone(),
    }
}

/// A batch in the types of [`plain_schema`].
pub(crate) fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
