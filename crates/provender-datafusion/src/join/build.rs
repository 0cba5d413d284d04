//! Training sets as plans of DataFusion.

use super::exec::feature_fields;
use super::message::JoinSpec;
use super::node::PointInTimeJoin;
use crate::errors::of_datafusion;
use arrow_schema::Schema;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder};
use provender_core::offline::{KnownAt, ViewJoin};
use provender_core::{Error, OfflineStore, Result};
use provender_engine::{FeatureStore, Features, Joins};
use std::sync::Arc;

/// The plan of a training set: the rows of `entities`, whose time is in `event_column`, with features as they were known at each row's time. Columns: those of
/// `entities`, then the features in the order asked. It runs in any session that [`session_with_join`](super::session_with_join) or the planner set up over
/// the same stores, and [`JoinCodec`](super::JoinCodec) sends it to others.
///
/// Key columns are compared as the stores do; unlike [`FeatureStore::historical`] nothing is converted first.
///
/// # Errors
/// `NotFound` for an unknown view, feature or service; `Invalid` for colliding names or missing columns; what the stores say of their sources.
pub async fn training_set(
    store: &FeatureStore,
    entities: LogicalPlan,
    event_column: &str,
    features: &Features,
    known_at: Option<KnownAt>,
) -> Result<LogicalPlan> {
    let Joins { views, columns } = store.joins(features, false, known_at).await?;
    let outputs: Vec<Column> = entities.schema().columns();
    let mut plan = entities;
    for (reader, views) in by_store(store.offline_stores(), views)? {
        let mut fields = Vec::new();
        for view in &views {
            fields.extend(feature_fields(&reader, view).await?);
        }
        let spec = JoinSpec::new(event_column, &views, &Schema::new(fields))?;
        let node = Arc::new(PointInTimeJoin::new(plan, spec).map_err(|e| of_datafusion(&e))?);
        plan = LogicalPlan::Extension(Extension { node });
    }
    let entity = outputs.into_iter().map(Expr::Column);
    let features = columns.into_iter().map(|name| Expr::Column(Column::new_unqualified(name)));
    let builder = LogicalPlanBuilder::from(plan).project(entity.chain(features));
    builder.and_then(LogicalPlanBuilder::build).map_err(|e| of_datafusion(&e))
}

/// A store and the views that it joins.
type Part = (Arc<dyn OfflineStore>, Vec<ViewJoin>);

/// The views that each store reads, a join a store.
fn by_store(stores: &[Arc<dyn OfflineStore>], views: Vec<ViewJoin>) -> Result<Vec<Part>> {
    let mut parts: Vec<(usize, Vec<ViewJoin>)> = Vec::new();
    for view in views {
        let reader = stores.iter().position(|store| store.reads(&view.source)).ok_or_else(|| {
            Error::unsupported("no offline store of this repository reads that source")
                .with("view", &view.name)
                .with("source", &view.source.name)
        })?;
        match parts.iter_mut().find(|(store, _)| *store == reader) {
            Some((_, views)) => views.push(view),
            None => parts.push((reader, vec![view])),
        }
    }
    Ok(parts.into_iter().map(|(store, views)| (Arc::clone(&stores[store]), views)).collect())
}
