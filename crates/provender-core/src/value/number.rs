//! Numbers as text, in the digits that Python prints.

/// Appends an integer.
#[inline]
pub(crate) fn write_int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a float as Python's `repr` prints it: the fewest digits that read back, an exponent of at least two digits below 1e-4 and from 1e16 on,
/// `nan`, `inf` and `-inf`.
#[inline]
pub(crate) fn write_float(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let name: &[u8] = if value.is_nan() {
            b"nan"
        } else if value > 0.0 {
            b"inf"
        } else {
            b"-inf"
        };
        out.extend_from_slice(name);
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    let magnitude = value.abs();
    if (1e-4..1e16).contains(&magnitude) || magnitude == 0.0 {
        out.extend_from_slice(text.as_bytes());
    } else {
        write_exponent(text, out);
    }
}

/// Rewrites shortest digits in Python's exponent form: `1e-7` or, below 1e-4, `0.00001` becomes `1e-07`, `1e-05`.
fn write_exponent(text: &str, out: &mut Vec<u8>) {
    if let Some((mantissa, exponent)) = text.split_once('e') {
        out.extend_from_slice(mantissa.as_bytes());
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => (b"e-", digits),
            None => (b"e+", exponent.trim_start_matches('+')),
        };
        out.extend_from_slice(sign);
        if digits.len() == 1 {
            out.push(b'0');
        }
        out.extend_from_slice(digits.as_bytes());
        return;
    }
    if text.starts_with('-') {
        out.push(b'-');
    }
    let digits = text.trim_start_matches(['-', '0', '.']);
    let (first, rest) = digits.split_at(1);
    out.extend_from_slice(first.as_bytes());
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest.as_bytes());
    }
    out.extend_from_slice(b"e-05");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        let repr = |value| {
            let mut out = Vec::new();
            write_float(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        // Printed by Python 3.11.
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (123_456_789.123, "123456789.123"),
            (1e15, "1000000000000000.0"),
            (1_234_567_890_123_456.0, "1234567890123456.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (1.2345678901234567e16, "1.2345678901234568e+16"),
            (1e22, "1e+22"),
            (1e100, "1e+100"),
            (-2.5e-10, "-2.5e-10"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"),
            (0.000_099_999, "9.9999e-05"),
            (1e-5, "1e-05"),
            (1.5e-5, "1.5e-05"),
            (1.25e-7, "1.25e-07"),
            (-1.25e-5, "-1.25e-05"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(repr(value), expected);
        }
    }

    #[test]
    fn every_float_reads_back() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let value = f64::from_bits(bits ^ (bits >> 29));
            if value.is_finite() {
                let mut out = Vec::new();
                write_float(value, &mut out);
                let text = String::from_utf8(out).unwrap();
                assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
            }
        }
    }
}
