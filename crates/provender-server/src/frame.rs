//! Columns that clients write, as Arrow: what each column holds is what the views declare, not what its JSON looks like.

mod types;

pub(crate) use types::ColumnTypes;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use provender_core::value::json_column;
use provender_core::{Error, Result};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// The columns of a client as one batch.
///
/// # Errors
/// `Invalid` naming the column that is not a list, has another length, or holds a value of another type.
pub(crate) fn frame(sent: &[(Cow<'_, str>, &RawValue)], types: &ColumnTypes) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(sent.len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(sent.len());
    let mut first: Option<(&str, usize)> = None;
    for (name, raw) in sent {
        let at = |error: Error| error.with("field", format!("df.{name}"));
        // one column at a time becomes a list of values, so that never the whole body does
        let values: Vec<Value> = serde_json::from_str(raw.get())
            .map_err(|error| at(Error::invalid("not a column").with("expected", "a list").because(error)))?;
        let (other, rows) = *first.get_or_insert((name, values.len()));
        if values.len() != rows {
            let error = Error::invalid("all columns must be of the same length").with("rows", values.len());
            return Err(at(error).with("expected", format!("{rows}, as df.{other}")));
        }
        let Some((column, (value_type, numbers))) = types.column(name, &values, sent).map_err(at)? else {
            continue;
        };
        let array = json_column(&values, value_type, numbers).map_err(at)?;
        fields.push(Field::new(column, array.data_type().clone(), true));
        columns.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(first.map_or(0, |(_, rows)| rows)));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

#[cfg(test)]
mod tests;
