//! Timestamps that keep their zone.

use super::super::canonical::canonical;
use super::super::misfit::{Misfit, refuse};
use super::super::wire::{VARINT, put_bytes, put_tag, put_varint};
use crate::ValueType;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use chrono::{DateTime, FixedOffset};

/// A column of `feast.types.ZonedTimestamp`.
pub(super) struct Zoned {
    seconds: Int64Array,
    zones: StringArray,
}

impl Zoned {
    /// From timestamps, whose zone is the column's (UTC if it has none), or from ISO 8601 text, each with its own.
    pub(super) fn new(array: &ArrayRef) -> Result<Self, Misfit> {
        let zones = match array.data_type() {
            DataType::Timestamp(_, zone) => {
                let zone = zone_name(zone.as_deref().unwrap_or("UTC"));
                StringArray::from_iter_values(std::iter::repeat_n(zone, array.len()))
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let texts = canonical(array, ValueType::STRING)?;
                let zone = |text: &str| match DateTime::parse_from_rfc3339(text.trim()) {
                    Ok(time) if time.offset().local_minus_utc() != 0 => zone_name(&time.offset().to_string()),
                    _ => "UTC".to_owned(),
                };
                texts.as_string::<i32>().iter().map(|text| Some(zone(text.unwrap_or_default()))).collect()
            }
            DataType::Null => StringArray::new_null(array.len()),
            other => return refuse(other, ValueType::ZONED_TIMESTAMP),
        };
        let seconds = canonical(array, ValueType::UNIX_TIMESTAMP)?;
        Ok(Self { seconds: seconds.as_primitive::<Int64Type>().clone(), zones })
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.seconds.nulls()
    }

    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) {
        // Both fields are plain, so that zero is left out.
        if self.seconds.value(row) != 0 {
            put_tag(out, 1, VARINT);
            put_varint(out, self.seconds.value(row) as u64);
        }
        put_bytes(out, 2, self.zones.value(row).as_bytes());
    }
}

/// Arrow writes a fixed offset `+02:00`, Python `UTC+02:00`.
fn zone_name(zone: &str) -> String {
    if zone.parse::<FixedOffset>().is_ok() { format!("UTC{zone}") } else { zone.to_owned() }
}
