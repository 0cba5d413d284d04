//! The answer as `feast.serving.GetOnlineFeaturesResponse`, column by column. Stored values are copied as they are; statuses and times of a view are written once
//! and copied for each of its features.

use super::answer::{Column, Row, newest};
use super::served::Tally;
use super::{OnlineAnswer, Status};
use provender_core::Timestamp;
use provender_core::value::wire::{LENGTH, VARINT, put_bytes, put_int, put_tag, put_varint};

/// Fields of the response.
const METADATA: u32 = 1;
const RESULTS: u32 = 2;
/// Fields of a `FeatureVector`.
const VALUES: u32 = 1;
const STATUSES: u32 = 2;
const TIMES: u32 = 3;

/// Appends the message.
pub(super) fn write(answer: &OnlineAnswer, out: &mut Vec<u8>) {
    write_names(answer, out);
    let mut values = Vec::with_capacity(answer.rows());
    let keys = keys_tail(answer.rows());
    for key in &answer.keys.echoed {
        values.clear();
        values.extend(key.values());
        write_vector(&values, &keys, out);
    }
    let views = 0..answer.plan.views.len();
    let mut views: Vec<ViewBytes> = views.map(|view| ViewBytes::new(answer, view)).collect();
    for (number, feature) in answer.plan.features.iter().enumerate() {
        let (view, start) = (&mut views[feature.view], out.len());
        let column = answer.column(feature.view, feature.slot);
        values.clear();
        let mut as_usual = true;
        for row in &view.rows {
            let (value, status) = column.value(row);
            as_usual &= status == row.status;
            values.push(value);
        }
        if as_usual {
            view.served.add(&view.usual);
            write_vector(&values, &view.tail, out);
        } else {
            write_vector(&values, &view.tail_of(&column), out);
        }
        if number == 0 {
            // the first feature foretells the others
            out.reserve((out.len() - start) * (answer.plan.features.len() - 1));
        }
    }
    for (plan, view) in answer.plan.views.iter().zip(&views) {
        plan.counters.add(&view.served, newest(&view.rows));
    }
}

/// `GetOnlineFeaturesResponseMetadata`, a list of names inside a message inside a message.
fn write_names(answer: &OnlineAnswer, out: &mut Vec<u8>) {
    const FEATURE_NAMES: u32 = 1;
    let keys: usize = answer.keys.echoed.iter().map(|key| 1 + delimited(key.name.len())).sum();
    let names = keys + answer.plan.names_proto.len();
    put_tag(out, METADATA, LENGTH);
    put_varint(out, (1 + delimited(names)) as u64);
    put_tag(out, FEATURE_NAMES, LENGTH);
    put_varint(out, names as u64);
    answer.keys.echoed.iter().for_each(|key| put_name(&key.name, out));
    out.extend_from_slice(&answer.plan.names_proto);
}

/// Appends an item of a list of names.
pub(super) fn put_name(name: &str, out: &mut Vec<u8>) {
    const VAL: u32 = 1;
    put_bytes(out, VAL, name.as_bytes());
}

/// A `FeatureVector`; `tail` has its statuses and times.
fn write_vector(values: &[&[u8]], tail: &[u8], out: &mut Vec<u8>) {
    let of_values: usize = values.iter().map(|value| 1 + delimited(value.len())).sum();
    let len = of_values + tail.len();
    out.reserve(len + 11);
    put_tag(out, RESULTS, LENGTH);
    put_varint(out, len as u64);
    for value in values {
        put_bytes(out, VALUES, value);
    }
    out.extend_from_slice(tail);
}

/// Size of a length and that many bytes.
fn delimited(len: usize) -> usize {
    let bits = usize::BITS - (len | 1).leading_zeros();
    bits.div_ceil(7) as usize + len
}

/// What all features of a view have in common.
struct ViewBytes {
    rows: Vec<Row>,
    /// The fields of statuses and times of features that have a value in every row.
    tail: Vec<u8>,
    /// Where in it the times begin.
    times: usize,
    /// How many rows have each status.
    usual: Tally,
    /// How many values that were written.
    served: Tally,
}

impl ViewBytes {
    fn new(answer: &OnlineAnswer, view: usize) -> Self {
        let rows: Vec<Row> = (0..answer.rows()).map(|row| answer.row(view, row)).collect();
        let (mut usual, mut statuses) = (Tally::default(), Vec::with_capacity(rows.len()));
        for row in &rows {
            usual.count(row.status);
            statuses.push(row.status as u8);
        }
        // seconds of our days take five bytes, with their tag, and the message three; a status takes one
        let mut tail = Vec::with_capacity(rows.len() * 9 + 6);
        put_bytes(&mut tail, STATUSES, &statuses);
        let times = tail.len();
        for row in &rows {
            put_time(row.time, &mut tail);
        }
        Self { rows, tail, times, usual, served: Tally::default() }
    }

    /// The tail of a feature that has no value in some row.
    fn tail_of(&mut self, column: &Column<'_>) -> Vec<u8> {
        let statuses: Vec<Status> = self.rows.iter().map(|row| column.value(row).1).collect();
        statuses.iter().for_each(|status| self.served.count(*status));
        let mut tail = Vec::with_capacity(self.tail.len());
        let statuses: Vec<u8> = statuses.iter().map(|status| *status as u8).collect();
        put_bytes(&mut tail, STATUSES, &statuses);
        tail.extend_from_slice(&self.tail[self.times..]);
        tail
    }
}

/// The tail of join keys.
fn keys_tail(rows: usize) -> Vec<u8> {
    let mut tail = Vec::with_capacity(rows * 3 + 6);
    put_bytes(&mut tail, STATUSES, &vec![Status::Present as u8; rows]);
    (0..rows).for_each(|_| put_time(Timestamp(0), &mut tail));
    tail
}

/// Appends a `google.protobuf.Timestamp`: nanoseconds count forward from the second, also before 1970, and zero is left out.
fn put_time(time: Timestamp, out: &mut Vec<u8>) {
    const SECONDS: u32 = 1;
    const NANOS: u32 = 2;
    put_tag(out, TIMES, LENGTH);
    let start = out.len();
    // at most 18 bytes, so one byte holds the length
    out.push(0);
    if time.seconds() != 0 {
        put_int(out, SECONDS, time.seconds());
    }
    if time.subsec_micros() != 0 {
        put_tag(out, NANOS, VARINT);
        put_varint(out, time.subsec_micros() as u64 * 1_000);
    }
    out[start] = (out.len() - start - 1) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_bytes_of_protobuf() {
        let bytes = |micros: i64| {
            let mut out = Vec::new();
            put_time(Timestamp(micros), &mut out);
            out
        };
        assert_eq!(bytes(0), [0x1a, 0]);
        // recorded from Feast: 2026-11-20T12:30:15Z
        let recorded = Timestamp::parse("2026-11-20T12:30:15Z").unwrap().0;
        assert_eq!(bytes(recorded), [0x1a, 6, 0x08, 0xd7, 0xfa, 0x80, 0xd8, 0x06]);
        assert_eq!(bytes(5), [0x1a, 3, 0x10, 0x88, 0x27], "5,000 nanoseconds");
        let before = bytes(-1);
        let seconds = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(before[2..13], seconds, "one second before, and nearly one on");
        assert_eq!(before[13..], [0x10, 0x98, 0x8c, 0xeb, 0xdc, 0x03]);
    }

    #[test]
    fn lengths_are_counted_as_varints_are_written() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let mut out = Vec::new();
            put_varint(&mut out, len as u64);
            assert_eq!(delimited(len), out.len() + len);
        }
    }
}
