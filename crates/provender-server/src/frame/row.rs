//! One row, as gRPC's clients send it: texts or values by name.

use super::types::{ColumnType, ColumnTypes};
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use provender_core::value::{IntegerTime, NonFinite, ValueRef, decode, json_column, read, write_json};
use provender_core::{Error, Result, ValueType};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One row of a client.
pub(crate) struct SentRow {
    /// Name of the field that holds it, for errors.
    field: &'static str,
    cells: BTreeMap<String, Cell>,
    /// Seconds in a time column are read as nanoseconds.
    as_feast: bool,
}

enum Cell {
    Text(String),
    /// Value bytes.
    Value(Vec<u8>),
}

impl SentRow {
    /// Texts, which become what the views declare.
    pub(crate) fn of_texts(texts: BTreeMap<String, String>) -> Self {
        let cells = texts.into_iter().map(|(name, text)| (name, Cell::Text(text))).collect();
        Self { field: "features", cells, as_feast: false }
    }

    /// Value bytes. Feast takes instants in time columns for nanoseconds, whatever their field says, so with `as_feast` they are.
    pub(crate) fn of_values(values: BTreeMap<String, Vec<u8>>, as_feast: bool) -> Self {
        let cells = values.into_iter().map(|(name, bytes)| (name, Cell::Value(bytes))).collect();
        Self { field: "typed_features", cells, as_feast }
    }

    /// The row as a batch of the columns that have a place.
    ///
    /// # Errors
    /// `Invalid` naming the field that does not fit its type.
    pub(crate) fn frame(&self, types: &ColumnTypes) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(self.cells.len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.cells.len());
        for (name, cell) in &self.cells {
            let at = |error: Error| error.with("field", format!("{}.{name}", self.field));
            let is_sent = |name: &str| self.cells.contains_key(name);
            let Some((column, declared)) = types.column(name, || cell.guess(), is_sent).map_err(at)? else {
                continue;
            };
            let array = match cell {
                Cell::Text(text) => parse(text, declared),
                Cell::Value(bytes) => self.convert(bytes, declared),
            };
            let array = array.map_err(at)?;
            fields.push(Field::new(column, array.data_type().clone(), true));
            columns.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }

    fn convert(&self, bytes: &[u8], declared: ColumnType) -> Result<ArrayRef> {
        let (value_type, numbers) = declared;
        let (_, value) = read(bytes).map_err(|e| Error::invalid("not a value").because(e))?;
        match value {
            ValueRef::Null => json_column(&[Value::Null], value_type, numbers),
            ValueRef::Text(text) => parse(text, declared),
            ValueRef::Int(number) if value_type == ValueType::UNIX_TIMESTAMP => {
                json_column(&[number.into()], value_type, numbers)
            }
            ValueRef::Timestamp(number) if self.as_feast && numbers == IntegerTime::Nanoseconds => {
                json_column(&[number.into()], value_type, numbers)
            }
            ValueRef::ScalarMap(_) => Err(Error::unsupported("a scalar map cannot be pushed")
                .with("hint", "materialize it from a source")),
            // a column of instants alone would lose the zone
            ValueRef::Zoned(..) => parse(&zoned_text(bytes)?, declared),
            _ => decode(&BinaryArray::from(vec![bytes]), value_type).map_err(|error| {
                Error::invalid("a value does not fit its type").with("expected", value_type).because(error)
            }),
        }
    }
}

impl Cell {
    /// The type that it looks like; `None` for null.
    fn guess(&self) -> Result<Option<ValueType>> {
        match self {
            Self::Text(_) => Ok(Some(ValueType::STRING)),
            Self::Value(bytes) => {
                let (value_type, _) = read(bytes).map_err(|e| Error::invalid("not a value").because(e))?;
                Ok((value_type != ValueType::NULL).then_some(value_type))
            }
        }
    }
}

/// A text as the value that it is the text of: what is neither text nor time is read as JSON.
fn parse(text: &str, (value_type, numbers): ColumnType) -> Result<ArrayRef> {
    let value = match value_type {
        ValueType::BOOL => serde_json::from_str(&text.to_ascii_lowercase()),
        ValueType::INT32 | ValueType::INT64 | ValueType::DOUBLE | ValueType::FLOAT => {
            serde_json::from_str(text.trim())
        }
        other if other.item().is_some() || is_object(other) => serde_json::from_str(text),
        _ => Ok(text.into()),
    };
    json_column(&[value.unwrap_or_else(|_| text.into())], value_type, numbers)
}

fn is_object(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::MAP
            | ValueType::STRUCT
            | ValueType::VALUE_LIST
            | ValueType::VALUE_SET
            | ValueType::SCALAR_MAP
    )
}

fn zoned_text(bytes: &[u8]) -> Result<String> {
    let mut json = Vec::new();
    write_json(bytes, NonFinite::Null, &mut json)?;
    serde_json::from_slice(&json).map_err(|e| Error::internal("a zoned time is no text").because(e))
}
