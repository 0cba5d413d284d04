//! Feast's value types: the wire form of a feature's type.
//!
//! Numbers are those of `feast.types.ValueType.Enum`, kept open: 30 and 31 are written by Feast's Python
//! without being in its .proto, and newer numbers must survive a rewrite.

use crate::{Error, Result};
use arrow_schema::{DataType, Field, TimeUnit};
use std::fmt;
use std::sync::Arc;

/// A number of `feast.types.ValueType.Enum`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ValueType(pub i32);

macro_rules! value_types {
    ($($name:ident = $number:literal, $dtype:literal;)*) => {
        #[allow(missing_docs)]
        impl ValueType {
            $(pub const $name: Self = Self($number);)*
        }
        /// (type, Feast's enum name, name in a definition)
        const NAMES: &[(ValueType, &str, &str)] = &[$((ValueType::$name, stringify!($name), $dtype),)*];
    };
}

value_types! {
    UNKNOWN = 0, "Invalid";
    BYTES = 1, "Bytes"; STRING = 2, "String"; INT32 = 3, "Int32"; INT64 = 4, "Int64"; DOUBLE = 5, "Float64"; FLOAT = 6, "Float32"; BOOL = 7, "Bool";
    UNIX_TIMESTAMP = 8, "UnixTimestamp";
    BYTES_LIST = 11, "Array(Bytes)"; STRING_LIST = 12, "Array(String)"; INT32_LIST = 13, "Array(Int32)"; INT64_LIST = 14, "Array(Int64)";
    DOUBLE_LIST = 15, "Array(Float64)"; FLOAT_LIST = 16, "Array(Float32)"; BOOL_LIST = 17, "Array(Bool)"; UNIX_TIMESTAMP_LIST = 18, "Array(UnixTimestamp)";
    NULL = 19, "Null"; MAP = 20, "Map"; MAP_LIST = 21, "Array(Map)";
    BYTES_SET = 22, "Set(Bytes)"; STRING_SET = 23, "Set(String)"; INT32_SET = 24, "Set(Int32)"; INT64_SET = 25, "Set(Int64)";
    DOUBLE_SET = 26, "Set(Float64)"; FLOAT_SET = 27, "Set(Float32)"; BOOL_SET = 28, "Set(Bool)"; UNIX_TIMESTAMP_SET = 29, "Set(UnixTimestamp)";
    PDF_BYTES = 30, "PdfBytes"; IMAGE_BYTES = 31, "ImageBytes"; JSON = 32, "Json"; JSON_LIST = 33, "Array(Json)"; STRUCT = 34, "Struct"; STRUCT_LIST = 35, "Array(Struct)";
    UUID = 36, "Uuid"; TIME_UUID = 37, "TimeUuid"; UUID_LIST = 38, "Array(Uuid)"; TIME_UUID_LIST = 39, "Array(TimeUuid)"; UUID_SET = 40, "Set(Uuid)"; TIME_UUID_SET = 41, "Set(TimeUuid)";
    VALUE_LIST = 42, "Array(Array)"; VALUE_SET = 43, "Set(Array)"; DECIMAL = 44, "Decimal"; DECIMAL_LIST = 45, "Array(Decimal)"; DECIMAL_SET = 46, "Set(Decimal)";
    SCALAR_MAP = 47, "ScalarMap"; ZONED_TIMESTAMP = 48, "ZonedTimestamp";
}

