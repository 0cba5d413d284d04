//! What a table is made of when rows make one: its columns, and the actions that describe it.

use super::layout::{Column, Layout, arrow};
use arrow_schema::{DataType, Field, FieldRef, Schema, TimeUnit};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake_core::kernel::{Snapshot, StructType};
use provender_core::{Error, Result, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

/// Characters that no column may have in its name where names are those in the files (Delta protocol, "Column Mapping").
const NOT_IN_NAMES: &[char] = &[' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '='];

/// A table that is to be made.
#[derive(Debug)]
pub(crate) struct NewTable {
    schema: StructType,
}

impl NewTable {
    /// A table for rows with a schema: unsigned numbers become the next larger signed ones, timestamps microseconds in UTC, and every column may hold nulls.
    ///
    /// # Errors
    /// `Invalid` naming a column that Delta cannot hold.
    pub(crate) fn of(schema: &Schema) -> Result<Self> {
        let fields = schema.fields().iter().map(|field| {
            if field.name().contains(NOT_IN_NAMES) {
                return Err(Error::invalid("Delta does not allow such a name of a column")
                    .with("column", field.name())
                    .with("expected", "a name without blanks and without any of , ; { } ( ) ="));
            }
            storable(field, field.name())
        });
        let schema = Schema::new(fields.collect::<Result<Vec<_>>>()?);
        let schema: StructType = (&schema)
            .try_into_kernel()
            .map_err(|e| Error::invalid("Delta cannot hold the columns").because(e))?;
        Ok(Self { schema })
    }

    pub(crate) fn layout(&self) -> Result<Layout> {
        let columns = self.schema.fields().map(|field| {
            let field = arrow(field)?;
            Ok(Column { stored: Arc::clone(&field), field })
        });
        Layout::new(columns.collect::<Result<_>>()?, &[])
    }

    /// The actions that make the table, or that give the columns to one that is there: its identity, settings and protocol stay.
    ///
    /// # Errors
    /// `Internal` if the schema has no JSON.
    pub(crate) fn actions(&self, there: Option<&Snapshot>) -> Result<Vec<Value>> {
        let schema = serde_json::to_string(&self.schema)
            .map_err(|e| Error::internal("the table's schema cannot be written").because(e))?;
        let metadata = there.map(Snapshot::metadata);
        let id = metadata.map_or_else(|| uuid::Uuid::new_v4().to_string(), |m| m.id().to_owned());
        let described = json!({ "metaData": {
            "id": id,
            "name": metadata.and_then(|m| m.name()),
            "description": metadata.and_then(|m| m.description()),
            "format": { "provider": "parquet", "options": {} },
            "schemaString": schema,
            "partitionColumns": [],
            "configuration": metadata.map(|m| m.configuration().clone()).unwrap_or_default(),
            "createdTime": Timestamp::now().0 / 1_000,
        }});
        let protocol = json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } });
        Ok(match there {
            None => vec![protocol, described],
            Some(_) => vec![described],
        })
    }
}

/// A field with the type that Delta has for its values.
fn storable(field: &Field, column: &str) -> Result<FieldRef> {
    let inner = |field: &FieldRef| storable(field, column);
    let data_type = match field.data_type() {
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Dictionary(_, values) => {
            storable(&field.clone().with_data_type(values.as_ref().clone()), column)?.data_type().clone()
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::List(inner(item)?)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect::<Result<_>>()?),
        DataType::Map(entries, sorted) => DataType::Map(map_entries(entries, column)?, *sorted),
        same @ (DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)) => same.clone(),
        other => {
            return Err(Error::invalid("Delta has no type for the values of the column")
                .with("column", column)
                .with("type", other));
        }
    };
    Ok(Arc::new(Field::new(field.name(), data_type, true)))
}

/// Keys of a map, and the pairs themselves, are never null.
fn map_entries(entries: &FieldRef, column: &str) -> Result<FieldRef> {
    let DataType::Struct(pair) = entries.data_type() else {
        return Err(Error::invalid("a map has no pairs").with("column", column));
    };
    let pair = pair
        .iter()
        .enumerate()
        .map(|(at, field)| Ok(Arc::new(storable(field, column)?.as_ref().clone().with_nullable(at > 0))));
    let pair = DataType::Struct(pair.collect::<Result<_>>()?);
    Ok(Arc::new(Field::new(entries.name(), pair, false)))
}

#[cfg(test)]
mod tests;
