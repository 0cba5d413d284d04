//! The join in a physical plan.

mod rows;

use super::message::JoinSpec;
use crate::errors::through_datafusion;
use arrow_schema::{Field, Schema, SchemaRef};
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, Partitioning, PlanProperties, ReplaceChildrenOptions,
};
use provender_core::{Error, OfflineStore, Result};
use rows::{Entities, joined};
use std::fmt;
use std::sync::Arc;

/// Joins the rows of its one input, which it takes in as a whole, with the views of an offline store. The input's order is kept.
#[derive(Clone, Debug)]
pub struct PointInTimeJoinExec {
    input: Arc<dyn ExecutionPlan>,
    spec: JoinSpec,
    store: Arc<dyn OfflineStore>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl PointInTimeJoinExec {
    /// The join of the rows of a plan, by the first of the stores that reads all its views.
    ///
    /// # Errors
    /// `Unsupported` if none does.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        spec: JoinSpec,
        stores: &[Arc<dyn OfflineStore>],
    ) -> Result<Self> {
        let views = spec.views()?;
        let reads = |store: &&Arc<dyn OfflineStore>| views.iter().all(|view| store.reads(&view.source));
        let store = stores.iter().find(reads).cloned().ok_or_else(|| {
            let sources: Vec<_> = views.iter().map(|view| view.source.name.as_str()).collect();
            Error::unsupported("no offline store of this process reads all sources of the join")
                .with("sources", sources.join(", "))
        })?;
        Self::over(input, spec, store)
    }

    fn over(input: Arc<dyn ExecutionPlan>, spec: JoinSpec, store: Arc<dyn OfflineStore>) -> Result<Self> {
        let features = spec.features()?;
        let fields = input.schema().fields().iter().chain(features.fields()).cloned().collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        // The input's columns come first and in its order: what is known of their order holds of the output.
        let orderings = input.equivalence_properties().oeq_class().iter().cloned();
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), orderings),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            input.boundedness(),
        );
        Ok(Self { input, spec, store, schema, properties: Arc::new(properties) })
    }

    /// What is joined.
    #[must_use]
    pub fn spec(&self) -> &JoinSpec {
        &self.spec
    }
}

impl DisplayAs for PointInTimeJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PointInTimeJoinExec: at={}, {}", self.spec.event_column(), self.spec.summary())
    }
}

impl ExecutionPlan for PointInTimeJoinExec {
    fn name(&self) -> &'static str {
        "PointInTimeJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => {
                let join = Self::over(input, self.spec.clone(), Arc::clone(&self.store));
                Ok(Arc::new(join.map_err(through_datafusion)?))
            }
            _ => Err(through_datafusion(Error::internal("a point-in-time join has one input"))),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let mode = datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(mode))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let entities = Entities::new(self.input.execute(0, Arc::clone(&context))?, &self.spec, &context);
        let batches = joined(entities, self.spec.clone(), Arc::clone(&self.store), Arc::clone(&self.schema));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }
}

/// The feature columns that a store answers views with, by the types of their sources.
///
/// # Errors
/// Those of [`OfflineStore::schema`]; `Invalid` naming the view and a column that its source lacks.
pub(super) async fn feature_fields(
    store: &Arc<dyn OfflineStore>,
    view: &provender_core::offline::ViewJoin,
) -> Result<Vec<Field>> {
    let schema = store.schema(&view.source).await?;
    let field =
        |feature: &provender_core::offline::FeatureColumn| match schema.field_with_name(&feature.column) {
            Ok(field) => Ok(Field::new(&feature.name, field.data_type().clone(), true)),
            Err(_) => Err(Error::invalid("the source has no such feature column")
                .with("view", &view.name)
                .with("source", &view.source.name)
                .with("column", &feature.column)
                .suggest(&feature.column, schema.fields().iter().map(|field| field.name().as_str()))),
        };
    view.features.iter().map(field).collect()
}
