//! One value of a column, whatever Arrow type holds it: what the oracle computes with and what rules compare.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_cast::display::array_value_to_string;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use provender_core::{SECOND, Timestamp};
use std::fmt;
use std::sync::Arc;

/// One value. Integers of all widths are equal by value, and so are texts, bytes and instants of all layouts, units and zones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of any width.
    Int(i128),
    /// The bits of a double; all NaNs are one.
    Float(u64),
    /// Text of any layout.
    Text(String),
    /// Bytes of any layout.
    Bytes(Vec<u8>),
    /// An instant in UTC microseconds: a timestamp of any unit and zone (none = UTC), or the start of a date.
    Time(i64),
    /// A list of any layout.
    List(Vec<Cell>),
    /// A value of any other type, as Arrow prints it.
    Other(String),
}

impl Cell {
    /// A double as a cell.
    #[must_use]
    pub fn float(value: f64) -> Self {
        Self::Float(if value.is_nan() { f64::NAN } else { value }.to_bits())
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The instant, if it is one.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        match self {
            Self::Time(t) => Some(*t),
            _ => None,
        }
    }

    fn int(&self) -> Option<i128> {
        match self {
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }
}

impl fmt::Display for Cell {
    /// As in a [`crate::table`]: `-` for null.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("-"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Float(v) => write!(f, "{:?}", f64::from_bits(*v)),
            Self::Text(v) | Self::Other(v) => f.write_str(v),
            Self::Bytes(v) => f.write_str(&String::from_utf8_lossy(v)),
            Self::Time(v) => write!(f, "{}", Timestamp(*v)),
            Self::List(v) => {
                let items: Vec<_> = v.iter().map(Cell::to_string).collect();
                write!(f, "[{}]", items.join(","))
            }
        }
    }
}

/// The values of a column.
///
/// # Errors
/// What Arrow says if it cannot convert the column.
pub fn cells(array: &dyn Array) -> Result<Vec<Cell>, ArrowError> {
    use DataType as D;
    match array.data_type() {
        D::Dictionary(_, value) => cells(&cast(array, value)?),
        D::Boolean => Ok(each(array.as_boolean().iter(), Cell::Bool)),
        D::UInt64 => Ok(each(array.as_primitive::<UInt64Type>().iter(), |v| Cell::Int(v.into()))),
        t if t.is_integer() => Ok(each(raw(array)?.iter(), |v| Cell::Int(v.into()))),
        t if t.is_floating() => {
            Ok(each(cast(array, &D::Float64)?.as_primitive::<Float64Type>().iter(), Cell::float))
        }
        D::Utf8 | D::LargeUtf8 | D::Utf8View => {
            Ok(each(cast(array, &D::Utf8)?.as_string::<i32>().iter(), |v| Cell::Text(v.to_owned())))
        }
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => {
            Ok(each(cast(array, &D::Binary)?.as_binary::<i32>().iter(), |v| Cell::Bytes(v.to_vec())))
        }
        D::Timestamp(unit, _) => {
            let unit = *unit;
            Ok(each(raw(array)?.iter(), |v| Cell::Time(micros(v, unit))))
        }
        D::Date32 => Ok(each(raw(&cast(array, &D::Int32)?)?.iter(), |v| Cell::Time(v * DAY))),
        D::Date64 => Ok(each(raw(array)?.iter(), |v| Cell::Time(v * 1000))),
        D::List(_) => {
            (0..array.len()).map(|row| list_cell(array.as_list::<i32>(), row)).collect::<Result<_, _>>()
        }
        D::LargeList(item) | D::FixedSizeList(item, _) => cells(&cast(array, &D::List(item.clone()))?),
        _ => (0..array.len())
            .map(|row| match array.is_null(row) {
                true => Ok(Cell::Null),
                false => array_value_to_string(array, row).map(Cell::Other),
            })
            .collect(),
    }
}

const DAY: i64 = 86_400 * SECOND;

fn each<T>(values: impl Iterator<Item = Option<T>>, cell: impl Fn(T) -> Cell) -> Vec<Cell> {
    values.map(|v| v.map_or(Cell::Null, &cell)).collect()
}

fn raw(array: &dyn Array) -> Result<Int64Array, ArrowError> {
    Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn micros(value: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => value.saturating_mul(SECOND),
        TimeUnit::Millisecond => value.saturating_mul(1000),
        TimeUnit::Microsecond => value,
        TimeUnit::Nanosecond => value.div_euclid(1000),
    }
}

fn list_cell(list: &ListArray, row: usize) -> Result<Cell, ArrowError> {
    if list.is_null(row) { Ok(Cell::Null) } else { Ok(Cell::List(cells(&list.value(row))?)) }
}

/// A column of an Arrow type that holds the values; a value of another kind becomes null.
///
/// # Errors
/// What Arrow says if the type cannot hold them.
pub fn array(data_type: &DataType, values: &[Cell]) -> Result<ArrayRef, ArrowError> {
    use DataType as D;
    let wide: ArrayRef = match data_type {
        D::Boolean => Arc::new(BooleanArray::from_iter(values.iter().map(|v| match v {
            Cell::Bool(b) => Some(*b),
            _ => None,
        }))),
        D::UInt64 => Arc::new(UInt64Array::from_iter(
            values.iter().map(|v| v.int().and_then(|i| u64::try_from(i).ok())),
        )),
        t if t.is_integer() => Arc::new(Int64Array::from_iter(
            values.iter().map(|v| v.int().and_then(|i| i64::try_from(i).ok())),
        )),
        t if t.is_floating() => Arc::new(Float64Array::from_iter(values.iter().map(|v| match v {
            Cell::Float(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }))),
        D::Binary | D::LargeBinary | D::BinaryView => {
            Arc::new(BinaryArray::from_iter(values.iter().map(|v| match v {
                Cell::Bytes(b) => Some(b.as_slice()),
                _ => None,
            })))
        }
        D::Timestamp(unit, zone) => return instants(*unit, zone.as_ref(), values),
        D::Date32 => {
            let days = values.iter().map(|v| v.time().map(|t| t.div_euclid(DAY)));
            cast(&Int64Array::from_iter(days), &D::Int32)?
        }
        D::List(item) => return lists(item, values),
        _ => Arc::new(StringArray::from_iter(values.iter().map(|v| match v {
            Cell::Text(t) => Some(t.as_str()),
            _ => None,
        }))),
    };
    cast(&wide, data_type)
}

fn instants(unit: TimeUnit, zone: Option<&Arc<str>>, values: &[Cell]) -> Result<ArrayRef, ArrowError> {
    let micros = TimestampMicrosecondArray::from_iter(values.iter().map(Cell::time));
    let scaled = cast(&micros, &DataType::Timestamp(unit, None))?;
    // The zone is a label on the same instants; a cast would shift naive times by it.
    let labelled = scaled.to_data().into_builder().data_type(DataType::Timestamp(unit, zone.cloned()));
    Ok(arrow_array::make_array(labelled.build()?))
}

fn lists(item: &Arc<arrow_schema::Field>, values: &[Cell]) -> Result<ArrayRef, ArrowError> {
    let items: Vec<&[Cell]> = values
        .iter()
        .map(|v| match v {
            Cell::List(items) => items.as_slice(),
            _ => &[],
        })
        .collect();
    let offsets = OffsetBuffer::from_lengths(items.iter().map(|i| i.len()));
    let nulls = NullBuffer::from_iter(values.iter().map(|v| matches!(v, Cell::List(_))));
    let flat = array(item.data_type(), &items.concat())?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, flat, Some(nulls))?))
}

#[cfg(test)]
mod tests;
