//! The columns of a table as files hold them: physical names, field numbers and Arrow types.

use super::features;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, RecordBatch, StructArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow as _;
use deltalake_core::kernel::{Snapshot, StructField};
use provender_core::{Error, Result};
use std::sync::Arc;

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// As users know it.
    pub(crate) field: FieldRef,
    /// As files and the log know it.
    pub(crate) stored: FieldRef,
}

/// How rows are laid out in a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    /// The columns that files hold, in the table's order.
    pub(crate) columns: Vec<Column>,
    /// The columns that the log holds, in the order of the folders.
    pub(crate) partitions: Vec<Column>,
    /// The columns of [`Layout::columns`] as files hold them.
    pub(crate) stored: SchemaRef,
    /// How many of the first columns have statistics; ignored where `indexed` names them.
    pub(crate) indexed_columns: usize,
    /// The stored names of the columns that have statistics, where the table says so.
    pub(crate) indexed: Option<Vec<String>>,
    /// Whether the table's own names are not those in its files.
    pub(crate) is_mapped: bool,
}

/// Columns that have statistics where the table says nothing.
pub(crate) const INDEXED_COLUMNS: usize = 32;

impl Layout {
    /// The layout of a table, if rows can be written to it.
    ///
    /// # Errors
    /// `Unsupported` naming the feature or column type that cannot be written.
    pub(crate) fn of(snapshot: &Snapshot) -> Result<Self> {
        let (metadata, schema) = (snapshot.metadata(), snapshot.schema());
        features::check(snapshot.protocol(), metadata, &schema)?;
        let mode = snapshot.table_configuration().column_mapping_mode();
        let columns = schema.fields().map(|field| {
            let stored = field.make_physical(mode).map_err(|e| damaged(field, e))?;
            Ok(Column { field: arrow(field)?, stored: arrow(&stored)? })
        });
        let columns = columns.collect::<Result<Vec<Column>>>()?;
        let mut layout = Self::new(columns, metadata.partition_columns())?;
        layout.is_mapped =
            metadata.configuration().get("delta.columnMapping.mode").is_some_and(|mode| mode != "none");
        layout.index(metadata.configuration())?;
        Ok(layout)
    }

    /// A layout of columns, some of which make folders.
    ///
    /// # Errors
    /// `Invalid` if there is no such partition column.
    pub(crate) fn new(columns: Vec<Column>, partition_columns: &[String]) -> Result<Self> {
        let (partitioned, columns): (Vec<_>, Vec<_>) =
            columns.into_iter().partition(|column| partition_columns.contains(column.field.name()));
        let partitions = partition_columns.iter().map(|name| {
            partitioned.iter().find(|column| column.field.name() == name).cloned().ok_or_else(|| {
                Error::invalid("the table is partitioned by a column that it does not have")
                    .with("column", name)
            })
        });
        let partitions = partitions.collect::<Result<_>>()?;
        let stored = Arc::new(Schema::new(columns.iter().map(|c| Arc::clone(&c.stored)).collect::<Vec<_>>()));
        Ok(Self {
            columns,
            partitions,
            stored,
            indexed_columns: INDEXED_COLUMNS,
            indexed: None,
            is_mapped: false,
        })
    }

    /// Takes from the table's settings which columns have statistics.
    fn index(&mut self, settings: &std::collections::HashMap<String, String>) -> Result<()> {
        const COUNT: &str = "delta.dataSkippingNumIndexedCols";
        if let Some(count) = settings.get(COUNT) {
            let count: i64 = count.parse().map_err(|_| {
                Error::invalid("a setting of the table is not understood")
                    .with("setting", COUNT)
                    .with("value", count)
            })?;
            // Less than nothing stands for all.
            self.indexed_columns = usize::try_from(count).unwrap_or(usize::MAX);
        }
        if let Some(names) = settings.get("delta.dataSkippingStatsColumns") {
            let names: Vec<&str> = names.split(',').map(|name| name.trim().trim_matches('`')).collect();
            let named = self.columns.iter().filter(|column| names.contains(&column.field.name().as_str()));
            self.indexed = Some(named.map(|column| column.stored.name().clone()).collect());
        }
        Ok(())
    }

