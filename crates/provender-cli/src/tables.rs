//! Arrow batches as text, and files of rows as what the engine takes.

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use provender::Result;
use provender::frame::Frame;
use provender::offline::Spine;
use std::sync::Arc;

/// The rows of a batch as text; nulls are empty.
pub(crate) fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_display_error(true);
    let columns = batch
        .columns()
        .iter()
        .map(|c| ArrayFormatter::try_new(c.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect()).collect())
}

/// Entity rows, with the column of their time.
pub(crate) fn spine(frame: Frame) -> Result<Arc<Spine>> {
    let event_column = frame.event_column()?;
    Ok(Arc::new(Spine::new(frame.schema, frame.batches, event_column)))
}
