//! Columns that clients write, as Arrow: what each column holds is what the views declare, not what its JSON looks like.

mod row;
mod types;

pub(crate) use row::SentRow;
pub(crate) use types::ColumnTypes;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use provender_core::value::json_column;
use provender_core::{Error, Result, ValueType};
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
        let is_sent = |name: &str| sent.iter().any(|(sent, _)| sent == name);
        let Some((column, (value_type, numbers))) =
            types.column(name, || guess(&values), is_sent).map_err(at)?
        else {
            continue;
        };
        let array = json_column(&values, value_type, numbers).map_err(at)?;
        fields.push(Field::new(column, array.data_type().clone(), true));
        columns.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(first.map_or(0, |(_, rows)| rows)));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

/// The type that values look like; `None` if all are null.
fn guess(values: &[Value]) -> Result<Option<ValueType>> {
    let all = |is: fn(&Value) -> bool| values.iter().all(|value| value.is_null() || is(value));
    if all(|_| false) {
        return Ok(None);
    }
    let guesses = [
        (ValueType::INT64, all(Value::is_i64)),
        (ValueType::DOUBLE, all(Value::is_number)),
        (ValueType::BOOL, all(Value::is_boolean)),
        (ValueType::STRING, all(Value::is_string)),
    ];
    match guesses.into_iter().find(|(_, fits)| *fits) {
        Some((value_type, _)) => Ok(Some(value_type)),
        None => Err(Error::invalid("a column that no view declares has no simple type")
            .with("expected", "numbers, texts, or true and false")),
    }
}

#[cfg(test)]
mod tests;
