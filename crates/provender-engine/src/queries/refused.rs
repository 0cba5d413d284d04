//! What a build without an engine for SQL says.

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use provender_core::model::DataSource;
use provender_core::offline::{
    AppendRequest, HistoricalRequest, OfflineCapabilities, RangeRequest, RangeScan, RetrievalJob,
};
use provender_core::{Error, OfflineStore, Result};

pub(super) fn no_engine() -> Error {
    Error::unsupported("this build has no engine for SQL").with("rebuild with --features", "sql")
}

/// Takes the sources that are queries, so that no store of files looks for them on disk, and refuses them.
#[derive(Debug)]
pub(crate) struct NoQueries;

fn refuse<T>(source: &DataSource) -> Result<T> {
    Err(no_engine().with("source", &source.name))
}

#[async_trait]
impl OfflineStore for NoQueries {
    fn reads(&self, source: &DataSource) -> bool {
        source.query().is_some()
    }

    fn capabilities(&self) -> OfflineCapabilities {
        OfflineCapabilities { append: false, known_at: true }
    }

    async fn schema(&self, source: &DataSource) -> Result<SchemaRef> {
        refuse(source)
    }

    async fn historical(&self, request: HistoricalRequest) -> Result<Box<dyn RetrievalJob>> {
        match request.views.first() {
            Some(view) => refuse(&view.source),
            None => Err(no_engine()),
        }
    }

    async fn latest(&self, request: RangeRequest) -> Result<RangeScan> {
        refuse(&request.source)
    }

    async fn range(&self, request: RangeRequest) -> Result<RangeScan> {
        refuse(&request.source)
    }

    async fn append(&self, request: AppendRequest) -> Result<u64> {
        refuse(&request.source)
    }
}
