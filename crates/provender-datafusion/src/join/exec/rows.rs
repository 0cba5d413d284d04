//! Entity rows taken in, handed to the store, and given out with their features.

use super::super::message::JoinSpec;
use crate::errors::through_datafusion;
use crate::rows::{plain, plain_schema};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::Result as DfResult;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use futures::stream::{self, Stream};
use futures::{StreamExt, TryStreamExt};
use provender_core::offline::{HistoricalRequest, Spine};
use provender_core::{BatchStream, Cancel, Error, OfflineStore, RequestContext, Result};
use std::sync::Arc;

/// The entity rows to come.
pub(super) struct Entities {
    batches: SendableRecordBatchStream,
    event_column: String,
    columns: Vec<String>,
    memory: MemoryReservation,
}

/// Entity rows in memory: all columns, and those that the join looks at.
struct Taken {
    rows: Spine,
    join: Arc<Spine>,
    /// Given back with the rows.
    _memory: MemoryReservation,
}

impl Entities {
    pub(super) fn new(batches: SendableRecordBatchStream, spec: &JoinSpec, context: &TaskContext) -> Self {
        let memory = MemoryConsumer::new("PointInTimeJoinExec").register(context.memory_pool());
        Self {
            batches,
            event_column: spec.event_column().to_owned(),
            columns: spec.entity_columns().into_iter().map(str::to_owned).collect(),
            memory,
        }
    }

    async fn take(mut self) -> DfResult<Taken> {
        let schema = self.batches.schema();
        let columns = self.columns.iter().map(|column| schema.index_of(column));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let join_schema = plain_schema(&schema.project(&columns)?);
        let (mut rows, mut join) = (Vec::new(), Vec::new());
        while let Some(batch) = self.batches.try_next().await? {
            self.memory.try_grow(batch.get_array_memory_size())?;
            let keys = plain(&batch.project(&columns)?, &join_schema).map_err(through_datafusion)?;
            join.push(keys);
            rows.push(batch);
        }
        Ok(Taken {
            rows: Spine::new(schema, rows, self.event_column.as_str()),
            join: Arc::new(Spine::new(join_schema, join, self.event_column.as_str())),
            _memory: self.memory,
        })
    }
}

/// Stops a join when nobody waits for its rows any more.
struct Stop(Cancel);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A join that gives out rows.
struct Running {
    taken: Taken,
    features: BatchStream,
    schema: SchemaRef,
    next: usize,
    _stop: Stop,
}

/// Takes in the entity rows and gives them out with their features.
pub(super) fn joined(
    entities: Entities,
    spec: JoinSpec,
    store: Arc<dyn OfflineStore>,
    schema: SchemaRef,
) -> impl Stream<Item = DfResult<RecordBatch>> + Send {
    let batches = |running: Running| {
        stream::try_unfold(running, |mut running| async move {
            let batch = running.batch().await.map_err(through_datafusion)?;
            Ok(batch.map(|batch| (batch, running)))
        })
    };
    stream::once(Running::begin(entities, spec, store, schema)).map_ok(batches).try_flatten()
}

impl Running {
    async fn begin(
        entities: Entities,
        spec: JoinSpec,
        store: Arc<dyn OfflineStore>,
        schema: SchemaRef,
    ) -> DfResult<Self> {
        let context = RequestContext::local();
        let stop = Stop(context.cancel.clone());
        let taken = entities.take().await?;
        let request = HistoricalRequest {
            spine: Arc::clone(&taken.join),
            views: spec.views().map_err(through_datafusion)?,
            max_memory: None,
            spill_folder: None,
            context,
        };
        let job = store.historical(request).await.map_err(through_datafusion)?;
        let features = job.run().await.map_err(through_datafusion)?.batches;
        Ok(Self { taken, features, schema, next: 0, _stop: stop })
    }

    async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let rows = self.taken.rows.rows();
        let Some(features) = self.features.next().await.transpose()? else {
            return match self.next == rows {
                true => Ok(None),
                false => Err(Error::internal("an offline store answers fewer rows than it was asked")),
            };
        };
        let end = self.next + features.num_rows();
        if end > rows {
            return Err(Error::internal("an offline store answers more rows than it was asked"));
        }
        let parts = self.taken.rows.read(self.next..end).collect::<Result<Vec<_>>>()?;
        let entity = match &parts[..] {
            [only] => only.clone(),
            several => concat_batches(&self.taken.rows.schema, several)?,
        };
        self.next = end;
        let columns = entity.columns().iter().chain(features.columns()).cloned().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(entity.num_rows()));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }
}
