use super::Guarded;
use super::attempt::{retried, within};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use provender_core::model::DataSource;
use provender_core::offline::{
    AppendRequest, HistoricalRequest, OfflineCapabilities, RangeRequest, RangeScan, RetrievalJob,
    SaveRequest, SourceVersion,
};
use provender_core::{OfflineStore, Result};

/// Preparing a scan or a join may be repeated; streams that have begun are not. An append that failed may have happened, so it is not repeated either.
#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl OfflineStore for Guarded<dyn OfflineStore> {
    fn reads(&self, source: &DataSource) -> bool {
        self.0.reads(source)
    }

    fn capabilities(&self) -> OfflineCapabilities {
        self.0.capabilities()
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        retried("offline schema", None, || self.0.schema(source)).await
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        let context = &request.context;
        let call = || self.0.historical(request.clone());
        within(context, retried("offline historical", Some(context), call)).await
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        let context = &request.context;
        within(context, retried("offline latest", Some(context), || self.0.latest(request.clone()))).await
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        let context = &request.context;
        within(context, retried("offline range", Some(context), || self.0.range(request.clone()))).await
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        let context = request.context.clone();
        within(&context, self.0.append(request)).await
    }

    async fn save(&self, request: SaveRequest) -> Result<u64> {
        let context = request.context.clone();
        within(&context, self.0.save(request)).await
    }

    async fn version(&self, source: &DataSource) -> Result<SourceVersion> {
        retried("offline version", None, || self.0.version(source)).await
    }

    fn at_version(&self, source: &DataSource, version: &SourceVersion) -> DataSource {
        self.0.at_version(source, version)
    }
}
