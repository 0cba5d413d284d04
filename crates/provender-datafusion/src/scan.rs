//! Reads a table: the rows of a source in a window, through the store that reads it.

use crate::bounds::Bounds;
use crate::errors::through_datafusion;
use crate::table::SourceTable;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_cast::cast;
use arrow_schema::{Field, SchemaRef};
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};
use provender_core::model::DataSource;
use provender_core::offline::{FeatureColumn, RangeRequest};
use provender_core::{OfflineStore, RequestContext, Result, Timestamp, ValueType};
use std::fmt;
use std::sync::Arc;

/// Rows of a source in a window, some of its columns, in the source's order.
#[derive(Clone, Debug)]
pub(crate) struct SourceScan {
    pub(crate) source: DataSource,
    store: Arc<dyn OfflineStore>,
    context: RequestContext,
    pub(crate) bounds: Bounds,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl SourceScan {
    pub(crate) fn new(table: &SourceTable, schema: SchemaRef, bounds: Bounds) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            source: table.source.clone(),
            store: Arc::clone(&table.store),
            context: table.context.clone(),
            bounds,
            schema,
            properties: Arc::new(properties),
        }
    }

    fn request(&self) -> RangeRequest {
        let feature = |field: &Arc<Field>| FeatureColumn {
            name: field.name().clone(),
            column: field.name().clone(),
            value_type: ValueType::UNKNOWN,
        };
        RangeRequest {
            source: self.source.clone(),
            keys: Vec::new(),
            features: self.schema.fields().iter().map(feature).collect(),
            event_column: self.source.physical(&self.source.timestamp_field).to_owned(),
            created_column: None,
            start: self.bounds.start(),
            end: self.bounds.end(),
            context: self.context.clone(),
        }
    }
}

/// The columns asked for, of what a store gives: the features come first.
fn picked(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
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

impl DisplayAs for SourceScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "SourceScan: source={}, columns=[{}]", self.source.name, columns.join(", "))?;
        if self.bounds.start > i64::MIN {
            write!(f, ", from={}", Timestamp(self.bounds.start))?;
        }
        if self.bounds.end < i64::MAX {
            write!(f, ", to={}", Timestamp(self.bounds.end))?;
        }
        Ok(())
    }
}

impl ExecutionPlan for SourceScan {
    fn name(&self) -> &'static str {
        "SourceScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let (store, request, schema) = (Arc::clone(&self.store), self.request(), Arc::clone(&self.schema));
        let picked = move |batch: Result<RecordBatch>| {
            batch.and_then(|batch| picked(&batch, &schema)).map_err(through_datafusion)
        };
        let scan = async move {
            match store.range(request).await {
                Ok(scan) => scan.batches,
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        let batches = stream::once(scan).flatten().map(picked);
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }
}
