//! The columns of a table as Arrow has them, and under which names or ids they stand in its files.

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use delta_kernel::engine::arrow_conversion::TryIntoArrow;
use delta_kernel::schema::StructType;
use delta_kernel::table_features::ColumnMappingMode;
use deltalake_core::kernel::Snapshot;
use provender_core::{Error, Result};
use provender_join::table::FIELD_ID;
use std::sync::Arc;

/// Where a column's metadata has the name that it has in the files, and in the log.
const PHYSICAL_NAME: &str = "delta.columnMapping.physicalName";
/// Where a column's metadata has the id that it has in the files.
const ID: &str = "delta.columnMapping.id";

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Name and type in the table; it and what is nested in it may be null, whatever the table promises.
    pub(crate) field: FieldRef,
    /// Name, ids and type in the files and in the log.
    pub(crate) stored: FieldRef,
    /// Whether its values are in the log and not in the files.
    pub(crate) is_partition: bool,
}

/// The columns of a table at a version; those of Variant are left out.
///
/// # Errors
/// `Unsupported` for a type that Arrow does not have.
pub(crate) fn columns(snapshot: &Snapshot) -> Result<Vec<Column>> {
    let whole = snapshot.schema();
    let read = whole.fields().filter(|field| !has_variant(field.data_type())).cloned();
    let read = StructType::try_new(read.collect::<Vec<_>>())
        .map_err(|cause| Error::invalid("the table's columns make no schema").because(cause))?;
    let schema: Schema = (&read).try_into_arrow().map_err(|cause| {
        Error::unsupported("a column of the table has a type that is not read").because(cause)
    })?;
    let mode = snapshot.table_configuration().column_mapping_mode();
    let partitions = snapshot.metadata().partition_columns();
    let column = |field: &FieldRef| Column {
        field: logical(field),
        stored: stored(field, mode),
        is_partition: partitions.contains(field.name()),
    };
    Ok(schema.fields().iter().map(column).collect())
}

/// Whether values hold some of Variant, which may be spread over a file in ways that are not read.
fn has_variant(data_type: &delta_kernel::schema::DataType) -> bool {
    use delta_kernel::schema::DataType as D;
    match data_type {
        D::Variant(_) => true,
        D::Primitive(_) => false,
        D::Struct(fields) => fields.fields().any(|field| has_variant(field.data_type())),
        D::Array(list) => has_variant(list.element_type()),
        D::Map(map) => has_variant(map.key_type()) || has_variant(map.value_type()),
    }
}

/// The field as users see it.
fn logical(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), nested(field.data_type(), &logical), true))
}

/// The field as the files have it.
fn stored(field: &FieldRef, mode: ColumnMappingMode) -> FieldRef {
    let data_type = nested(field.data_type(), &|field| stored(field, mode));
    let metadata = |key: &str| field.metadata().get(key).cloned();
    let name = metadata(PHYSICAL_NAME).filter(|_| mode != ColumnMappingMode::None);
    let stored = Field::new(name.unwrap_or_else(|| field.name().clone()), data_type, true);
    match metadata(ID).filter(|_| mode == ColumnMappingMode::Id) {
        Some(id) => Arc::new(stored.with_metadata([(FIELD_ID.to_owned(), id)].into())),
        None => Arc::new(stored),
    }
}

/// A type whose nested fields are changed. The keys of maps stay what they are: never null.
fn nested(data_type: &DataType, change: &dyn Fn(&FieldRef) -> FieldRef) -> DataType {
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(change).collect()),
        DataType::List(item) => DataType::List(change(item)),
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(pair) => {
                let pair: Fields = pair
                    .iter()
                    .enumerate()
                    .map(|(i, field)| if i == 0 { key(&change(field)) } else { change(field) })
                    .collect();
                let entries = Field::new(entries.name(), DataType::Struct(pair), false);
                DataType::Map(Arc::new(entries), *sorted)
            }
            _ => data_type.clone(),
        },
        other => other.clone(),
    }
}

fn key(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_nullable(false))
}
