//! The rows that were written when a training set was first built, read beside those that are built again.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat;
use provender::offline::RowBatches;
use provender::{Kind, frame};
use std::path::Path;

/// Rows that were written then.
pub(super) struct OldRows {
    pub(super) path: String,
    /// Whether the file holds values as they were, and not as text.
    pub(super) exact: bool,
    batches: RowBatches<'static>,
    /// Of each column that is built again, its place among the old ones.
    places: Vec<Option<usize>>,
    schema: SchemaRef,
    rest: Vec<RecordBatch>,
}

impl OldRows {
    /// Opens them if they are still there.
    pub(super) fn open(path: &str, schema: &SchemaRef) -> Option<Self> {
        let reader = match frame::open(path) {
            Ok(reader) => reader,
            Err(error) => {
                if error.kind() != Kind::NotFound {
                    crate::output::warning(&format!(
                        "the rows that were written then cannot be read: {error}"
                    ));
                }
                return None;
            }
        };
        let extension = Path::new(path).extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let text = matches!(extension.as_deref(), Some("csv" | "json" | "jsonl" | "ndjson"));
        Some(Self {
            path: path.to_owned(),
            exact: !text,
            places: places(&reader.schema, schema),
            schema: SchemaRef::clone(schema),
            batches: reader.batches,
            rest: Vec::new(),
        })
    }

    /// The next rows, column by column; nothing for a column that is not there, is of no such type, or has ended.
    pub(super) fn next(&mut self, rows: usize) -> Vec<Option<ArrayRef>> {
        let taken = self.take(rows);
        let column = |(place, field): (&Option<usize>, &std::sync::Arc<arrow_schema::Field>)| {
            let parts: Vec<ArrayRef> =
                taken.iter().map(|batch| batch.column((*place)?).clone().into()).collect::<Option<_>>()?;
            let parts: Vec<&dyn arrow_array::Array> = parts.iter().map(AsRef::as_ref).collect();
            let column = concat(&parts).ok().filter(|column| column.len() == rows)?;
            cast(&column, field.data_type()).ok()
        };
        self.places.iter().zip(self.schema.fields()).map(column).collect()
    }

    fn take(&mut self, rows: usize) -> Vec<RecordBatch> {
        let mut held: usize = self.rest.iter().map(RecordBatch::num_rows).sum();
        while held < rows {
            match self.batches.next() {
                Some(Ok(batch)) => {
                    held += batch.num_rows();
                    self.rest.push(batch);
                }
                Some(Err(error)) => {
                    crate::output::warning(&format!(
                        "the rows that were written then cannot be read: {error}"
                    ));
                    self.batches = Box::new(std::iter::empty());
                }
                None => break,
            }
        }
        let (mut taken, mut missing) = (Vec::new(), rows);
        for batch in std::mem::take(&mut self.rest) {
            let part = batch.num_rows().min(missing);
            missing -= part;
            if part > 0 {
                taken.push(batch.slice(0, part));
            }
            if part < batch.num_rows() {
                self.rest.push(batch.slice(part, batch.num_rows() - part));
            }
        }
        taken
    }
}

fn places(old: &Schema, new: &Schema) -> Vec<Option<usize>> {
    new.fields().iter().map(|field| old.index_of(field.name()).ok()).collect()
}
