//! The oracle: the point-in-time join by brute force, so plain that it is right by inspection.
//!
//! It is the yardstick of every offline store, and knows nothing of files, batches or indexes: rows are in memory, each question looks at all of them.

mod columns;

pub use columns::{Joined, Scanned, historical, latest, range};
#[cfg(test)]
pub(crate) use columns::{historical_by, latest_by};

use crate::cell::Cell;
use provender_core::offline::KnownAt;

/// A feature row as the oracle sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Values of the join keys.
    pub keys: Vec<Cell>,
    /// Event time in microseconds.
    pub event: Option<i64>,
    /// Created time in microseconds.
    pub created: Option<i64>,
}

/// What an entity row asks of a view.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Values of the join keys.
    pub keys: Vec<Cell>,
    /// Its time in microseconds.
    pub time: Option<i64>,
    /// Lifetime of the view in microseconds; `None` or 0 for ever.
    pub ttl: Option<i64>,
    /// Which rows count as known.
    pub known_at: KnownAt,
}

/// What an entity row gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The values of this row of the source.
    Matched(usize),
    /// Nothing: no row is at or before its time.
    Unmatched,
    /// Nothing: the newest row at or before its time is older than the ttl.
    Expired,
}

/// Answers one entity row, by the words of the design: section 4, point-in-time join.
#[must_use]
pub fn winner(rows: &[Row], question: &Question) -> Answer {
    let Some(time) = question.time else { return Answer::Unmatched };
    let candidates: Vec<usize> = (0..rows.len())
        .filter(|&i| rows[i].event.is_some_and(|event| event <= time))
        .filter(|&i| same_keys(&rows[i].keys, &question.keys))
        .filter(|&i| question.known_at == KnownAt::Event || rows[i].created.is_none_or(|c| c <= time))
        .collect();
    let valid = |i: &usize| match (question.ttl, rows[*i].event) {
        (Some(ttl), Some(event)) if ttl > 0 => i128::from(event) >= i128::from(time) - i128::from(ttl),
        _ => true,
    };
    match candidates.iter().copied().filter(valid).max_by_key(|&i| rank(rows, i)) {
        Some(i) => Answer::Matched(i),
        None if candidates.is_empty() => Answer::Unmatched,
        None => Answer::Expired,
    }
}

/// The newest row of each key in the window, both ends inclusive, in the order of the rows; a row with a null key is left out.
#[must_use]
pub fn newest(rows: &[Row], start: i64, end: i64) -> Vec<usize> {
    let inside = |i: usize| rows[i].event.is_some_and(|event| start <= event && event <= end);
    let beaten = |i: usize| {
        (0..rows.len())
            .any(|j| inside(j) && same_keys(&rows[i].keys, &rows[j].keys) && rank(rows, j) > rank(rows, i))
    };
    let whole = |i: usize| !rows[i].keys.iter().any(Cell::is_null);
    (0..rows.len()).filter(|&i| inside(i) && whole(i) && !beaten(i)).collect()
}

/// Event time, then created time (null is smallest), then place in the source.
fn rank(rows: &[Row], i: usize) -> (Option<i64>, Option<i64>, usize) {
    (rows[i].event, rows[i].created, i)
}

fn same_keys(a: &[Cell], b: &[Cell]) -> bool {
    a == b && !a.iter().any(Cell::is_null)
}

#[cfg(test)]
mod tests;
