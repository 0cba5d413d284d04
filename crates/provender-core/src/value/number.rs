//! Numbers as text, in the digits that Python prints.

/// Numbers of up to eight digits, the step in which longer ones are written.
const EIGHT: u64 = 100_000_000;
/// Eight times the digit 0.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Appends an integer.
#[inline]
pub(crate) fn write_int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let value = value.unsigned_abs();
    if value < EIGHT {
        leading(value, out);
    } else {
        write_long(value, out);
    }
}

fn write_long(value: u64, out: &mut Vec<u8>) {
    let (high, low) = (value / EIGHT, value % EIGHT);
    if high < EIGHT {
        leading(high, out);
    } else {
        leading(high / EIGHT, out);
        out.extend_from_slice(&text(eight_digits(high % EIGHT)));
    }
    out.extend_from_slice(&text(eight_digits(low)));
}

/// Appends a number of at most eight digits without zeros before it. All eight are appended and cut: quicker than a copy whose length is not known.
#[inline]
fn leading(value: u64, out: &mut Vec<u8>) {
    let digits = eight_digits(value);
    let zeros = (digits.trailing_zeros() / 8).min(7);
    out.extend_from_slice(&text(digits >> (8 * zeros)));
    out.truncate(out.len() - zeros as usize);
}

/// Appends a number of at most seven digits and a comma, in one word.
#[inline(always)]
pub(crate) fn write_short_item(value: u64, out: &mut Vec<u8>) {
    const COMMA: u64 = b',' as u64;
    let digits = eight_digits(value);
    // the first of the eight is always zero, the last may be the only one
    let zeros = (digits.trailing_zeros() / 8).clamp(1, 7);
    let item = (digits + ZEROS) >> (8 * zeros) | COMMA << (64 - 8 * zeros);
    out.extend_from_slice(&item.to_le_bytes());
    out.truncate(out.len() + 1 - zeros as usize);
}

/// The eight decimal digits of a number, one a byte, the first in the lowest: halves, quarters and eighths are split side by side in one word.
#[inline(always)]
fn eight_digits(value: u64) -> u64 {
    const HUNDREDTHS: u64 = 0x7f_0000_007f;
    const TENTHS: u64 = 0x000f_000f_000f_000f;
    let fours = (value / 10_000) | (value % 10_000) << 32;
    // x * 10,486 >> 20 is x / 100 below 10,000, and x * 103 >> 10 is x / 10 below 100
    let high = ((fours * 10_486) >> 20) & HUNDREDTHS;
    let twos = high | (fours - high * 100) << 16;
    let high = ((twos * 103) >> 10) & TENTHS;
    high | (twos - high * 10) << 8
}

#[inline]
fn text(digits: u64) -> [u8; 8] {
    (digits + ZEROS).to_le_bytes()
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
        put_digits(text.as_bytes(), out);
    } else {
        write_exponent(text, out);
    }
}

/// Appends a text of up to 24 bytes. Whole words are appended and cut: quicker than a copy whose length is not known.
#[inline]
fn put_digits(text: &[u8], out: &mut Vec<u8>) {
    let word = |at: usize| text[at..].first_chunk::<8>();
    let Some(last) = text.last_chunk::<8>().filter(|_| text.len() <= 24) else {
        return out.extend_from_slice(text);
    };
    let mut at = 0;
    while let Some(word) = word(at) {
        out.extend_from_slice(word);
        at += 8;
    }
    // what is left are the last bytes of the last word, if any
    let left = text.len() - at;
    let rest = u64::from_le_bytes(*last).checked_shr(64 - 8 * left as u32).unwrap_or_default();
    out.extend_from_slice(&rest.to_le_bytes());
    out.truncate(out.len() - 8 + left);
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
    fn integers_print_all_their_digits() {
        let mut numbers = vec![i64::MIN, i64::MAX];
        for power in 0..19 {
            let ten = 10_i64.pow(power);
            numbers.extend([ten - 1, ten, ten + 1, ten / 7, -ten]);
        }
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for i in 0..100_000 {
            bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            numbers.push((bits as i64) >> (i % 64));
        }
        for number in numbers {
            let mut out = vec![b' '];
            write_int(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!(" {number}"));
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
