//! Arrow columns to value bytes.

mod kind;
mod list;
mod map;
#[cfg(test)]
mod tests;
mod zoned;

use super::wire::{FIXED32, FIXED64, VARINT, put_int};
use crate::{Error, Result, ValueType};
use arrow_array::{Array, ArrayRef, BinaryArray, new_empty_array};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use kind::{Kind, Values};

/// Encodes a column as one Binary column of value bytes, one `feast.types.Value` a row, empty for null. No result is null.
///
/// Any Arrow type that can hold the values without loss will do: integers of any width for an integer, numbers for a float, timestamps of any unit and zone
/// or dates for a timestamp (cut to whole seconds), text of any kind, decimals as text. Sets drop repeated items. For MAP, STRUCT and nested collections
/// the column may be Arrow's own nested type or JSON text.
///
/// # Errors
/// `Invalid` naming the types, or the row and value that does not fit; `row` counts from 0 in this column.
pub fn encode(column: &ArrayRef, value_type: ValueType) -> Result<BinaryArray> {
    let values = Values::new(column, value_type).map_err(|misfit| misfit.into_error(value_type))?;
    let rows = column.len();
    let mut out = Vec::with_capacity(rows * values.bytes_a_row(rows));
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0);
    put_rows(&values, rows, &mut out, &mut offsets);
    if i32::try_from(out.len()).is_err() {
        return Err(Error::invalid("too many bytes in one batch, send fewer rows").with("bytes", out.len()));
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(BinaryArray::try_new(offsets, Buffer::from_vec(out), None)?)
}

/// Whether columns of an Arrow type can be encoded as a type at all, before any data is seen. Single values may still not fit.
///
/// # Errors
/// `Invalid` naming the types.
pub fn check(data_type: &DataType, value_type: ValueType) -> Result<()> {
    Values::new(&new_empty_array(data_type), value_type)
        .map(drop)
        .map_err(|misfit| misfit.into_error(value_type))
}

/// The common types have loops of their own, so that the type is looked at once a column and not once a row.
fn put_rows(values: &Values, rows: usize, out: &mut Vec<u8>, offsets: &mut Vec<i32>) {
    let nulls = values.kind.nulls();
    let field = values.field;
    match &values.kind {
        Kind::Double(array) => {
            let array = array.values();
            each_fixed(rows, nulls, out, offsets, |row| {
                prefixed::<8, 9>(field, FIXED64, array[row].to_le_bytes())
            });
        }
        Kind::Float(array) => {
            let array = array.values();
            each_fixed(rows, nulls, out, offsets, |row| {
                prefixed::<4, 5>(field, FIXED32, array[row].to_le_bytes())
            });
        }
        Kind::Bool(array) => {
            let array = array.values();
            each_fixed(rows, nulls, out, offsets, |row| {
                prefixed::<1, 2>(field, VARINT, [array.value(row).into()])
            });
        }
        Kind::Int64(array) => {
            let array = array.values();
            each(rows, nulls, out, offsets, |row, out| put_int(out, field, array[row]));
        }
        other => each(rows, nulls, out, offsets, |row, out| other.put(field, row, out)),
    }
}

/// Calls `put` for every valid row and notes where its bytes end. The caller checks that the end fits.
#[inline]
fn each(
    rows: usize,
    nulls: Option<&NullBuffer>,
    out: &mut Vec<u8>,
    offsets: &mut Vec<i32>,
    put: impl Fn(usize, &mut Vec<u8>),
) {
    for row in 0..rows {
        if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            put(row, out);
        }
        offsets.push(out.len() as i32);
    }
}

/// The same for values of one length.
#[inline]
fn each_fixed<const N: usize>(
    rows: usize,
    nulls: Option<&NullBuffer>,
    out: &mut Vec<u8>,
    offsets: &mut Vec<i32>,
    bytes: impl Fn(usize) -> [u8; N],
) {
    if nulls.is_some() {
        return each(rows, nulls, out, offsets, |row, out| out.extend_from_slice(&bytes(row)));
    }
    for row in 0..rows {
        out.extend_from_slice(&bytes(row));
    }
    offsets.extend((1..=rows).map(|row| (row * N) as i32));
}

/// A value behind its tag; the field's number is below 16, so that the tag is one byte.
#[inline]
fn prefixed<const N: usize, const M: usize>(field: u32, wire: u32, value: [u8; N]) -> [u8; M] {
    let mut bytes = [0; M];
    bytes[0] = (field << 3 | wire) as u8;
    bytes[1..].copy_from_slice(&value);
    bytes
}
