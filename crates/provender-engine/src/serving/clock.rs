//! Timestamps as text, fast: an answer may hold one for every view of every row.

use provender_core::{SECOND, Timestamp};
use std::io::Write;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Appends a timestamp as a JSON string, in the form that [`Timestamp`] displays: RFC 3339, `Z`, a fraction of 0, 3 or 6 digits.
pub(super) fn write_time(time: Timestamp, out: &mut Vec<u8>) {
    let (days, second) = (time.seconds().div_euclid(DAY), time.seconds().rem_euclid(DAY));
    let (year, month, day) = civil(days);
    out.push(b'"');
    if (0..=9_999).contains(&year) {
        let second = second as u32;
        pair(out, year as u32 / 100);
        pair(out, year as u32 % 100);
        after(out, b'-', month);
        after(out, b'-', day);
        after(out, b'T', second / 3_600);
        after(out, b':', second / 60 % 60);
        after(out, b':', second % 60);
        fraction(out, time.subsec_micros());
        out.push(b'Z');
    } else {
        // Writing into a Vec cannot fail.
        let _ = write!(out, "{time}");
    }
    out.push(b'"');
}

fn pair(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

fn after(out: &mut Vec<u8>, separator: u8, number: u32) {
    out.push(separator);
    pair(out, number);
}

fn fraction(out: &mut Vec<u8>, micros: i64) {
    let millis = SECOND / 1_000;
    // Writing into a Vec cannot fail.
    let _ = match micros {
        0 => Ok(()),
        _ if micros % millis == 0 => write!(out, ".{:03}", micros / millis),
        _ => write!(out, ".{micros:06}"),
    };
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
