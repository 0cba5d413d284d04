//! A join of entity rows with sources that are queries.

use super::kept::{keep, narrowed};
use super::wanted::{Wanted, times};
use crate::engine::{Planned, plan};
use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::physical_plan::displayable;
use provender_core::offline::{Explain, HistoricalRequest, RetrievalJob, Retrieved, ViewExplain, ViewJoin};
use provender_core::sql::SqlQuery;
use provender_core::{Error, Result};
use provender_join::offline::{blocking, stream_of};
use provender_join::{HistoricalJoin, JoinOptions, Source};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A join that is planned: queries are understood, nothing has been read but schemas and the times of the entity rows.
pub(super) struct QueryJob {
    request: HistoricalRequest,
    /// One a source, by its name.
    sources: HashMap<String, Part>,
    schema: SchemaRef,
}

/// A query, and what is wanted of it.
struct Part {
    query: SqlQuery,
    planned: Planned,
    wanted: Wanted,
}

impl QueryJob {
    pub(super) async fn new(request: HistoricalRequest, queries: Vec<SqlQuery>) -> Result<Self> {
        let spine = Arc::clone(&request.spine);
        let times = blocking(move || times(&spine)).await?;
        let mut sources: HashMap<String, Part> = HashMap::new();
        let mut fields = Vec::new();
        for (view, query) in request.views.iter().zip(queries) {
            let named = |error: Error| error.with("query of", &view.source.name).with("view", &view.name);
            let name = &view.source.name;
            let wanted = Wanted::of_view(view, times);
            let part = match sources.remove(name) {
                Some(part) => Part { wanted: part.wanted.and(wanted), ..part },
                None => {
                    let planned = plan(&query).await.map_err(named)?;
                    Part { query, planned, wanted }
                }
            };
            let schema = part.planned.schema();
            part.wanted.columns(&schema).map_err(named)?;
            fields.extend(feature_fields(view, &schema)?);
            sources.insert(name.clone(), part);
        }
        Ok(Self { request, sources, schema: Arc::new(Schema::new(fields)) })
    }
}

fn feature_fields(view: &ViewJoin, schema: &Schema) -> Result<Vec<Field>> {
    let field = |feature: &provender_core::offline::FeatureColumn| {
        let stored = schema.field_with_name(&feature.column)?;
        Ok(Field::new(&feature.name, stored.data_type().clone(), true))
    };
    view.features.iter().map(field).collect()
}

impl fmt::Debug for QueryJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryJob").field("schema", &self.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl RetrievalJob for QueryJob {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    async fn explain(&self) -> Result<Explain> {
        let mut explain = Explain::default();
        for view in &self.request.views {
            let Some(part) = self.sources.get(&view.source.name) else { continue };
            let narrowed = narrowed(&part.planned, &part.wanted)?;
            let physical = part.planned.physical(&narrowed).await?;
            let text = displayable(physical.as_ref()).indent(false).to_string();
            let scans: Vec<_> =
                text.lines().map(str::trim).filter(|line| line.starts_with("SourceScan")).collect();
            let plan = format!("join of a query's rows, kept on disk; {}", scans.join("; "));
            explain.views.push(ViewExplain { name: view.name.clone(), plan, ..ViewExplain::default() });
        }
        explain.memory_bytes = self.request.spine.memory() as u64;
        Ok(explain)
    }

    async fn run(self: Box<Self>) -> Result<Retrieved> {
        let Self { request, sources, .. } = *self;
        let mut kept: HashMap<String, Arc<Source>> = HashMap::new();
        for (name, part) in &sources {
            let rows = keep(&part.planned, &part.wanted, &part.query, name).await;
            kept.insert(name.clone(), rows.map_err(|error| error.with("query of", name))?);
        }
        let joined = blocking(move || {
            let HistoricalRequest { spine, views, max_memory, spill_folder, context } = request;
            let opened = views.into_iter().map(|view| match kept.get(&view.source.name) {
                Some(source) => Ok((view, Arc::clone(source))),
                None => Err(Error::internal("a query was not run").with("view", &view.name)),
            });
            let opened = opened.collect::<Result<Vec<_>>>()?;
            let options = JoinOptions { max_memory, spill_folder, ..JoinOptions::default() };
            HistoricalJoin::new(spine, opened, options, context)?.run()
        });
        let joined = joined.await?;
        let (report, audit) = (joined.report().clone(), joined.audit());
        Ok(Retrieved { batches: stream_of(joined), report, audit: Some(audit) })
    }
}
