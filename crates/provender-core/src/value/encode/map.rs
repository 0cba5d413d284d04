//! Maps and structs.

use super::super::misfit::{Misfit, refuse};
use super::super::wire::{put_bytes, put_message};
use super::kind::{Kind, Values};
use super::list::trim;
use crate::ValueType;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::DataType;

/// A column of `feast.types.Map`: text to values.
pub(super) struct Map {
    entries: Entries,
    nulls: Option<NullBuffer>,
}

enum Entries {
    Map {
        offsets: OffsetBuffer<i32>,
        keys: StringArray,
        values: Box<Values>,
    },
    Struct(Vec<(String, Values)>),
    /// Every row is null.
    None,
}

impl Map {
    pub(super) fn new(array: &ArrayRef, value_type: ValueType) -> Result<Self, Misfit> {
        let entries = match array.data_type() {
            DataType::Null => Entries::None,
            DataType::Struct(fields) => Entries::Struct(
                fields
                    .iter()
                    .zip(array.as_struct().columns())
                    .map(|(field, column)| Ok((field.name().clone(), Values::natural(column)?)))
                    .collect::<Result<_, Misfit>>()?,
            ),
            DataType::Map(..) => {
                let map = array.as_map();
                let (offsets, keys) = trim(map.offsets(), map.keys());
                let (_, values) = trim(map.offsets(), map.values());
                let row_of = |item: usize| offsets.partition_point(|start| *start as usize <= item) - 1;
                let Kind::Text(keys) =
                    Kind::new(&keys, ValueType::STRING).map_err(|misfit| misfit.in_row(row_of))?
                else {
                    return refuse(array.data_type(), value_type);
                };
                let values = Values::natural(&values).map_err(|misfit| misfit.in_row(row_of))?;
                Entries::Map { offsets, keys, values: Box::new(values) }
            }
            other => return refuse(other, value_type),
        };
        Ok(Self { entries, nulls: array.logical_nulls() })
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }

    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) {
        match &self.entries {
            Entries::Map { offsets, keys, values } => {
                for item in offsets[row] as usize..offsets[row + 1] as usize {
                    put_entry(keys.value(item), values, item, out);
                }
            }
            Entries::Struct(fields) => {
                fields.iter().for_each(|(name, values)| put_entry(name, values, row, out));
            }
            Entries::None => {}
        }
    }
}

fn put_entry(key: &str, values: &Values, row: usize, out: &mut Vec<u8>) {
    put_message(out, 1, |out| {
        put_bytes(out, 1, key.as_bytes());
        put_message(out, 2, |out| values.put(row, out));
    });
}

/// A column of `feast.types.ScalarMap`: scalars other than text to values.
pub(super) struct ScalarMap {
    offsets: OffsetBuffer<i32>,
    /// Which field of `feast.types.MapKey` holds a key.
    key_field: u32,
    keys: Box<Kind>,
    values: Box<Values>,
    nulls: Option<NullBuffer>,
}

impl ScalarMap {
    pub(super) fn new(array: &ArrayRef) -> Result<Self, Misfit> {
        let DataType::Map(..) = array.data_type() else {
            return refuse(array.data_type(), ValueType::SCALAR_MAP);
        };
        let map = array.as_map();
        let (offsets, keys) = trim(map.offsets(), map.keys());
        let (_, values) = trim(map.offsets(), map.values());
        let row_of = |item: usize| offsets.partition_point(|start| *start as usize <= item) - 1;
        let Some((key_type, key_field)) = key_type(keys.data_type()) else {
            return refuse(array.data_type(), ValueType::SCALAR_MAP);
        };
        let keys = Kind::new(&keys, key_type).map_err(|misfit| misfit.in_row(row_of))?;
        let values = Values::natural(&values).map_err(|misfit| misfit.in_row(row_of))?;
        let (keys, values) = (Box::new(keys), Box::new(values));
        Ok(Self { offsets, key_field, keys, values, nulls: array.nulls().cloned() })
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }

    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) {
        for item in self.offsets[row] as usize..self.offsets[row + 1] as usize {
            put_message(out, 1, |out| {
                put_message(out, 1, |out| self.keys.put(self.key_field, item, out));
                put_message(out, 2, |out| self.values.put(item, out));
            });
        }
    }
}

/// The type of a key and its field in `feast.types.MapKey`.
fn key_type(data_type: &DataType) -> Option<(ValueType, u32)> {
    let value_type = ValueType::of_arrow(data_type)?;
    let field = match value_type {
        ValueType::INT32 => 1,
        ValueType::INT64 => 2,
        ValueType::FLOAT => 3,
        ValueType::DOUBLE => 4,
        ValueType::BOOL => 5,
        ValueType::UNIX_TIMESTAMP => 6,
        ValueType::BYTES => 7,
        ValueType::DECIMAL => 10,
        _ => return None,
    };
    Some((value_type, field))
}
