//! The store: requests of the engine, answered by provender-join from the files that a table's log names.

use crate::files::DeltaFiles;
use crate::place::TablePlace;
use crate::table::Table;
use crate::travel::{At, TIMESTAMP_TAG, VERSION_TAG};
use crate::write;
use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{
    AppendRequest, HistoricalRequest, OfflineCapabilities, RangeRequest, RangeScan, RetrievalJob,
    SaveRequest, SourceVersion,
};
use provender_core::{OfflineStore, OpenContext, Result};
use provender_join::storage::{StorageOptions, run};
use provender_join::table::TableFiles;
use provender_join::{HistoricalJoin, JoinOptions, SourceSpec, Window, offline};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Delta tables of one repository.
#[derive(Debug)]
pub struct DeltaStore {
    context: OpenContext,
    options: StorageOptions,
}

impl DeltaStore {
    /// A store whose relative paths start at the repository's folder, and whose URLs are reached by these settings and the environment. Nothing is read yet.
    #[must_use]
    pub fn new(context: OpenContext, options: StorageOptions) -> Self {
        Self { context, options }
    }

    /// The place of a source's table.
    fn place(&self, source: &DataSource) -> Result<TablePlace> {
        TablePlace::of(source, &self.context, &self.options)
    }

    /// The table of a source at the version that its tags say, with its files.
    async fn files(&self, source: &DataSource) -> Result<Arc<DeltaFiles>> {
        let (place, at) = (self.place(source)?, At::of(source)?);
        let read = run(async move { DeltaFiles::of(&Table::open(&place, at).await?).await });
        read.await.map(Arc::new).map_err(|error| error.with("source", &source.name))
    }

    async fn spec(&self, source: &DataSource) -> Result<SourceSpec> {
        Ok(self.files(source).await?.spec(&source.name))
    }
}

#[async_trait]
impl OfflineStore for DeltaStore {
    fn reads(&self, source: &DataSource) -> bool {
        matches!(&source.kind, SourceKind::File { format: FileFormat::Delta, .. })
    }

    fn capabilities(&self) -> OfflineCapabilities {
        OfflineCapabilities { append: true, known_at: true }
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        let files = self.files(source).await?;
        let fields = files.columns().iter().map(|column| Arc::clone(&column.field));
        Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let HistoricalRequest { spine, views, max_memory, spill_folder, context } = request;
        // Views of one table read one version of it, whatever is committed meanwhile.
        let mut tables: BTreeMap<(String, At), Arc<DeltaFiles>> = BTreeMap::new();
        let mut specs = Vec::with_capacity(views.len());
        for view in views {
            let named = |error: provender_core::Error| error.with("view", &view.name);
            let key = (self.place(&view.source).map_err(named)?.path, At::of(&view.source).map_err(named)?);
            let files = match tables.get(&key) {
                Some(files) => Arc::clone(files),
                None => self.files(&view.source).await.map_err(named)?,
            };
            let spec = files.spec(&view.source.name);
            tables.insert(key, files);
            specs.push((view, spec));
        }
        let options = JoinOptions { max_memory, spill_folder, ..JoinOptions::default() };
        offline::historical(move || HistoricalJoin::open(spine, specs, options, context)).await
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        let spec = self.spec(&request.source).await?;
        offline::latest(move || Window::open(request, &spec)).await
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        let spec = self.spec(&request.source).await?;
        offline::range(move || Window::open(request, &spec)).await
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        let place = self.place(&request.source)?;
        run(write::append(place, request)).await
    }

    async fn save(&self, request: SaveRequest) -> Result<u64> {
        let place = self.place(&request.target)?;
        run(write::save(place, request)).await
    }

    async fn version(&self, source: &DataSource) -> Result<SourceVersion> {
        let files = self.files(source).await?;
        Ok(SourceVersion::Table { location: files.path().to_owned(), version: files.version() })
    }

    fn at_version(&self, source: &DataSource, version: &SourceVersion) -> DataSource {
        let mut source = source.clone();
        if let SourceVersion::Table { version, .. } = version {
            source.tags.remove(TIMESTAMP_TAG);
            source.tags.insert(VERSION_TAG.to_owned(), version.to_string());
        }
        source
    }
}

#[cfg(test)]
mod tests;
