//! The answer as Feast's JSON, column by column. Statuses and timestamps of a view are written once and copied for each of its features.

use super::answer::{Row, newest};
use super::clock::write_time;
use super::keys::Echo;
use super::plan::PlanFeature;
use super::served::Tally;
use super::{OnlineAnswer, Status};
use provender_core::value::{NonFinite, write_json_item, write_json_string};
use provender_core::{Error, Kind, Result, Timestamp};
use std::ops::Range;

const VALUES: &[u8] = b"{\"values\":[";
const STATUSES: &[u8] = b"],\"statuses\":[";
const TIMES: &[u8] = b"],\"event_timestamps\":[";
const END: &[u8] = b"]}";

/// Appends `{"results":[…],"metadata":{"feature_names":[…]}}`, and adds the answer to what was served of its views.
pub(super) fn write(answer: &OnlineAnswer, out: &mut Vec<u8>) -> Result<()> {
    let (rows, plan) = (answer.rows(), &answer.plan);
    let head = 64 + plan.names_json.len() + 64 * plan.features.len();
    out.reserve(plan.size.guess(head, rows));
    let begin = out.len();
    let mut texts = Texts::new(answer);
    out.extend_from_slice(b"{\"results\":[");
    for key in &answer.keys.echoed {
        write_key(key, &texts.bytes[texts.keys.clone()], out)?;
        out.push(b',');
    }
    for feature in &plan.features {
        texts.write(answer, feature, out).map_err(|e| e.with("feature", &feature.name))?;
        out.push(b',');
    }
    cut_comma(out);
    out.extend_from_slice(b"],\"metadata\":{\"feature_names\":[");
    for key in &answer.keys.echoed {
        write_json_string(&key.name, out);
        out.push(b',');
    }
    out.extend_from_slice(&plan.names_json);
    out.extend_from_slice(b"]}}");
    plan.size.learn(head, rows, out.len() - begin);
    for (view, text) in plan.views.iter().zip(&texts.views) {
        view.counters.add(&text.served, newest(&texts.rows[text.rows.clone()]));
    }
    Ok(())
}

/// Items are written with a comma after each; the last one has none.
#[inline]
fn cut_comma(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
}

fn write_status(status: Status, out: &mut Vec<u8>) {
    out.extend_from_slice(match status {
        Status::Present => b"\"PRESENT\",",
        Status::NullValue => b"\"NULL_VALUE\",",
        Status::NotFound => b"\"NOT_FOUND\",",
        Status::OutsideMaxAge => b"\"OUTSIDE_MAX_AGE\",",
    });
}

/// `tail` is what follows the values.
fn write_key(key: &Echo, tail: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(VALUES);
    for value in key.values() {
        write_json_item(value, NonFinite::Null, out)?;
    }
    cut_comma(out);
    out.extend_from_slice(tail);
    Ok(())
}

/// What the columns of a view have in common, of all views in a few buffers.
struct Texts {
    rows: Vec<Row>,
    bytes: Vec<u8>,
    views: Vec<ViewText>,
    /// `],"statuses":[…],"event_timestamps":[…]}` of join keys.
    keys: Range<usize>,
    non_finite: NonFinite,
}

struct ViewText {
    rows: Range<usize>,
    /// `],"statuses":[…],"event_timestamps":[…]}` of features that have a value in every row.
    tail: Range<usize>,
    /// Where in it `],"event_timestamps":[` begins.
    times: usize,
    /// How many rows have each status.
    usual: Tally,
    /// How many values that were written.
    served: Tally,
}

impl Texts {
    fn new(answer: &OnlineAnswer) -> Self {
        let (rows, views) = (answer.rows(), answer.plan.views.len());
        let mut texts = Self {
            rows: Vec::with_capacity(rows * views),
            bytes: Vec::with_capacity((views + 1) * (48 + rows * 40)),
            views: Vec::with_capacity(views),
            keys: 0..0,
            non_finite: if answer.rules.compat_feast { NonFinite::Error } else { NonFinite::Null },
        };
        for view in 0..views {
            texts.add_view(answer, view);
        }
        let start = texts.bytes.len();
        texts.bytes.extend_from_slice(STATUSES);
        (0..rows).for_each(|_| write_status(Status::Present, &mut texts.bytes));
        write_times((0..rows).map(|_| Timestamp(0)), &mut texts.bytes);
        texts.keys = start..texts.bytes.len();
        texts
    }

    fn add_view(&mut self, answer: &OnlineAnswer, view: usize) {
        let (start, first) = (self.bytes.len(), self.rows.len());
        let mut usual = Tally::default();
        self.bytes.extend_from_slice(STATUSES);
        for number in 0..answer.rows() {
            let row = answer.row(view, number);
            usual.count(row.status);
            write_status(row.status, &mut self.bytes);
            self.rows.push(row);
        }
        let rows = first..self.rows.len();
        let times = write_times(self.rows[rows.clone()].iter().map(|row| row.time), &mut self.bytes);
        let tail = start..self.bytes.len();
        self.views.push(ViewText { rows, tail, times, usual, served: Tally::default() });
    }

    /// Appends a column.
    fn write(&mut self, answer: &OnlineAnswer, feature: &PlanFeature, out: &mut Vec<u8>) -> Result<()> {
        let text = &mut self.views[feature.view];
        let rows = &self.rows[text.rows.clone()];
        let column = answer.column(feature.view, feature.slot);
        out.extend_from_slice(VALUES);
        let mut as_usual = true;
        for row in rows {
            let (value, status) = column.value(row);
            as_usual &= status == row.status;
            write_json_item(value, self.non_finite, out).map_err(no_such_number)?;
        }
        cut_comma(out);
        if as_usual {
            text.served.add(&text.usual);
            out.extend_from_slice(&self.bytes[text.tail.clone()]);
            return Ok(());
        }
        out.extend_from_slice(STATUSES);
        for row in rows {
            let (_, status) = column.value(row);
            text.served.count(status);
            write_status(status, out);
        }
        cut_comma(out);
        out.extend_from_slice(&self.bytes[text.times..text.tail.end]);
        Ok(())
    }
}

/// Ends the statuses and appends times up to the end of the column; tells where they begin. Neighbours are often of one time.
fn write_times(times: impl Iterator<Item = Timestamp>, out: &mut Vec<u8>) -> usize {
    cut_comma(out);
    let begin = out.len();
    out.extend_from_slice(TIMES);
    let mut last = None;
    for time in times {
        match &last {
            Some((before, text)) if *before == time => out.extend_from_within(Range::clone(text)),
            _ => {
                let start = out.len();
                write_time(time, out);
                out.push(b',');
                last = Some((time, start..out.len()));
            }
        }
    }
    cut_comma(out);
    out.extend_from_slice(END);
    begin
}

/// NaN is nothing that the client could have asked differently for, so with `compat: feast` it is the server's failure, as in Feast.
#[cold]
fn no_such_number(error: Error) -> Error {
    match error.kind() {
        Kind::Invalid => Error::internal("Out of range float values are not JSON compliant"),
        _ => error,
    }
}
