//! Arrow IPC, the file format and the stream format, as frames.

use super::FrameReader;
use crate::storage::{Positioned, ReadAt, unreadable};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use provender_core::{Error, Result};
use std::io::BufReader;
use std::sync::Arc;

/// How a file of the file format begins; streams have no mark.
const MAGIC: &[u8] = b"ARROW1";

/// Opens a file of either format; dictionaries are unpacked.
pub(super) fn open(file: Arc<dyn ReadAt>) -> Result<FrameReader> {
    let start = file.read_some(0, MAGIC.len()).map_err(unreadable)?;
    let file = BufReader::new(Positioned::new(file));
    if start == MAGIC {
        let reader = FileReader::try_new(file, None).map_err(malformed)?;
        Ok(plain(&reader.schema(), reader))
    } else {
        let reader = StreamReader::try_new(file, None).map_err(malformed)?;
        Ok(plain(&reader.schema(), reader))
    }
}

/// The rows with dictionaries unpacked.
fn plain(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
) -> FrameReader {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, value) => Arc::new(field.as_ref().clone().with_data_type((**value).clone())),
        _ => Arc::clone(field),
    });
    let schema: SchemaRef =
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()));
    let plain = Arc::clone(&schema);
    let batches = batches.map(move |batch| {
        let batch = batch.map_err(malformed)?;
        let columns = batch.columns().iter().zip(plain.fields());
        let columns: Vec<ArrayRef> = columns
            .map(|(column, field)| match column.data_type() == field.data_type() {
                true => Ok(Arc::clone(column)),
                false => cast(column, field.data_type()),
            })
            .collect::<Result<_, _>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&plain), columns)?)
    });
    FrameReader { schema, batches: Box::new(batches) }
}

fn malformed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, cause) if cause.kind() != std::io::ErrorKind::UnexpectedEof => {
            unreadable(cause)
        }
        other => Error::invalid("not a readable Arrow IPC file or stream").because(other),
    }
}
