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

/// How often a query that gives no rows for long is asked whether it may go on.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// The rows of a stream, in types that every part of Provender knows.
pub(crate) fn rows(batches: SendableRecordBatchStream, context: &RequestContext) -> SqlRows {
    let schema = plain_schema(&batches.schema());
    let state = Some((batches, context.clone(), Arc::clone(&schema)));
    let batches = stream::unfold(state, |state| async {
        let (mut batches, context, schema) = state?;
        match next(&mut batches, &context).await {
            Ok(batch) => {
                let batch = batch?;
                Some((plain(&batch, &schema), Some((batches, context, schema))))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    SqlRows { schema, batches: batches.boxed() }
}

/// The next batch, unless the request is cancelled or late first.
async fn next(
    batches: &mut SendableRecordBatchStream,
    context: &RequestContext,
) -> Result<Option<RecordBatch>> {
    loop {
        context.check()?;
        match tokio::time::timeout(HEARTBEAT, batches.next()).await {
            Ok(batch) => return batch.transpose().map_err(|e| of_datafusion(&e)),
            Err(_) => continue,
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
