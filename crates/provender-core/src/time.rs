//! Instants: microseconds since 1970 in UTC, the one unit of time inside Provender.

use crate::{Error, Result};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use std::fmt;

/// An instant in UTC microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;

impl Timestamp {
    /// The clock's time now.
    #[must_use]
    pub fn now() -> Self {
        Self(Utc::now().timestamp_micros())
    }

    /// From whole seconds since 1970.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND))
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// Microseconds past [`Timestamp::seconds`], 0..1,000,000.
    #[must_use]
    pub fn subsec_micros(self) -> i64 {
        self.0.rem_euclid(SECOND)
    }

    /// Reads an ISO 8601 date or date-time, `T` or a space between, with or without fraction; without a zone it is UTC.
    ///
    /// # Errors
    /// `Invalid` with the expected form.
    pub fn parse(text: &str) -> Result<Self> {
        parse(text.trim()).map(|t| Self(t.timestamp_micros())).ok_or_else(|| {
            Error::invalid("not a timestamp").with("value", text).with(
                "expected",
                "ISO 8601, such as 2026-01-31, 2026-01-31T12:00:00 (UTC) or 2026-01-31T12:00:00+02:00",
            )
        })
    }
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(t.to_utc());
    }
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
    ] {
        if let Ok(t) = DateTime::parse_from_str(text, form) {
            return Some(t.to_utc());
        }
    }
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix(" UTC")).unwrap_or(text);
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(t) = NaiveDateTime::parse_from_str(text, form) {
            return Some(t.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|d| d.and_time(NaiveTime::MIN).and_utc())
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z` and 0, 3 or 6 digits of fraction, the fewest that hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_micros(self.0) {
            Some(t) => f.write_str(&t.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{} microseconds since 1970", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_forms_as_utc() {
        let noon = Timestamp::from_seconds(1_767_268_800);
        for text in [
            "2026-01-01T12:00:00",
            "2026-01-01 12:00",
            "2026-01-01T12:00:00Z",
            "2026-01-01 14:00:00+02:00",
            "2026-01-01T12:00:00.000+00:00",
            "2026-01-01 12:00:00 UTC",
        ] {
            assert_eq!(Timestamp::parse(text).unwrap(), noon, "{text}");
        }
        assert_eq!(Timestamp::parse("2026-01-01").unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert!(Timestamp::parse("yesterday").unwrap_err().to_string().contains("expected: ISO 8601"));
    }

    #[test]
    fn prints_the_shortest_fraction() {
        assert_eq!(Timestamp(1_500_000).to_string(), "1970-01-01T00:00:01.500Z");
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!((Timestamp(-1).seconds(), Timestamp(-1).subsec_micros()), (-1, 999_999));
    }
}
