//! Types that are text on the wire: strings, decimals, UUIDs and JSON.

use super::super::misfit::{Misfit, refuse};
use super::super::number::write_float;
use super::{exact, short_enough};
use crate::ValueType;
use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use std::fmt::Write;
use std::sync::Arc;

/// Text of any kind; integers and decimals in digits; bytes that are UTF-8.
pub(super) fn strings(array: &ArrayRef, value_type: ValueType) -> Result<ArrayRef, Misfit> {
    use DataType as D;
    match array.data_type() {
        D::Utf8 => Ok(Arc::clone(array)),
        D::LargeUtf8 => Ok(cast(array, &D::Utf8)?),
        D::Utf8View | D::BinaryView | D::Binary | D::LargeBinary => {
            short_enough(array)?;
            exact(array, &D::Utf8)
        }
        number if number.is_integer() || number.is_decimal() => Ok(cast(array, &D::Utf8)?),
        other => refuse(other, value_type),
    }
}

/// Decimals in digits, trailing zeros kept; integers; floats in their shortest digits; text that reads as a decimal.
pub(super) fn decimals(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    match array.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            refuse(array.data_type(), ValueType::DECIMAL)
        }
        other if other.is_floating() => {
            let doubles = cast(array, &DataType::Float64)?;
            let doubles = doubles.as_primitive::<Float64Type>();
            let mut digits = Vec::new();
            let text = doubles.iter().map(|value| {
                digits.clear();
                write_float(value?, &mut digits);
                Some(String::from_utf8_lossy(&digits).into_owned())
            });
            Ok(Arc::new(text.collect::<StringArray>()))
        }
        other if other.is_numeric() => strings(array, ValueType::DECIMAL),
        _ => checked(array, ValueType::DECIMAL, is_decimal, "is not a decimal number"),
    }
}

/// Text in the form of a UUID, unchanged, or its sixteen bytes.
pub(super) fn uuids(array: &ArrayRef, value_type: ValueType) -> Result<ArrayRef, Misfit> {
    let DataType::FixedSizeBinary(16) = array.data_type() else {
        return match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                checked(array, value_type, is_uuid, "is not a UUID")
            }
            other => refuse(other, value_type),
        };
    };
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 36);
    for bytes in array.as_fixed_size_binary() {
        for (i, byte) in bytes.unwrap_or_default().iter().enumerate() {
            let hyphen = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            // Writing into a buffer in memory cannot fail.
            let _ = write!(texts, "{hyphen}{byte:02x}");
        }
        match bytes {
            Some(_) => texts.append_value(""),
            None => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// Text that is JSON, unchanged.
pub(super) fn json(array: &ArrayRef) -> Result<ArrayRef, Misfit> {
    match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            checked(array, ValueType::JSON, is_json, "is not JSON")
        }
        other => refuse(other, ValueType::JSON),
    }
}

fn checked(
    array: &ArrayRef,
    value_type: ValueType,
    good: fn(&str) -> bool,
    problem: &'static str,
) -> Result<ArrayRef, Misfit> {
    let out = strings(array, value_type)?;
    let texts: &StringArray = out.as_string();
    match (0..texts.len()).find(|row| texts.is_valid(*row) && !good(texts.value(*row))) {
        Some(row) => Err(Misfit::at(row, array, problem)),
        None => Ok(out),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Thirty-two hexadecimal digits, in groups of 8-4-4-4-12 or without hyphens.
fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.len() {
        32 => bytes.iter().all(u8::is_ascii_hexdigit),
        36 => bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}

/// Sign, digits, fraction and exponent, or a name that Python's `Decimal` knows.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if ["nan", "inf", "infinity"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
        return true;
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && whole.len() + fraction.len() > 0
        && !exponent.is_empty()
        && digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_texts_are_told_from_others() {
        for good in ["0", "-12.3400", "+1e10", ".5", "5.", "1E-7", "NaN"] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in ["", "-", ".", "1e", "1,5", "0x1", "1.2.3", " 1"] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }

    #[test]
    fn uuid_texts_are_told_from_others() {
        assert!(is_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
        assert!(is_uuid("6BA7B8109DAD11D180B400C04FD430C8"));
        assert!(!is_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430cg"));
        assert!(!is_uuid("6ba7b8109-dad-11d1-80b4-00c04fd430c8"));
    }
}
