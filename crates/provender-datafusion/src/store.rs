//! Reads sources that are queries: their rows are put in a file without a name, which provender-join reads like any other.

mod job;
mod kept;
mod wanted;

use crate::engine::plan;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use job::QueryJob;
use kept::keep;
use provender_core::model::DataSource;
use provender_core::offline::{
    AppendRequest, HistoricalRequest, OfflineCapabilities, RangeRequest, RangeScan, RetrievalJob,
};
use provender_core::sql::{SqlQuery, SqlTables};
use provender_core::{Error, OfflineStore, RequestContext, Result};
use provender_join::{Window, offline};
use std::sync::Arc;
use wanted::Wanted;

/// A store of the sources that are queries over some tables.
#[derive(Clone, Debug)]
pub(crate) struct QueryStore {
    tables: Arc<dyn SqlTables>,
}

impl QueryStore {
    pub(crate) fn new(tables: Arc<dyn SqlTables>) -> Self {
        Self { tables }
    }

    fn query(&self, source: &DataSource, context: &RequestContext) -> Result<SqlQuery> {
        let text = source.query().ok_or_else(|| {
            Error::unsupported("only sources that are queries are read by this store")
                .with("source", &source.name)
        })?;
        Ok(SqlQuery {
            text: text.to_owned(),
            tables: Arc::clone(&self.tables),
            max_memory: None,
            spill_folder: None,
            context: context.clone(),
        })
    }

    /// The rows of a window, kept for a while.
    async fn window(&self, request: RangeRequest) -> Result<Window> {
        let source = &request.source;
        let named = |error: Error| error.with("query of", &source.name);
        let query = self.query(source, &request.context)?;
        let planned = plan(&query).await.map_err(named)?;
        let wanted = Wanted::of_range(&request);
        let kept = keep(&planned, &wanted, &query, &source.name).await.map_err(named)?;
        Window::new(request, kept)
    }
}

#[async_trait]
impl OfflineStore for QueryStore {
    fn reads(&self, source: &DataSource) -> bool {
        source.query().is_some()
    }

    fn capabilities(&self) -> OfflineCapabilities {
        OfflineCapabilities { append: false, known_at: true }
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        let query = self.query(source, &RequestContext::local())?;
        let planned = plan(&query).await.map_err(|error| error.with("query of", &source.name))?;
        Ok(planned.schema())
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let mut queries = Vec::new();
        for view in &request.views {
            let mut query = self.query(&view.source, &request.context)?;
            query.max_memory = request.max_memory;
            query.spill_folder.clone_from(&request.spill_folder);
            queries.push(query);
        }
        Ok(Box::new(QueryJob::new(request, queries).await?))
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        let window = self.window(request).await?;
        offline::latest(move || Ok(window)).await
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        let window = self.window(request).await?;
        offline::range(move || Ok(window)).await
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        Err(Error::unsupported("rows cannot be appended to a query").with("source", &request.source.name))
    }
}
