//! A data source as a table.

use crate::bounds::{Bounds, speaks_of};
use crate::errors::through_datafusion;
use crate::scan::SourceScan;
use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DfResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use provender_core::model::DataSource;
use provender_core::{Error, OfflineStore, RequestContext, Result};
use std::sync::Arc;

/// A data source as a table of DataFusion, with its stored columns. Rows without event time are left out.
#[derive(Clone, Debug)]
pub struct SourceTable {
    pub(crate) source: DataSource,
    pub(crate) store: Arc<dyn OfflineStore>,
    pub(crate) schema: SchemaRef,
    pub(crate) context: RequestContext,
}

impl SourceTable {
    /// Reads the schema of a source that a store reads.
    ///
    /// # Errors
    /// Those of [`OfflineStore::schema`].
    pub async fn open(
        source: DataSource,
        store: Arc<dyn OfflineStore>,
        context: &RequestContext,
    ) -> Result<Self> {
        let stored = store.schema(&source).await?;
        Ok(Self::with_schema(source, store, &stored, context.clone()))
    }

    pub(crate) fn with_schema(
        source: DataSource,
        store: Arc<dyn OfflineStore>,
        schema: &Schema,
        context: RequestContext,
    ) -> Self {
        let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { source, store, schema, context }
    }

    /// Stored column of the event time.
    fn event_column(&self) -> &str {
        self.source.physical(&self.source.timestamp_field)
    }

    /// Whether a condition can be told to the store.
    fn is_bound(&self, condition: &Expr) -> bool {
        let column = self.event_column();
        let field = self.schema.field_with_name(column);
        field.is_ok_and(|field| speaks_of(condition, column, field.data_type()))
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.is_bound(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let column = self.event_column();
        if self.source.timestamp_field.is_empty() {
            return Err(through_datafusion(
                Error::invalid("the data source does not say which column holds the event time")
                    .with("source", &self.source.name)
                    .with("field", "timestamp_field"),
            ));
        }
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let bounds = match self.schema.field_with_name(column) {
            Ok(field) => Bounds::of(filters, column, field.data_type()),
            Err(_) => Bounds::ALL,
        };
        Ok(Arc::new(SourceScan::new(self, schema, bounds)))
    }
}
