//! A prepared join of file sources.

use crate::stream::{blocking, stream_of};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use provender_core::Result;
use provender_core::offline::{Explain, RetrievalJob, Retrieved};
use provender_join::HistoricalJoin;

#[derive(Debug)]
pub(crate) struct FileJob(pub(crate) HistoricalJoin);

#[async_trait]
impl RetrievalJob for FileJob {
    fn schema(&self) -> SchemaRef {
        self.0.schema().clone()
    }

    async fn explain(&self) -> Result<Explain> {
        Ok(self.0.explain())
    }

    async fn run(self: Box<Self>) -> Result<Retrieved> {
        let joined = blocking(move || self.0.run()).await?;
        let (report, audit) = (joined.report().clone(), joined.audit());
        Ok(Retrieved { batches: stream_of(joined), report, audit: Some(audit) })
    }
}
