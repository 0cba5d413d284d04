//! Times of a row: the event time in Feast's form, the created time in ours.

use super::varint::{put_varint, take_varint};
use provender_core::{SECOND, Timestamp};

/// Appends a `google.protobuf.Timestamp`: seconds in field 1, nanoseconds in field 2, each left out if 0.
pub(crate) fn put_event(out: &mut Vec<u8>, event: Timestamp) {
    if event.seconds() != 0 {
        out.push(0x08);
        put_varint(out, event.seconds() as u64);
    }
    if event.subsec_micros() != 0 {
        out.push(0x10);
        put_varint(out, event.subsec_micros() as u64 * 1000);
    }
}

/// Reads what [`put_event`] or Feast wrote, rounded down to microseconds. `None` if it is nothing of the kind.
pub(crate) fn event(mut bytes: &[u8]) -> Option<Timestamp> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    while let Some((tag, rest)) = bytes.split_first() {
        bytes = rest;
        let value = take_varint(&mut bytes)? as i64;
        match tag {
            0x08 => seconds = value,
            0x10 => nanos = value,
            _ => return None,
        }
    }
    seconds.checked_mul(SECOND)?.checked_add(nanos.div_euclid(1000)).map(Timestamp)
}

/// The created time of a row, with the event time of the row it is of: Feast may have written the row since and not know of this field.
pub(crate) fn put_created(out: &mut Vec<u8>, event: Timestamp, created: Option<Timestamp>) {
    out.extend(event.0.to_le_bytes());
    if let Some(created) = created {
        out.extend(created.0.to_le_bytes());
    }
}

/// Reads what [`put_created`] wrote: the event time and the created time.
pub(crate) fn created(bytes: &[u8]) -> Option<(Timestamp, Option<Timestamp>)> {
    let time = |bytes: [u8; 8]| Timestamp(i64::from_le_bytes(bytes));
    let (event, rest) = bytes.split_first_chunk()?;
    match rest {
        [] => Some((time(*event), None)),
        _ => Some((time(*event), Some(time(rest.try_into().ok()?)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_times_are_feasts_bytes() {
        for (text, hex) in [
            ("2026-11-20T12:30:15.123456Z", &b"\x08\xd7\xfa\x80\xd8\x06\x10\x80\x94\xef\x3a"[..]),
            ("2026-11-20T12:00:00Z", b"\x08\xc0\xec\x80\xd8\x06"),
            ("1970-01-01T00:00:00Z", b""),
        ] {
            let time = Timestamp::parse(text).unwrap();
            let mut bytes = Vec::new();
            put_event(&mut bytes, time);
            assert_eq!((bytes.as_slice(), event(&bytes)), (hex, Some(time)), "{text}");
        }
    }

    #[test]
    fn times_before_1970_come_back() {
        for micros in [-1, -SECOND, -SECOND - 1, i64::MIN / 2] {
            let mut bytes = Vec::new();
            put_event(&mut bytes, Timestamp(micros));
            assert_eq!(event(&bytes), Some(Timestamp(micros)));
        }
    }

    #[test]
    fn other_bytes_are_no_time() {
        for bytes in [&b"\x08"[..], b"\x0a\x01\x01", b"text", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f"] {
            assert_eq!(event(bytes), None, "{bytes:02x?}");
        }
    }

    #[test]
    fn created_time_comes_back_with_its_event_time() {
        for time in [None, Some(Timestamp(-5)), Some(Timestamp(0))] {
            let mut bytes = Vec::new();
            put_created(&mut bytes, Timestamp(7), time);
            assert_eq!(created(&bytes), Some((Timestamp(7), time)));
            assert_eq!(created(&bytes[..7]), None);
        }
    }
}
