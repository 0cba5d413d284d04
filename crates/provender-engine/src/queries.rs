//! SQL: queries over registered sources, and sources that are queries.

mod refused;
#[cfg(test)]
mod tests;

pub(crate) use refused::NoQueries;

use crate::FeatureStore;
use async_trait::async_trait;
use provender_core::model::{DataSource, Object, ObjectKind};
use provender_core::sql::{SqlQuery, SqlRows, SqlTable, SqlTables};
use provender_core::{OfflineStore, Registry, RequestContext, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// A query over the registered sources: each is a table of its name, with its stored columns.
#[derive(Clone, Debug)]
pub struct Query {
    /// One `SELECT`, `WITH` or `VALUES` statement.
    pub sql: String,
    /// Bytes of memory the query may use; `None` for no limit.
    pub max_memory: Option<u64>,
    /// Where to put what memory cannot hold; `None` for the system's folder of temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

impl Query {
    /// A query without limits, of the local user.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), max_memory: None, spill_folder: None, context: RequestContext::local() }
    }
}

impl FeatureStore {
    /// Begins to answer a query over the registered sources: entity rows, most often. Rows come in the same order whenever the data is the same.
    ///
    /// # Errors
    /// `Unsupported` naming the feature if this build has no engine for SQL; `Invalid` for a mistake in the query, with its place and what was expected; what
    /// the stores say.
    pub async fn query(&self, query: Query) -> Result<SqlRows> {
        let engine = self.sql.as_ref().ok_or_else(refused::no_engine)?;
        let Query { sql, max_memory, spill_folder, context } = query;
        let mut tables = self.registered_tables();
        tables.queries = self.offline.first().cloned();
        engine
            .query(SqlQuery { text: sql, tables: Arc::new(tables), max_memory, spill_folder, context })
            .await
    }

    /// What the registered queries may read: sources that are not queries themselves, so that there are no circles.
    fn registered_tables(&self) -> RegisteredTables {
        let stores = if self.sql.is_some() { &self.offline[1..] } else { &self.offline[..] };
        RegisteredTables::new(&self.registry, self.project(), stores)
    }

    /// The offline stores, of which the one for queries knows some declared sources beside the registered ones.
    pub(crate) fn offline_with<'s>(
        &self,
        declared: impl Iterator<Item = &'s DataSource>,
    ) -> Vec<Arc<dyn OfflineStore>> {
        let Some(engine) = &self.sql else { return self.offline.clone() };
        let mut tables = self.registered_tables();
        tables.declared = declared.cloned().collect();
        let mut stores = self.offline.clone();
        stores[0] = crate::layer::offline(Arc::clone(engine).store(Arc::new(tables)));
        stores
    }
}

/// The sources of a project that hold history, as they are when a query is asked.
#[derive(Debug)]
pub(crate) struct RegisteredTables {
    registry: Arc<dyn Registry>,
    project: String,
    stores: Vec<Arc<dyn OfflineStore>>,
    /// What reads sources that are queries; `None` where they are no tables.
    queries: Option<Arc<dyn OfflineStore>>,
    /// Sources that take the place of registered ones of their name.
    declared: Vec<DataSource>,
}

impl RegisteredTables {
    pub(crate) fn new(registry: &Arc<dyn Registry>, project: &str, stores: &[Arc<dyn OfflineStore>]) -> Self {
        Self {
            registry: Arc::clone(registry),
            project: project.to_owned(),
            stores: stores.to_vec(),
            queries: None,
            declared: Vec::new(),
        }
    }

    fn table(&self, source: &DataSource) -> SqlTable {
        let store = match source.query() {
            Some(_) => self.queries.as_ref(),
            None => self.stores.iter().find(|store| store.reads(source)),
        };
        SqlTable { source: source.clone(), store: store.cloned() }
    }
}

#[async_trait]
impl SqlTables for RegisteredTables {
    async fn tables(&self) -> Result<Vec<SqlTable>> {
        let (_, snapshot) = self.registry.snapshot().await?;
        let mut tables: Vec<SqlTable> =
            self.declared.iter().filter(|source| is_table(source)).map(|source| self.table(source)).collect();
        for stored in snapshot.list(&self.project, ObjectKind::DataSource) {
            // A damaged source spoils the queries over it alone.
            let Ok(Object::DataSource(source)) = stored.object() else { continue };
            let is_declared = self.declared.iter().any(|other| other.name.eq_ignore_ascii_case(&source.name));
            if is_table(source) && !is_declared {
                tables.push(self.table(source));
            }
        }
        Ok(tables)
    }
}

/// Whether a source holds history itself.
fn is_table(source: &DataSource) -> bool {
    source.batch().is_some_and(|batch| std::ptr::eq(batch, source))
}
