//! From the logical node to the physical one.

use super::exec::PointInTimeJoinExec;
use super::node::PointInTimeJoin;
use crate::errors::through_datafusion;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result as DfResult;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use datafusion::prelude::{SessionConfig, SessionContext};
use provender_core::OfflineStore;
use std::sync::Arc;

/// Plans [`PointInTimeJoin`] nodes over some offline stores; other nodes are left to others.
#[derive(Clone, Debug)]
pub struct JoinPlanner {
    stores: Vec<Arc<dyn OfflineStore>>,
}

impl JoinPlanner {
    /// A planner over stores: the first that reads all views of a join joins them.
    #[must_use]
    pub fn new(stores: Vec<Arc<dyn OfflineStore>>) -> Self {
        Self { stores }
    }
}

#[async_trait]
impl ExtensionPlanner for JoinPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<PointInTimeJoin>(), inputs) else {
            return Ok(None);
        };
        let join = PointInTimeJoinExec::new(Arc::clone(input), node.spec().clone(), &self.stores);
        Ok(Some(Arc::new(join.map_err(through_datafusion)?)))
    }
}

#[async_trait]
impl QueryPlanner for JoinPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let extensions: Vec<Arc<dyn ExtensionPlanner + Send + Sync>> = vec![Arc::new(self.clone())];
        DefaultPhysicalPlanner::with_extension_planners(extensions).create_physical_plan(plan, session).await
    }
}

/// A session that plans point-in-time joins over some offline stores.
#[must_use]
pub fn session_with_join(config: SessionConfig, stores: Vec<Arc<dyn OfflineStore>>) -> SessionContext {
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_query_planner(Arc::new(JoinPlanner::new(stores)))
        .build();
    SessionContext::new_with_state(state)
}
