//! Training sets that are stored as tables, by the store that reads such tables.

use crate::FeatureStore;
use arrow_schema::SchemaRef;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{SaveMode, SaveRequest};
use provender_core::{BatchStream, Error, Kind, OfflineStore, RequestContext, Result};
use std::sync::Arc;

/// A table that rows can be stored in.
#[derive(Clone, Debug)]
pub struct TableTarget {
    store: Arc<dyn OfflineStore>,
    table: DataSource,
    mode: SaveMode,
}

impl FeatureStore {
    /// The Delta table at an absolute path or URL, as a place for rows.
    ///
    /// # Errors
    /// `Unsupported` if no offline store of the repository has Delta tables; `AlreadyExists` if there is one and the mode is to create it: asked here, so that
    /// no join is run for nothing.
    pub async fn delta_table(&self, path: &str, mode: SaveMode) -> Result<TableTarget> {
        let kind = SourceKind::File {
            path: path.to_owned(),
            format: FileFormat::Delta,
            s3_endpoint_override: String::new(),
        };
        let table = DataSource::new(path, kind);
        let store = self.offline.iter().find(|store| store.reads(&table)).ok_or_else(|| {
            Error::unsupported("no offline store of this repository has Delta tables")
                .with("table", path)
                .with(
                    "expected",
                    "a build with the feature `delta`, and `type: file` or `type: delta` as offline store",
                )
        })?;
        if mode == SaveMode::Create {
            match store.schema(&table).await {
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    return Err(Error::new(Kind::AlreadyExists, "there is a table already")
                        .with("table", path)
                        .with("expected", "another place, or append or overwrite as mode"));
                }
            }
        }
        Ok(TableTarget { store: Arc::clone(store), table, mode })
    }
}

impl TableTarget {
    /// Stores rows while they come, all at once for whoever reads the table; answers how many.
    ///
    /// # Errors
    /// Those of [`OfflineStore::save`].
    pub async fn save(
        &self,
        schema: SchemaRef,
        batches: BatchStream,
        max_memory: Option<u64>,
        context: RequestContext,
    ) -> Result<u64> {
        let (target, mode) = (self.table.clone(), self.mode);
        self.store.save(SaveRequest { target, schema, batches, mode, max_memory, context }).await
    }
}
