//! Entity rows and the columns of several stores, side by side. Stores cut their streams into batches as they like; the answer is cut where any of them is.

#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::future::try_join_all;
use futures::stream::Fuse;
use futures::{StreamExt, stream};
use provender_core::{BatchStream, Error, Result};

/// Where a column of the answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    /// Which of the inputs.
    pub(super) input: usize,
    /// Which of its columns.
    pub(super) column: usize,
}

/// Joins streams of equally many rows column by column.
pub(super) fn side_by_side(inputs: Vec<BatchStream>, picks: Vec<Pick>, schema: SchemaRef) -> BatchStream {
    let inputs = inputs.into_iter().map(Input::new).collect();
    let rows = SideBySide { inputs, picks, schema };
    stream::try_unfold(rows, |mut rows| async move { Ok(rows.next().await?.map(|batch| (batch, rows))) })
        .fuse()
        .boxed()
}

struct SideBySide {
    inputs: Vec<Input>,
    picks: Vec<Pick>,
    schema: SchemaRef,
}

struct Input {
    stream: Fuse<BatchStream>,
    /// Rows read and not yet given out; `None` when the stream has ended.
    rest: Option<RecordBatch>,
}

impl Input {
    fn new(stream: BatchStream) -> Self {
        Self { stream: stream.fuse(), rest: None }
    }

    /// Reads on if nothing is left.
    async fn fill(&mut self) -> Result<()> {
        while self.rest.as_ref().is_none_or(|rest| rest.num_rows() == 0) {
            self.rest = self.stream.next().await.transpose()?;
            if self.rest.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn rows(&self) -> usize {
        self.rest.as_ref().map_or(0, RecordBatch::num_rows)
    }

    /// Takes the first rows of what is left.
    fn take(&mut self, rows: usize) -> Option<RecordBatch> {
        let rest = self.rest.take()?;
        let head = rest.slice(0, rows);
        self.rest = Some(rest.slice(rows, rest.num_rows() - rows));
        Some(head)
    }
}

impl SideBySide {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        try_join_all(self.inputs.iter_mut().map(Input::fill)).await?;
        let rows = self.inputs.iter().map(Input::rows).min().unwrap_or(0);
        if rows == 0 {
            return match self.inputs.iter().any(|input| input.rows() > 0) {
                true => Err(Error::internal(
                    "an offline store answered another number of rows than there are entity rows",
                )),
                false => Ok(None),
            };
        }
        let parts: Vec<RecordBatch> = self.inputs.iter_mut().filter_map(|input| input.take(rows)).collect();
        let columns = self.picks.iter().map(|pick| parts[pick.input].column(pick.column).clone()).collect();
        Ok(Some(RecordBatch::try_new(self.schema.clone(), columns)?))
    }
}
