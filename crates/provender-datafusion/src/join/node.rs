//! The join in a logical plan.

use super::message::JoinSpec;
use crate::errors::through_datafusion;
use datafusion::common::{DFSchema, DFSchemaRef, Result as DfResult};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use provender_core::Error;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Entity rows with the features that were known at each row's time: the input's columns, then the features. As many rows as the input, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PointInTimeJoin {
    input: LogicalPlan,
    spec: JoinSpec,
    schema: DFSchemaRef,
}

impl PointInTimeJoin {
    /// The join of the rows of a plan.
    ///
    /// # Errors
    /// A plan error if the input lacks the column of the rows' time or a join key, or has a column of a feature's name.
    pub fn new(input: LogicalPlan, spec: JoinSpec) -> DfResult<Self> {
        for column in spec.entity_columns() {
            if !input.schema().fields().iter().any(|field| field.name() == column) {
                let columns = input.schema().fields().iter().map(|field| field.name().as_str());
                return Err(through_datafusion(
                    Error::invalid("the entity rows lack a column")
                        .with("column", column)
                        .suggest(column, columns.clone())
                        .with("columns", columns.collect::<Vec<_>>().join(", ")),
                ));
            }
        }
        let features = spec.features().map_err(through_datafusion)?;
        let schema = input.schema().join(&DFSchema::try_from(features)?)?;
        Ok(Self { input, spec, schema: Arc::new(schema) })
    }

    /// What is joined.
    #[must_use]
    pub fn spec(&self) -> &JoinSpec {
        &self.spec
    }
}

impl PartialOrd for PointInTimeJoin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.spec.partial_cmp(&other.spec) {
            Some(Ordering::Equal) => self.input.partial_cmp(&other.input),
            order => order,
        }
    }
}

impl UserDefinedLogicalNodeCore for PointInTimeJoin {
    fn name(&self) -> &'static str {
        "PointInTimeJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// What is asked of entity columns may be asked before the join; what is asked of features cannot.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let entity = self.input.schema().fields().len();
        self.schema.fields().iter().skip(entity).map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PointInTimeJoin: at={}, {}", self.spec.event_column(), self.spec.summary())
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Self::new(input, self.spec.clone()),
            _ => Err(through_datafusion(Error::internal("a point-in-time join has one input"))),
        }
    }

    /// One row comes out for each that goes in.
    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}
