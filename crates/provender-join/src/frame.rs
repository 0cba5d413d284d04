//! Frames: whole tables read from and written to single files, such as entity rows and training sets.

mod ipc;
mod json;
mod parquet_writer;
mod read;
mod sorted;
mod stored;
mod write;

pub use read::{FrameReader, open, open_ahead, read, read_json};
pub use sorted::distinct_rows;
pub use stored::entity_rows;
pub use write::{WriteOptions, write, write_with};

use crate::instants::is_datetime;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat_batches;
use provender_core::{Error, Result};
use std::path::Path;

/// The column that holds the time of an entity row, if a frame has one of this name.
const EVENT_COLUMN: &str = "event_timestamp";

/// Rows in memory.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Columns of all batches.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Frame {
    /// The column of the rows' time: `event_timestamp` if there is one, else the only column of timestamps, else the only column of dates.
    ///
    /// # Errors
    /// `Invalid` if there is none, or several and none of that name.
    pub fn event_column(&self) -> Result<String> {
        if self.schema.field_with_name(EVENT_COLUMN).is_ok() {
            return Ok(EVENT_COLUMN.to_owned());
        }
        let named = |wanted: fn(&DataType) -> bool| {
            let fields = self.schema.fields().iter().filter(|field| wanted(field.data_type()));
            fields.map(|field| field.name().as_str()).collect::<Vec<_>>()
        };
        let mut candidates = named(|t| matches!(t, DataType::Timestamp(..)));
        if candidates.is_empty() {
            candidates = named(is_datetime);
        }
        match &candidates[..] {
            [only] => Ok((*only).to_owned()),
            [] => Err(Error::invalid("the entity rows have no column of timestamps")
                .with("columns", crate::source::listed(&self.schema))
                .with("expected", EVENT_COLUMN)),
            several => Err(Error::invalid("the entity rows have several columns of timestamps")
                .with("columns", several.join(", "))
                .with("expected", format!("one, or one named {EVENT_COLUMN}"))),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// All rows as one batch.
    ///
    /// # Errors
    /// `Internal` if a column of text is beyond 2 GB.
    pub fn into_batch(self) -> Result<RecordBatch> {
        Ok(concat_batches(&self.schema, &self.batches)?)
    }
}

/// A path or URL as text.
fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::invalid("the file's name is not UTF-8").with("file", path.display()))
}

/// Format of a frame's file, told by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileType {
    Parquet,
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    JsonLines,
    /// Arrow IPC, a file or a stream.
    Arrow,
}

impl FileType {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("parquet" | "pq") => Ok(Self::Parquet),
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            Some("arrow" | "arrows" | "feather" | "ipc") => Ok(Self::Arrow),
            _ => Err(Error::invalid("the format of the file is not known")
                .with("file", path.display())
                .with("expected", "a name that ends with .parquet, .csv, .json, .jsonl or .arrow")),
        }
    }
}
