//! An offline store whose joins DataFusion plans and runs, after the join has been sent as bytes and received.

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Extension, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::{DefaultPhysicalProtoConverter, PhysicalExtensionCodec};
use futures::StreamExt;
use provender_core::model::DataSource;
use provender_core::offline::{
    AppendRequest, Explain, HistoricalRequest, OfflineCapabilities, RangeRequest, RangeScan, RetrievalJob,
    Retrieved, ViewJoin,
};
use provender_core::{Error, OfflineStore, Result};
use provender_datafusion::{JoinCodec, JoinSpec, PointInTimeJoin, session_with_join};
use std::sync::Arc;

/// Everything but joins is the inner store's.
#[derive(Debug)]
pub(crate) struct ThroughPlan(pub(crate) Arc<dyn OfflineStore>);

#[async_trait]
impl OfflineStore for ThroughPlan {
    fn reads(&self, source: &DataSource) -> bool {
        self.0.reads(source)
    }

    fn capabilities(&self) -> OfflineCapabilities {
        self.0.capabilities()
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        self.0.schema(source).await
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let plain = self.0.historical(request.clone()).await?;
        Ok(Box::new(PlannedJoin { plain, request, store: Arc::clone(&self.0) }))
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        self.0.latest(request).await
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        self.0.range(request).await
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        self.0.append(request).await
    }
}

#[derive(Debug)]
struct PlannedJoin {
    /// The store's own join, for what a plan has no place for: the report.
    plain: Box<dyn RetrievalJob>,
    request: HistoricalRequest,
    store: Arc<dyn OfflineStore>,
}

#[async_trait]
impl RetrievalJob for PlannedJoin {
    fn schema(&self) -> SchemaRef {
        self.plain.schema()
    }

    async fn explain(&self) -> Result<Explain> {
        self.plain.explain().await
    }

    async fn run(self: Box<Self>) -> Result<Retrieved> {
        let schema = self.plain.schema();
        let plan = self.plan(&schema).await.map_err(|e| failed(&e))?;
        let batches = execute_stream(plan, session(&self.store).task_ctx()).map_err(|e| failed(&e))?;
        let retrieved = self.plain.run().await?;
        let batches = batches.map(move |batch| {
            let batch = batch.map_err(|e| failed(&e))?;
            let features = batch.columns()[batch.num_columns() - schema.fields().len()..].to_vec();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), features, &options)?)
        });
        Ok(Retrieved { batches: batches.boxed(), ..retrieved })
    }
}

impl PlannedJoin {
    async fn plan(&self, features: &SchemaRef) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let spine = &self.request.spine;
        let batches = spine.batches().map_err(|e| DataFusionError::External(Box::new(e)))?;
        let table = MemTable::try_new(Arc::clone(&spine.schema), vec![batches])?;
        let rows = LogicalPlanBuilder::scan("spine", provider_as_source(Arc::new(table)), None)?.build()?;
        let (views, features) = named_apart(&self.request.views, features);
        let spec = JoinSpec::new(&spine.event_column, &views, &features);
        let spec = spec.map_err(|e| DataFusionError::External(Box::new(e)))?;
        let node = Arc::new(PointInTimeJoin::new(rows, spec)?);
        let plan = LogicalPlan::Extension(Extension { node });
        let plan = session(&self.store).state().create_physical_plan(&plan).await?;
        self.sent(&plan)
    }

    /// The join as another process would receive it.
    fn sent(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let codec = JoinCodec::new(vec![Arc::clone(&self.store)]);
        let mut bytes = Vec::new();
        let converter = DefaultPhysicalProtoConverter {};
        PhysicalExtensionCodec::try_encode(&codec, Arc::clone(plan), &mut bytes, &converter)?;
        let inputs: Vec<_> = plan.children().into_iter().cloned().collect();
        let context = session(&self.store).task_ctx();
        PhysicalExtensionCodec::try_decode(&codec, &bytes, &inputs, &context, &converter)
    }
}

/// Views whose features have names of their own: the rules ask for some twice, which a feature store refuses before any plan is made.
fn named_apart(views: &[ViewJoin], features: &Schema) -> (Vec<ViewJoin>, Schema) {
    let mut views = views.to_vec();
    let named = views.iter_mut().flat_map(|view| &mut view.features);
    for (number, feature) in named.enumerate() {
        feature.name = format!("feature {number}");
    }
    let fields = features.fields().iter().enumerate();
    let fields = fields.map(|(number, field)| field.as_ref().clone().with_name(format!("feature {number}")));
    (views, Schema::new(fields.collect::<Vec<_>>()))
}

fn session(store: &Arc<dyn OfflineStore>) -> datafusion::prelude::SessionContext {
    session_with_join(SessionConfig::new().with_target_partitions(4), vec![Arc::clone(store)])
}

fn failed(error: &DataFusionError) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(own) = inner.downcast_ref::<Error>() {
            let mut copy = Error::new(own.kind(), own.message().to_owned());
            for (key, value) in own.context() {
                copy = copy.with(key, value);
            }
            return copy;
        }
        cause = match inner.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            _ => inner.source(),
        };
    }
    Error::internal("the plan failed").because(error.to_string())
}
