//! The answer as Feast's JSON, column by column. Timestamps and the usual statuses of a view are rendered once and copied for each of its features.

use super::answer::Row;
use super::clock::write_time;
use super::keys::Echo;
use super::{OnlineAnswer, Status};
use provender_core::value::{NonFinite, write_json};
use provender_core::{Error, Kind, Result, Timestamp};

/// Appends `{"results":[…],"metadata":{"feature_names":[…]}}`.
pub(super) fn write(answer: &OnlineAnswer, out: &mut Vec<u8>) -> Result<()> {
    let views: Vec<ViewText> = (0..answer.plan.views.len()).map(|view| ViewText::new(answer, view)).collect();
    out.extend_from_slice(b"{\"results\":[");
    let start = out.len();
    let keys = KeyText::new(answer.rows());
    for key in &answer.keys.echoed {
        comma(start, out);
        write_key(key, &keys, out)?;
    }
    for feature in &answer.plan.features {
        comma(start, out);
        let text = &views[feature.view];
        let column = Column { answer, view: feature.view, slot: feature.slot, text };
        column.write(out).map_err(|e| e.with("feature", &feature.name))?;
    }
    out.extend_from_slice(b"],\"metadata\":{\"feature_names\":[");
    write_names(answer, out);
    out.extend_from_slice(b"]}}");
    Ok(())
}

/// Appends a JSON string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn write_names(answer: &OnlineAnswer, out: &mut Vec<u8>) {
    for key in &answer.keys.echoed {
        write_text(&key.name, out);
        out.push(b',');
    }
    out.extend_from_slice(&answer.plan.names_json);
}

/// Separates items of a list that began at `start`.
#[inline]
fn comma(start: usize, out: &mut Vec<u8>) {
    if out.len() > start {
        out.push(b',');
    }
}

/// `…],"statuses":[…],"event_timestamps":[…]}` after the values of a column.
fn finish(statuses: &[u8], times: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"],\"statuses\":[");
    out.extend_from_slice(statuses);
    out.extend_from_slice(b"],\"event_timestamps\":[");
    out.extend_from_slice(times);
    out.extend_from_slice(b"]}");
}

fn write_status(status: Status, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(status.name().as_bytes());
    out.push(b'"');
}

/// What all join key columns have in common.
struct KeyText {
    statuses: Vec<u8>,
    times: Vec<u8>,
}

impl KeyText {
    fn new(rows: usize) -> Self {
        let (mut statuses, mut times) = (Vec::with_capacity(rows * 10), Vec::with_capacity(rows * 23));
        for _ in 0..rows {
            comma(0, &mut statuses);
            write_status(Status::Present, &mut statuses);
            comma(0, &mut times);
            write_time(Timestamp(0), &mut times);
        }
        Self { statuses, times }
    }
}

fn write_key(key: &Echo, text: &KeyText, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(b"{\"values\":[");
    let start = out.len();
    for value in key.values() {
        comma(start, out);
        write_json(value, NonFinite::Null, out)?;
    }
    finish(&text.statuses, &text.times, out);
    Ok(())
}

/// What all features of a view have in common.
struct ViewText {
    rows: Vec<Row>,
    /// Of features that have a value in every row.
    statuses: Vec<u8>,
    times: Vec<u8>,
}

impl ViewText {
    fn new(answer: &OnlineAnswer, view: usize) -> Self {
        let count = answer.rows();
        let mut rows: Vec<Row> = Vec::with_capacity(count);
        let mut statuses = Vec::with_capacity(count * 10);
        let mut times: Vec<u8> = Vec::with_capacity(count * 23);
        let mut last = 0..0;
        for number in 0..count {
            let row = answer.row(view, number);
            comma(0, &mut statuses);
            write_status(row.status, &mut statuses);
            comma(0, &mut times);
            let start = times.len();
            match rows.last() {
                Some(before) if before.time == row.time => times.extend_from_within(last.clone()),
                _ => write_time(row.time, &mut times),
            }
            last = start..times.len();
            rows.push(row);
        }
        Self { rows, statuses, times }
    }
}

/// One feature of the answer.
struct Column<'a> {
    answer: &'a OnlineAnswer,
    view: usize,
    slot: usize,
    text: &'a ViewText,
}

impl Column<'_> {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let non_finite = if self.answer.rules.compat_feast { NonFinite::Error } else { NonFinite::Null };
        out.extend_from_slice(b"{\"values\":[");
        let start = out.len();
        let mut as_usual = true;
        for row in &self.text.rows {
            comma(start, out);
            let (value, status) = self.answer.value(self.view, self.slot, row);
            as_usual &= status == row.status;
            write_json(value, non_finite, out).map_err(no_such_number)?;
        }
        if as_usual {
            finish(&self.text.statuses, &self.text.times, out);
        } else {
            finish(&self.statuses(), &self.text.times, out);
        }
        Ok(())
    }

    /// The statuses of a feature that lacks some values.
    fn statuses(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.statuses.len() + 16);
        for row in &self.text.rows {
            comma(0, &mut out);
            write_status(self.answer.value(self.view, self.slot, row).1, &mut out);
        }
        out
    }
}

/// NaN is nothing that the client could have asked differently for, so with `compat: feast` it is the server's failure, as in Feast.
fn no_such_number(error: Error) -> Error {
    match error.kind() {
        Kind::Invalid => Error::internal("Out of range float values are not JSON compliant"),
        _ => error,
    }
}
