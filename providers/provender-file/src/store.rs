//! The store: requests of the engine, answered by provender-join on blocking threads.

use crate::append;
use crate::place::Place;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{
    AppendRequest, FeatureColumn, HistoricalRequest, KeyColumn, OfflineCapabilities, RangeRequest, RangeScan,
    RetrievalJob, SourceVersion, ViewJoin,
};
use provender_core::{OfflineStore, OpenContext, RequestContext, Result, ValueType};
use provender_join::offline::blocking;
use provender_join::storage::StorageOptions;
use provender_join::{HistoricalJoin, JoinOptions, Source, Window, offline, versions};
use std::sync::Arc;

/// Files of one repository.
#[derive(Debug)]
pub struct FileStore {
    context: OpenContext,
    options: StorageOptions,
}

impl FileStore {
    /// A store whose relative paths start at the repository's folder, and whose URLs are reached by these settings and the environment. Nothing is read yet.
    #[must_use]
    pub fn new(context: OpenContext, options: StorageOptions) -> Self {
        Self { context, options }
    }

    fn place(&self, source: &DataSource) -> Result<Place> {
        Place::of(source, &self.context, &self.options)
    }

    /// Prepares a window when called, on whatever thread that is.
    fn window(&self, request: RangeRequest) -> Result<impl FnOnce() -> Result<Window> + Send + use<>> {
        let open = self.opener(&request.source, &request.keys, &request.features, &request.context)?;
        Ok(move || Window::new(request, open()?))
    }

    /// Opens a source when called, on whatever thread that is.
    fn opener(
        &self,
        source: &DataSource,
        keys: &[KeyColumn],
        features: &[FeatureColumn],
        context: &RequestContext,
    ) -> Result<impl FnOnce() -> Result<Arc<Source>> + Send + use<>> {
        let keys = keys.iter().map(|k| (&k.column, k.value_type));
        let features = features.iter().map(|f| (&f.column, f.value_type));
        let texts = keys
            .chain(features)
            .filter(|(_, t)| *t == ValueType::STRING)
            .map(|(column, _)| column.clone())
            .collect();
        let (place, name, context) = (self.place(source)?, source.name.clone(), context.clone());
        Ok(move || Source::open(&place.spec(&name, texts)?, &context).map(Arc::new))
    }
}

#[async_trait]
impl OfflineStore for FileStore {
    fn reads(&self, source: &DataSource) -> bool {
        matches!(&source.kind, SourceKind::File { format, .. } if *format != FileFormat::Delta)
    }

    fn capabilities(&self) -> OfflineCapabilities {
        OfflineCapabilities { append: true, known_at: true }
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        let open = self.opener(source, &[], &[], &RequestContext::local())?;
        Ok(blocking(open).await?.schema().clone())
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let HistoricalRequest { spine, views, max_memory, spill_folder, context } = request;
        let openers = views.into_iter().map(|view: ViewJoin| {
            let open = self.opener(&view.source, &view.keys, &view.features, &context)?;
            Ok((view, open))
        });
        let openers = openers.collect::<Result<Vec<_>>>()?;
        let prepare = move || {
            let opened = openers.into_iter().map(|(view, open)| {
                let source = open().map_err(|error| error.with("view", &view.name))?;
                Ok((view, source))
            });
            let opened = opened.collect::<Result<Vec<(_, Arc<Source>)>>>()?;
            let default = JoinOptions::default();
            let threads = opened.iter().map(|(_, source)| source.threads()).max().unwrap_or(default.threads);
            let options = JoinOptions { threads, max_memory, spill_folder, ..default };
            HistoricalJoin::new(spine, opened, options, context)
        };
        offline::historical(prepare).await
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        offline::latest(self.window(request)?).await
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        offline::range(self.window(request)?).await
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        let place = self.place(&request.source)?;
        blocking(move || append::append(&place, &request)).await
    }

    async fn version(&self, source: &DataSource) -> Result<SourceVersion> {
        let spec = (self.place(source)?, source.name.clone());
        blocking(move || versions(&spec.0.spec(&spec.1, Vec::new())?).map(SourceVersion::Files)).await
    }
}