impl ValueType {
    /// Feast's enum name, such as `INT64`; `None` for a number this build does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(t, ..)| *t == self).map(|(_, name, _)| *name)
    }

    /// Every named type of a scalar or flat collection, in number order.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(t, ..)| *t)
    }

    /// Reads Feast's enum name (`INT64`, as in `value_type:` of an entity) or a dtype (`Int64`), in any case.
    ///
    /// # Errors
    /// `Invalid` naming the known types.
    pub fn parse(text: &str) -> Result<Self> {
        let wanted = text.trim();
        NAMES
            .iter()
            .find(|(_, name, dtype)| name.eq_ignore_ascii_case(wanted) || dtype.eq_ignore_ascii_case(wanted))
            .map(|(t, ..)| *t)
            .ok_or_else(|| Error::invalid("unknown type").with("type", text).with("expected", "Int32, Int64, Float32, Float64, String, Bytes, Bool, UnixTimestamp, Uuid, Decimal, Json, Map, Array(T), Set(T), …"))
    }

    /// Whether Feast accepts the type as a join key: BYTES, STRING, INT32, INT64, UNIX_TIMESTAMP.
    #[must_use]
    pub fn is_entity_key(self) -> bool {
        matches!(self, Self::BYTES | Self::STRING | Self::INT32 | Self::INT64 | Self::UNIX_TIMESTAMP)
    }

    /// The item type of a flat list or set; `None` for everything else.
    #[must_use]
    pub fn item(self) -> Option<Self> {
        Some(match self {
            Self::BYTES_LIST | Self::BYTES_SET => Self::BYTES,
            Self::STRING_LIST | Self::STRING_SET => Self::STRING,
            Self::INT32_LIST | Self::INT32_SET => Self::INT32,
            Self::INT64_LIST | Self::INT64_SET => Self::INT64,
            Self::DOUBLE_LIST | Self::DOUBLE_SET => Self::DOUBLE,
            Self::FLOAT_LIST | Self::FLOAT_SET => Self::FLOAT,
            Self::BOOL_LIST | Self::BOOL_SET => Self::BOOL,
            Self::UNIX_TIMESTAMP_LIST | Self::UNIX_TIMESTAMP_SET => Self::UNIX_TIMESTAMP,
            Self::MAP_LIST => Self::MAP,
            Self::JSON_LIST => Self::JSON,
            Self::STRUCT_LIST => Self::STRUCT,
            Self::UUID_LIST | Self::UUID_SET => Self::UUID,
            Self::TIME_UUID_LIST | Self::TIME_UUID_SET => Self::TIME_UUID,
            Self::DECIMAL_LIST | Self::DECIMAL_SET => Self::DECIMAL,
            _ => return None,
        })
    }

    /// The flat list of this item type; `None` where Feast has none.
    #[must_use]
    pub fn list(self) -> Option<Self> {
        Self::all().find(|t| t.item() == Some(self) && t.name().is_some_and(|n| n.ends_with("_LIST")))
    }

    /// The flat set of this item type; `None` where Feast has none.
    #[must_use]
    pub fn set(self) -> Option<Self> {
        Self::all().find(|t| t.item() == Some(self) && t.name().is_some_and(|n| n.ends_with("_SET")))
    }

    /// The Arrow type that holds values of this type in memory; `None` where only a nested shape can tell (VALUE_LIST, STRUCT…).
    #[must_use]
    pub fn arrow(self) -> Option<DataType> {
        if let Some(item) = self.item() {
            return Some(DataType::List(Arc::new(Field::new("item", item.arrow()?, true))));
        }
        Some(match self {
            Self::BYTES | Self::PDF_BYTES | Self::IMAGE_BYTES => DataType::Binary,
            Self::STRING | Self::JSON | Self::UUID | Self::TIME_UUID | Self::DECIMAL => DataType::Utf8,
            Self::INT32 => DataType::Int32,
            Self::INT64 => DataType::Int64,
            Self::DOUBLE => DataType::Float64,
            Self::FLOAT => DataType::Float32,
            Self::BOOL => DataType::Boolean,
            Self::UNIX_TIMESTAMP | Self::ZONED_TIMESTAMP => timestamp_type(),
            _ => return None,
        })
    }

    /// The type that a source column of an Arrow type becomes when nothing is declared; `None` if Feast infers none.
    #[must_use]
    pub fn of_arrow(data_type: &DataType) -> Option<Self> {
        use DataType as D;
        Some(match data_type {
            D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 => Self::INT32,
            D::Int64 | D::UInt32 | D::UInt64 => Self::INT64,
            D::Float16 | D::Float32 => Self::FLOAT,
            D::Float64 => Self::DOUBLE,
            D::Boolean => Self::BOOL,
            D::Utf8 | D::LargeUtf8 | D::Utf8View => Self::STRING,
            D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => Self::BYTES,
            D::Timestamp(..) | D::Date32 | D::Date64 => Self::UNIX_TIMESTAMP,
            D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..) => Self::DECIMAL,
            D::Dictionary(_, value) => Self::of_arrow(value)?,
            D::List(item) | D::LargeList(item) | D::FixedSizeList(item, _) => {
                match Self::of_arrow(item.data_type())? {
                    Self::VALUE_LIST => Self::VALUE_LIST,
                    inner if inner.item().is_some() => Self::VALUE_LIST,
                    inner => inner.list()?,
                }
            }
            D::Map(..) => Self::MAP,
            D::Struct(_) => Self::STRUCT,
            _ => return None,
        })
    }
}

/// Arrow's type of an instant inside Provender: microseconds, UTC.
#[must_use]
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(t, ..)| t == self) {
            Some((_, _, dtype)) => f.write_str(dtype),
            None => write!(f, "type {}", self.0),
        }
    }
}

impl fmt::Debug for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("ValueType"))?;
        if self.name().is_none() { write!(f, "({})", self.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_both_spellings() {
        for t in ValueType::all() {
            assert_eq!(ValueType::parse(t.name().unwrap()).unwrap(), t);
            assert_eq!(ValueType::parse(&t.to_string()).unwrap(), t);
        }
        assert_eq!(ValueType(99).name(), None);
        assert!(ValueType::parse("Int65").unwrap_err().to_string().contains("Int64"));
    }

    #[test]
    fn every_flat_arrow_type_infers_itself() {
        for t in [
            ValueType::INT32,
            ValueType::INT64,
            ValueType::FLOAT,
            ValueType::DOUBLE,
            ValueType::STRING,
            ValueType::BYTES,
            ValueType::BOOL,
            ValueType::UNIX_TIMESTAMP,
            ValueType::STRING_LIST,
            ValueType::DOUBLE_LIST,
        ] {
            assert_eq!(ValueType::of_arrow(&t.arrow().unwrap()), Some(t));
        }
    }
}
