//! Lifetimes as people write them: `90s`, `15m`, `3h`, `7d`, or a number of seconds.

use provender_core::SECOND;

/// Unit and its length in microseconds, longest first.
const UNITS: [(&str, i64); 4] =
    [("d", 86_400 * SECOND), ("h", 3_600 * SECOND), ("m", 60 * SECOND), ("s", SECOND)];

/// What a lifetime should look like.
pub(crate) const EXPECTED: &str = "a duration such as 90s, 15m, 3h or 7d, or a number of seconds";

/// Reads a lifetime into microseconds. A negative one is read too: that it makes no sense is said where all front ends meet.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (sign, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim()),
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, unit) = rest.split_at(digits);
    let number: i64 = number.parse().ok()?;
    let length = match unit.trim() {
        "" => SECOND,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.checked_mul(length)?.checked_mul(sign)
}

/// Writes a lifetime in the longest unit that holds it exactly.
pub(crate) fn show(micros: i64) -> String {
    if micros == 0 {
        return "0s".to_owned();
    }
    match UNITS.iter().find(|(_, length)| micros % length == 0) {
        Some((unit, length)) => format!("{}{unit}", micros / length),
        None => format!("{}.{:06}s", micros / SECOND, (micros % SECOND).abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_every_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("3h", 10_800), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(parse(text), Some(seconds * SECOND), "{text}");
            assert_eq!(show(seconds * SECOND), text);
        }
        assert_eq!((parse("60"), show(60 * SECOND)), (Some(60 * SECOND), "1m".to_owned()));
        assert_eq!(parse("-1d"), Some(-86_400 * SECOND));
        assert_eq!(show(1_500_000), "1.500000s");
        for text in ["", "1w", "d", "1.5h", "1d2h", "99999999999999d", "--1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
