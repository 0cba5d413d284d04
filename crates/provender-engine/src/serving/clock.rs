//! Timestamps as text, fast: an answer may hold one for every view of every row.

use provender_core::Timestamp;
use std::io::Write;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Appends a timestamp as a JSON string, in the form that [`Timestamp`] displays: RFC 3339, `Z`, a fraction of 0, 3 or 6 digits.
pub(super) fn write_time(time: Timestamp, out: &mut Vec<u8>) {
    let (days, second) = (time.seconds().div_euclid(DAY), time.seconds().rem_euclid(DAY) as u32);
    let (year, month, day) = civil(days);
    if !(0..=9_999).contains(&year) {
        // Writing into a Vec cannot fail.
        let _ = write!(out, "\"{time}\"");
        return;
    }
    let mut text = *b"\"0000-00-00T00:00:00.000000Z\"";
    let year = year as u32;
    let parts = [
        (1, year / 100),
        (3, year % 100),
        (6, month),
        (9, day),
        (12, second / 3_600),
        (15, second / 60 % 60),
        (18, second % 60),
    ];
    for (at, number) in parts {
        put_pair(&mut text, at, number);
    }
    let micros = time.subsec_micros() as u32;
    let mut end = POINT;
    if micros != 0 {
        put_pair(&mut text, POINT + 1, micros / 10_000);
        put_pair(&mut text, POINT + 3, micros / 100 % 100);
        put_pair(&mut text, POINT + 5, micros % 100);
        end += if micros.is_multiple_of(1_000) { 4 } else { 7 };
    }
    out.extend_from_slice(&text[..end]);
    out.extend_from_slice(b"Z\"");
}

/// Where the fraction begins, after the quote and `0000-00-00T00:00:00`.
const POINT: usize = 20;

#[inline]
fn put_pair(text: &mut [u8; 29], at: usize, number: u32) {
    text[at] = b'0' + (number / 10) as u8;
    text[at + 1] = b'0' + (number % 10) as u8;
}

/// Year, month and day of a number of days since 1970 in the Gregorian calendar. Years are counted from March, so that the leap day comes last.
fn civil(days: i64) -> (i64, u32, u32) {
    /// Days of 400 years, after which the calendar repeats.
    const ERA: i64 = 146_097;
    /// Days from 0000-03-01 to 1970-01-01.
    const EPOCH: i64 = 719_468;
    let days = days + EPOCH;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March have 31, 30, 31, 30, 31 days, twice and a half: 153 days in five.
    let month = (5 * day + 2) / 153;
    let day = (day - (153 * month + 2) / 5 + 1) as u32;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month as u32, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(time: Timestamp) -> String {
        let mut out = Vec::new();
        write_time(time, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fractions_are_the_shortest_that_fit() {
        assert_eq!(text(Timestamp(0)), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(text(Timestamp(1_500_000)), "\"1970-01-01T00:00:01.500Z\"");
        assert_eq!(text(Timestamp(-1)), "\"1969-12-31T23:59:59.999999Z\"");
        assert_eq!(text(Timestamp::parse("2000-02-29").unwrap()), "\"2000-02-29T00:00:00Z\"");
    }

    proptest! {
        #[test]
        fn every_instant_reads_as_it_displays(micros in any::<i64>(), near in -100_000_000_000_000_000..300_000_000_000_000_000_i64) {
            for time in [Timestamp(micros), Timestamp(near)] {
                prop_assert_eq!(text(time), format!("\"{time}\""));
            }
        }
    }
}
