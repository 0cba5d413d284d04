//! Join key columns of entity rows in the types that the join compares: as they are declared.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, FieldRef};
use provender_core::{Result, ValueType, timestamp_type};
use std::sync::Arc;

pub(super) fn timestamp_field(name: &str) -> FieldRef {
    Arc::new(Field::new(name, timestamp_type(), true))
}

/// Whether a column can stand for a key of the declared type. Floats can for integers: pandas turns an integer column with a missing value into one.
pub(super) fn key_fits(declared: ValueType, data_type: &DataType) -> bool {
    use DataType as D;
    match data_type {
        D::Null => return true,
        D::Dictionary(_, values) => return key_fits(declared, values),
        _ => {}
    }
    match declared {
        ValueType::INT32 | ValueType::INT64 => {
            data_type.is_integer()
                || data_type.is_floating()
                || matches!(data_type, D::Decimal128(_, 0) | D::Decimal256(_, 0))
        }
        ValueType::STRING => matches!(data_type, D::Utf8 | D::LargeUtf8 | D::Utf8View),
        ValueType::BYTES => {
            matches!(data_type, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_))
        }
        ValueType::UNIX_TIMESTAMP => matches!(data_type, D::Timestamp(..) | D::Date32 | D::Date64),
        _ => true,
    }
}

/// A key column as stores get it: integers for an integer key (a float that is none becomes null and so matches nothing), no dictionaries, no untyped nulls.
///
/// # Errors
/// `Invalid` for a number that does not fit.
pub(super) fn key_values(column: &ArrayRef, declared: ValueType) -> Result<ArrayRef> {
    let integer = matches!(declared, ValueType::INT32 | ValueType::INT64);
    match column.data_type() {
        DataType::Dictionary(_, values) => key_values(&cast(column, values)?, declared),
        DataType::Null => Ok(cast(column, &declared.arrow().unwrap_or(DataType::Utf8))?),
        data_type if integer && data_type.is_floating() => whole_numbers(column),
        data_type if integer && !data_type.is_integer() => Ok(cast(column, &DataType::Int64)?),
        _ => Ok(Arc::clone(column)),
    }
}

fn whole_numbers(column: &ArrayRef) -> Result<ArrayRef> {
    /// 2^63, the first float past the largest i64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let floats = cast(column, &DataType::Float64)?;
    let whole = |v: f64| (v.fract() == 0.0 && (-LIMIT..LIMIT).contains(&v)).then_some(v as i64);
    let floats = floats.as_primitive::<Float64Type>();
    Ok(Arc::new(floats.iter().map(|v| v.and_then(whole)).collect::<Int64Array>()))
}
