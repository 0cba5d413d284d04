//! Partitions: rows cut by the values of the partition columns, and those values as the log writes them.

use super::layout::Column;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::take::take_record_batch;
use provender_core::{Error, Result};
use std::collections::HashMap;
use std::fmt::Write;

/// The values of the partition columns as text, in their order.
pub(crate) type Values = Vec<Option<String>>;

/// How Hive, and all who followed, write a null into a folder's name.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Cuts rows, whose last columns are the partition columns, by the values of these; of each part the rows keep their order and lose those columns.
///
/// # Errors
/// `Unsupported` for a partition column of a type that has no such text; `Invalid` for an empty text, which the format cannot tell from a null.
pub(crate) fn cut(batch: &RecordBatch, partitions: &[Column]) -> Result<Vec<(Values, RecordBatch)>> {
    let stored = batch.num_columns() - partitions.len();
    let rest = batch.project(&(0..stored).collect::<Vec<_>>())?;
    if partitions.is_empty() {
        return Ok(vec![(Vec::new(), rest)]);
    }
    let texts =
        partitions.iter().zip(&batch.columns()[stored..]).map(|(column, values)| texts(column, values));
    let texts = texts.collect::<Result<Vec<_>>>()?;
    let mut parts: Vec<(Values, Vec<u32>)> = Vec::new();
    let mut known: HashMap<Values, usize> = HashMap::new();
    for row in 0..batch.num_rows() {
        let values: Values = texts.iter().map(|texts| texts[row].clone()).collect();
        let part = *known.entry(values).or_insert_with_key(|values| {
            parts.push((values.clone(), Vec::new()));
            parts.len() - 1
        });
        let row =
            u32::try_from(row).map_err(|_| Error::unsupported("more than four billion rows at once"))?;
        parts[part].1.push(row);
    }
    let taken = parts
        .into_iter()
        .map(|(values, rows)| Ok((values, take_record_batch(&rest, &UInt32Array::from(rows))?)));
    taken.collect()
}

/// The values of a partition column as the log writes them (Delta protocol, "Partition Value Serialization").
fn texts(column: &Column, values: &ArrayRef) -> Result<Values> {
    let name = column.field.name();
    if values.data_type().is_nested()
        || values.data_type().is_floating()
        || *values.data_type() == DataType::Binary
    {
        return Err(Error::unsupported("rows cannot be partitioned by a column of this type")
            .with("column", name)
            .with("type", values.data_type()));
    }
    let texts = cast(values, &DataType::Utf8)?;
    let without_zone = matches!(values.data_type(), DataType::Timestamp(_, None));
    let texts = texts.as_string::<i32>().iter().map(|text| match text {
        Some("") => Err(Error::invalid("a partition column cannot hold an empty text").with("column", name)),
        Some(text) if without_zone => Ok(Some(text.replacen('T', " ", 1))),
        text => Ok(text.map(str::to_owned)),
    });
    texts.collect()
}

/// The folder of a partition, `name=value/…/` or empty; whatever is not plain in a name is escaped as in a URL.
pub(crate) fn folder(partitions: &[Column], values: &[Option<String>]) -> String {
    let mut folder = String::new();
    for (column, value) in partitions.iter().zip(values) {
        let value = value.as_deref().map_or_else(|| NULL.to_owned(), escape);
        folder += &format!("{}={value}/", escape(column.stored.name()));
    }
    folder
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
