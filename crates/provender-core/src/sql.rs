//! Queries in SQL over registered sources: what an engine for them offers. The engine itself is another crate's.

use crate::model::DataSource;
use crate::{BatchStream, OfflineStore, RequestContext, Result};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;

/// Tag of a data source whose rows are those of a query over other sources; its value is the query.
///
/// Feast has no message for a query over files, and keeps tags that it does not know.
pub const QUERY_TAG: &str = "provender:query";

/// An engine that answers queries.
#[async_trait]
pub trait SqlEngine: Debug + Send + Sync + 'static {
    /// Begins to answer a query. Rows come in the same order whenever the same query meets the same data.
    ///
    /// # Errors
    /// `Invalid` for a mistake in the query, with its place and what was expected; what the stores of its tables say. The stream ends with an error when the
    /// request is cancelled or its deadline passes.
    async fn query(&self, query: SqlQuery) -> Result<SqlRows>;

    /// A store that reads sources that are queries over `tables`, see [`DataSource::query`].
    fn store(self: Arc<Self>, tables: Arc<dyn SqlTables>) -> Arc<dyn OfflineStore>;
}

/// A query.
#[derive(Clone, Debug)]
pub struct SqlQuery {
    /// One `SELECT`, `WITH` or `VALUES` statement.
    pub text: String,
    /// What it may read.
    pub tables: Arc<dyn SqlTables>,
    /// Bytes of memory the query may use; `None` for no limit.
    pub max_memory: Option<u64>,
    /// Where to put what memory cannot hold; `None` for the system's folder of temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// The answer to a query.
pub struct SqlRows {
    /// Columns of the batches.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: BatchStream,
}

impl Debug for SqlRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlRows").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// A source that queries know by its name, and the store that reads it.
#[derive(Clone, Debug)]
pub struct SqlTable {
    /// Where the rows are. Columns have their stored names; rows without event time are left out, as everywhere.
    pub source: DataSource,
    /// What reads them; `None` if no store of the repository does.
    pub store: Option<Arc<dyn OfflineStore>>,
}

/// The tables that there are when a query is asked.
#[async_trait]
pub trait SqlTables: Debug + Send + Sync {
    /// All of them.
    ///
    /// # Errors
    /// What the registry says.
    async fn tables(&self) -> Result<Vec<SqlTable>>;
}

#[async_trait]
impl SqlTables for Vec<SqlTable> {
    async fn tables(&self) -> Result<Vec<SqlTable>> {
        Ok(self.clone())
    }
}