    /// All columns, as users know them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().chain(&self.partitions)
    }

    /// Whether rows of another layout fit as they are: the same names with the same types, in any order.
    pub(crate) fn has_columns_of(&self, other: &Self) -> bool {
        let same = |column: &Column| {
            self.all().any(|c| {
                c.field.name() == column.field.name() && c.field.data_type() == column.field.data_type()
            })
        };
        self.all().count() == other.all().count() && other.all().all(same)
    }

    /// Rows with the table's columns, whatever their order: first those that files hold, under their stored names, then the partition columns.
    ///
    /// # Errors
    /// `Invalid` naming a missing, unknown or ill-typed column, or one with a null where the table allows none.
    pub(crate) fn fit(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let there = batch.schema();
        if let Some(unknown) = there.fields().iter().find(|f| !self.all().any(|c| c.field.name() == f.name()))
        {
            return Err(Error::invalid("the table has no such column")
                .with("column", unknown.name())
                .with("expected", self.names()));
        }
        let fitted = self.all().map(|column| self.fit_column(batch, column)).collect::<Result<Vec<_>>>()?;
        let fields: Vec<FieldRef> = self.all().map(|column| Arc::clone(&column.stored)).collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), fitted)?)
    }

    fn fit_column(&self, batch: &RecordBatch, column: &Column) -> Result<ArrayRef> {
        let (name, data_type) = (column.field.name(), column.field.data_type());
        let values = batch.column_by_name(name).ok_or_else(|| {
            Error::invalid("a column of the table is missing")
                .with("column", name)
                .with("expected", self.names())
        })?;
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let fitted = cast_with_options(values, data_type, &options).map_err(|cause| {
            Error::invalid("a column is of another type than the table's")
                .with("column", name)
                .with("type", values.data_type())
                .with("expected", data_type)
                .because(cause)
        })?;
        if !column.field.is_nullable() && fitted.null_count() > 0 {
            return Err(
                Error::invalid("a column has a null where the table allows none").with("column", name)
            );
        }
        rename(&fitted, column.stored.data_type())
    }

    fn names(&self) -> String {
        self.all().map(|column| column.field.name().as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A field as Arrow has it.
///
/// # Errors
/// `Unsupported` naming the column.
pub(crate) fn arrow(field: &StructField) -> Result<FieldRef> {
    let arrow: Field = field.try_into_arrow().map_err(|cause| {
        Error::unsupported("a column of the table has a type that cannot be written")
            .with("column", field.name())
            .because(cause)
    })?;
    Ok(Arc::new(arrow))
}

fn damaged(field: &StructField, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid("the table's column mapping is damaged").with("column", field.name()).because(cause)
}

/// The same values under a type that differs in the names and numbers of nested fields only.
fn rename(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    Ok(match to {
        DataType::Struct(fields) => {
            let array = downcast::<StructArray>(array)?;
            let columns = array.columns().iter().zip(fields);
            let columns =
                columns.map(|(column, field)| rename(column, field.data_type())).collect::<Result<_>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?)
        }
        DataType::List(item) => {
            let array = downcast::<ListArray>(array)?;
            let values = rename(array.values(), item.data_type())?;
            Arc::new(ListArray::try_new(
                item.clone(),
                array.offsets().clone(),
                values,
                array.nulls().cloned(),
            )?)
        }
        DataType::Map(entries, sorted) => {
            let array = downcast::<MapArray>(array)?;
            let renamed = rename(&(Arc::new(array.entries().clone()) as ArrayRef), entries.data_type())?;
            let renamed = downcast::<StructArray>(&renamed)?.clone();
            let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
            Arc::new(MapArray::try_new(entries.clone(), offsets, renamed, nulls, *sorted)?)
        }
        _ => return Err(Error::internal("a column has not the type that it was made for").with("type", to)),
    })
}

fn downcast<T: Array + 'static>(array: &ArrayRef) -> Result<&T> {
    array
        .as_any()
        .downcast_ref()
        .ok_or_else(|| Error::internal("a column has not the type that it was made for"))
}
