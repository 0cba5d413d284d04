//! The oracle over Arrow data and the requests of the offline store's trait.

use super::{Answer, Question, Row, newest, winner};
use crate::cell::{Cell, cells};
use arrow_array::RecordBatch;
use provender_core::offline::{HistoricalRequest, JoinReport, KeyColumn, RangeRequest, ViewJoin, ViewReport};
use provender_core::{Error, Result};

/// What a point-in-time join must return.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// The feature columns of all views, in the order of the request, each with one value an entity row.
    pub columns: Vec<Vec<Cell>>,
    /// The counts.
    pub report: JoinReport,
}

impl Joined {
    /// The same values, row by row.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<Cell>> {
        (0..self.report.rows as usize)
            .map(|row| self.columns.iter().map(|column| column[row].clone()).collect())
            .collect()
    }
}

/// What a scan of a window must return, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// Values by the columns of [`provender_core::OfflineStore::latest`].
    pub rows: Vec<Vec<Cell>>,
    /// Rows of the window with a null key.
    pub null_keys: u64,
}

/// Joins by brute force. `sources` are the rows behind each view of the request, in the order of the source.
///
/// # Errors
/// `Invalid` naming a column that is not there.
pub fn historical(request: &HistoricalRequest, sources: &[&[RecordBatch]]) -> Result<Joined> {
    historical_by(request, sources, winner)
}

/// [`historical`] with another way to find the winner, as the tests' wrong stores have.
pub(crate) fn historical_by(
    request: &HistoricalRequest,
    sources: &[&[RecordBatch]],
    winner: impl Fn(&[Row], &Question) -> Answer,
) -> Result<Joined> {
    let spine = &request.spine;
    let batches = spine.batches()?;
    let times = times(&batches, &spine.event_column)?;
    let mut joined =
        Joined { columns: Vec::new(), report: JoinReport { rows: spine.rows() as u64, views: Vec::new() } };
    for (view, files) in request.views.iter().zip(sources) {
        let names: Vec<&str> = view.keys.iter().map(|key| key.name.as_str()).collect();
        let keys = tuples(&batches, &names)?;
        let rows = rows(files, &view.keys, &view.event_column, view.created_column.as_deref())?;
        let answers: Vec<Answer> =
            (0..spine.rows()).map(|i| winner(&rows, &question(view, keys[i].clone(), times[i]))).collect();
        for feature in &view.features {
            let values = column(files, &feature.column)?;
            joined.columns.push(answers.iter().map(|answer| pick(&values, *answer)).collect());
        }
        joined.report.views.push(count(view, &rows, &answers, &times));
    }
    Ok(joined)
}

fn question(view: &ViewJoin, keys: Vec<Cell>, time: Option<i64>) -> Question {
    Question { keys, time, ttl: view.ttl, known_at: view.known_at }
}

fn pick(values: &[Cell], answer: Answer) -> Cell {
    match answer {
        Answer::Matched(row) => values[row].clone(),
        Answer::Unmatched | Answer::Expired => Cell::Null,
    }
}

fn count(view: &ViewJoin, rows: &[Row], answers: &[Answer], times: &[Option<i64>]) -> ViewReport {
    let number = |f: &dyn Fn(&Answer) -> bool| answers.iter().filter(|a| f(a)).count() as u64;
    let leaked = answers.iter().zip(times).filter(|(answer, time)| match answer {
        Answer::Matched(row) => rows[*row].created.is_some() && rows[*row].created > **time,
        _ => false,
    });
    ViewReport {
        name: view.name.clone(),
        matched: number(&|a| matches!(a, Answer::Matched(_))),
        unmatched: number(&|a| *a == Answer::Unmatched),
        expired: number(&|a| *a == Answer::Expired),
        leaked: view.created_column.is_some().then(|| leaked.count() as u64),
    }
}

/// The newest row of each key in the window, by brute force.
///
/// # Errors
/// `Invalid` naming a column that is not there.
pub fn latest(request: &RangeRequest, files: &[RecordBatch]) -> Result<Scanned> {
    latest_by(request, files, newest)
}

/// [`latest`] with another way to find the newest rows, as the tests' wrong stores have.
pub(crate) fn latest_by(
    request: &RangeRequest,
    files: &[RecordBatch],
    newest: impl Fn(&[Row], i64, i64) -> Vec<usize>,
) -> Result<Scanned> {
    let rows = rows(files, &request.keys, &request.event_column, request.created_column.as_deref())?;
    select(request, files, &rows, &newest(&rows, request.start.0, request.end.0))
}

/// All rows of the window, by brute force.
///
/// # Errors
/// `Invalid` naming a column that is not there.
pub fn range(request: &RangeRequest, files: &[RecordBatch]) -> Result<Scanned> {
    let rows = rows(files, &request.keys, &request.event_column, request.created_column.as_deref())?;
    let picked: Vec<usize> = (0..rows.len()).filter(|&i| inside(request, &rows[i])).collect();
    select(request, files, &rows, &picked)
}

fn inside(request: &RangeRequest, row: &Row) -> bool {
    row.event.is_some_and(|event| (request.start.0..=request.end.0).contains(&event))
}

fn select(request: &RangeRequest, files: &[RecordBatch], rows: &[Row], picked: &[usize]) -> Result<Scanned> {
    let keys = request.keys.iter().map(|key| key.column.as_str());
    let features = request.features.iter().map(|feature| feature.column.as_str());
    let times = std::iter::once(request.event_column.as_str()).chain(request.created_column.as_deref());
    let columns =
        keys.chain(features).chain(times).map(|name| column(files, name)).collect::<Result<Vec<_>>>()?;
    let null_key = |row: &&Row| inside(request, row) && row.keys.iter().any(Cell::is_null);
    Ok(Scanned {
        rows: picked.iter().map(|&i| columns.iter().map(|c| c[i].clone()).collect()).collect(),
        null_keys: rows.iter().filter(null_key).count() as u64,
    })
}

fn rows(files: &[RecordBatch], keys: &[KeyColumn], event: &str, created: Option<&str>) -> Result<Vec<Row>> {
    let names: Vec<&str> = keys.iter().map(|key| key.column.as_str()).collect();
    let events = times(files, event)?;
    let created = match created {
        Some(name) => times(files, name)?,
        None => vec![None; events.len()],
    };
    let keys = tuples(files, &names)?;
    Ok(keys
        .into_iter()
        .zip(events)
        .zip(created)
        .map(|((keys, event), created)| Row { keys, event, created })
        .collect())
}

fn tuples(batches: &[RecordBatch], names: &[&str]) -> Result<Vec<Vec<Cell>>> {
    let columns = names.iter().map(|name| column(batches, name)).collect::<Result<Vec<_>>>()?;
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    Ok((0..rows).map(|row| columns.iter().map(|c: &Vec<Cell>| c[row].clone()).collect()).collect())
}

fn times(batches: &[RecordBatch], name: &str) -> Result<Vec<Option<i64>>> {
    Ok(column(batches, name)?.iter().map(Cell::time).collect())
}

fn column(batches: &[RecordBatch], name: &str) -> Result<Vec<Cell>> {
    let mut values = Vec::new();
    for batch in batches {
        let array =
            batch.column_by_name(name).ok_or_else(|| Error::invalid("no such column").with("field", name))?;
        values.extend(cells(array)?);
    }
    Ok(values)
}
