//! The engine: one DataFusion session a query.

use crate::deep::deep;
use crate::errors::of_datafusion;
use crate::parse::{parse, place};
use crate::rows::{plain_schema, rows};
use crate::session::session;
use crate::store::QueryStore;
use crate::table::SourceTable;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::common::TableReference;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use provender_core::model::{FileFormat, SourceKind};
use provender_core::sql::{SqlEngine, SqlQuery, SqlRows, SqlTable, SqlTables};
use provender_core::{Error, Kind, OfflineStore, OpenContext, Provider, RequestContext, Result, nearest};
use serde::Deserialize;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// DataFusion as the engine for SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct Datafusion;

/// Settings of [`Datafusion`]: none.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatafusionConfig {}

impl Provider for Datafusion {
    type Store = dyn SqlEngine;
    type Config = DatafusionConfig;
    const TYPE: &'static str = "datafusion";

    async fn open(_: DatafusionConfig, _: &OpenContext) -> Result<Arc<dyn SqlEngine>> {
        Ok(Arc::new(Self))
    }
}

#[async_trait]
impl SqlEngine for Datafusion {
    async fn query(&self, query: SqlQuery) -> Result<SqlRows> {
        let planned = plan(&query).await?;
        planned.run(&planned.plan, &query.context).await
    }

    fn store(self: Arc<Self>, tables: Arc<dyn SqlTables>) -> Arc<dyn OfflineStore> {
        Arc::new(QueryStore::new(tables))
    }
}

/// A query that has been understood.
pub(crate) struct Planned {
    pub(crate) state: SessionState,
    pub(crate) plan: LogicalPlan,
}

impl Planned {
    /// How a plan, of this query or made of it, is carried out.
    pub(crate) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let (state, plan) = (self.state.clone(), plan.clone());
        deep(async move { state.create_physical_plan(&plan).await.map_err(|e| of_datafusion(&e)) }).await
    }

    /// Begins to carry out a plan, of this query or made of it.
    pub(crate) async fn run(&self, plan: &LogicalPlan, context: &RequestContext) -> Result<SqlRows> {
        let physical = self.physical(plan).await?;
        let stream = execute_stream(physical, self.state.task_ctx()).map_err(|e| of_datafusion(&e))?;
        Ok(rows(stream, context))
    }

    /// The columns of its rows.
    pub(crate) fn schema(&self) -> SchemaRef {
        plain_schema(self.plan.schema().as_arrow())
    }
}

/// Parses a query, looks up its tables, and checks its columns and types. Nothing but the schemas of its tables is read.
pub(crate) async fn plan(query: &SqlQuery) -> Result<Planned> {
    let query = query.clone();
    deep(async move { plan_here(&query).await }).await
}

async fn plan_here(query: &SqlQuery) -> Result<Planned> {
    let session = session(query.max_memory, query.spill_folder.as_deref())?;
    let statement = parse(&session.state(), &query.text)?;
    let wanted = session.state().resolve_table_references(&statement).map_err(|e| of_datafusion(&e))?;
    let tables = query.tables.tables().await?;
    let placed = |error: Error| match error.get("table").and_then(|table| place(&statement, last_part(table)))
    {
        Some(place) if error.kind() == Kind::Invalid => error.with("at", place),
        _ => error,
    };
    register(&session, &wanted, &tables, &query.context).await.map_err(placed)?;
    let state = session.state();
    let plan = state.statement_to_plan(statement).await.map_err(|e| of_datafusion(&e))?;
    Ok(Planned { state, plan })
}

/// Makes the sources that a query names its tables.
async fn register(
    session: &SessionContext,
    wanted: &[TableReference],
    tables: &[SqlTable],
    context: &RequestContext,
) -> Result<()> {
    let functions = session.state();
    for reference in wanted {
        if functions.table_functions().contains_key(reference.table()) {
            continue;
        }
        let table = find(reference, tables)?;
        let store = table.store.clone().ok_or_else(|| unread(table))?;
        let named = |error: Error| {
            if error.get("source").is_some() { error } else { error.with("source", &table.source.name) }
        };
        let provider = SourceTable::open(table.source.clone(), store, context).await.map_err(named)?;
        session.register_table(reference.clone(), Arc::new(provider)).map_err(|e| of_datafusion(&e))?;
    }
    Ok(())
}

fn last_part(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

/// The source that a query means by a name; as everywhere, case does not tell sources apart.
fn find<'t>(reference: &TableReference, tables: &'t [SqlTable]) -> Result<&'t SqlTable> {
    let (name, known) = (reference.table(), tables.iter().map(|table| table.source.name.as_str()));
    let found = tables.iter().find(|table| table.source.name.eq_ignore_ascii_case(name));
    found.filter(|_| matches!(reference, TableReference::Bare { .. })).ok_or_else(|| {
        let error = Error::invalid("there is no such table").with("table", reference);
        match nearest(name, known.clone()) {
            Some(near) => error.with("did you mean", near),
            None if tables.is_empty() => error.with("expected", "a data source that has been applied"),
            None => error.with("expected", known.collect::<Vec<_>>().join(", ")),
        }
    })
}

fn unread(table: &SqlTable) -> Error {
    let expected = match &table.source.kind {
        SourceKind::File { format: FileFormat::Delta, .. } => {
            "type: delta in offline_store or offline_stores, and a build with the feature delta"
        }
        _ => "a store that reads it in offline_store or offline_stores",
    };
    let error = match table.source.query() {
        Some(_) => Error::unsupported("the query of a data source cannot read another query"),
        None => Error::unsupported("no offline store of this repository reads that source")
            .with("expected", expected),
    };
    error.with("table", &table.source.name).with("type", table.source.kind.class())
}
