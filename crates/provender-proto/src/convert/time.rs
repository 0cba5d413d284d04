//! Instants and durations: microseconds here, seconds and nanoseconds in protobuf.

use prost_types::{Duration, Timestamp as Wire};
use provender_core::model::Meta;
use provender_core::{SECOND, Timestamp};

/// An instant, fractions of a microsecond cut off.
pub(crate) fn decode(wire: Option<&Wire>) -> Option<Timestamp> {
    wire.map(|t| Timestamp(micros(t.seconds, t.nanos)))
}

/// An instant in protobuf's form.
pub(crate) fn encode(instant: Timestamp) -> Wire {
    Wire { seconds: instant.seconds(), nanos: (instant.subsec_micros() * 1000) as i32 }
}

/// A duration in microseconds.
pub(crate) fn decode_duration(wire: &Duration) -> i64 {
    micros(wire.seconds, wire.nanos)
}

/// Writes a duration of microseconds, unless it is there already.
pub(crate) fn edit_duration(wire: &mut Option<Duration>, micros: Option<i64>) {
    if wire.as_ref().map(decode_duration) != micros {
        // Seconds and nanoseconds of a negative duration are both negative.
        *wire = micros.map(|m| Duration { seconds: m / SECOND, nanos: (m % SECOND * 1000) as i32 });
    }
}

fn micros(seconds: i64, nanos: i32) -> i64 {
    let micros = i128::from(seconds) * i128::from(SECOND) + i128::from(nanos.div_euclid(1000));
    micros.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// Created and updated times of an object.
pub(crate) fn decode_meta(created: Option<&Wire>, updated: Option<&Wire>) -> Meta {
    Meta { created: decode(created), updated: decode(updated) }
}

/// Marks an object as changed now, and as created then if it is new.
pub(crate) fn stamp(created: &mut Option<Wire>, updated: &mut Option<Wire>, meta: Meta, now: Timestamp) {
    created.get_or_insert_with(|| encode(meta.created.unwrap_or(now)));
    *updated = Some(encode(now));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_and_huge_times_neither_panic_nor_drift() {
        for micros in [0, 1, -1, 1_500_000, -1_500_000, i64::MAX, i64::MIN] {
            assert_eq!(decode(Some(&encode(Timestamp(micros)))), Some(Timestamp(micros)));
            let mut wire = None;
            edit_duration(&mut wire, Some(micros));
            assert_eq!(wire.as_ref().map(decode_duration), Some(micros));
        }
        let far = Wire { seconds: i64::MAX, nanos: i32::MAX };
        assert_eq!(decode(Some(&far)), Some(Timestamp(i64::MAX)));
    }

    #[test]
    fn a_duration_that_says_the_same_keeps_its_nanoseconds() {
        let mut wire = Some(Duration { seconds: 1, nanos: 7 });
        edit_duration(&mut wire, Some(SECOND));
        assert_eq!(wire, Some(Duration { seconds: 1, nanos: 7 }));
        edit_duration(&mut wire, None);
        assert_eq!(wire, None);
    }
}
