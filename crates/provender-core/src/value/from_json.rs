//! JSON to columns and value bytes.

mod column;
mod message;

pub use column::{IntegerTime, json_column};
pub(super) use message::messages;

use crate::ValueType;

/// Types whose values have no one Arrow type: in columns without a shape of their own they travel as JSON text.
pub(super) fn is_shapeless(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::MAP
            | ValueType::MAP_LIST
            | ValueType::STRUCT
            | ValueType::STRUCT_LIST
            | ValueType::VALUE_LIST
            | ValueType::VALUE_SET
            | ValueType::SCALAR_MAP
    )
}
