//! Random data against the oracle: every cell and every count.

use super::bed::Bed;
use crate::cell::{Cell, cells};
use crate::generate::{History, Join, Limits, Window, history, join, window};
use crate::oracle::{self, Scanned};
use crate::outcome::{Outcome, Stop, same};
use crate::property;
use arrow_array::RecordBatch;
use proptest::collection::vec;
use proptest::strategy::Strategy;
use provender_core::model::DataSource;
use provender_core::offline::{JoinReport, RangeRequest, ViewJoin};
use std::fmt::Write as _;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Questions asked of one generated history, which is loaded once.
const QUESTIONS: usize = 10;

pub(super) async fn matches_the_oracle(bed: &Bed) -> Outcome {
    let strategy = (history(limits(bed)), questions(join()));
    play("matches_the_oracle: joins", cases(bed), &strategy, &async |history, joins| {
        play_joins(bed, history, joins).await
    })
}

pub(super) async fn latest_matches_the_oracle(bed: &Bed) -> Outcome {
    let strategy = (history(limits(bed)), questions(window()));
    play("latest_matches_the_oracle: windows", cases(bed) / 5, &strategy, &async |history, windows| {
        play_windows(bed, history, windows, true).await
    })
}

pub(super) async fn range_matches_the_oracle(bed: &Bed) -> Outcome {
    let strategy = (history(limits(bed)), questions(window()));
    play("range_matches_the_oracle: windows", cases(bed) / 10, &strategy, &async |history, windows| {
        play_windows(bed, history, windows, false).await
    })
}

fn cases(bed: &Bed) -> u32 {
    property::cases() / bed.store.share
}

fn limits(bed: &Bed) -> Limits {
    let harness = &bed.store;
    let known_at = harness.store.capabilities().known_at;
    Limits { holds: harness.holds, ordered: harness.ordered, known_at }
}

/// All of the questions, save one in a million: what may be left out can be shrunk away.
fn questions<T: Clone + std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    let some = proptest::option::weighted(1.0 - 1e-6, one);
    vec(some, QUESTIONS).prop_map(|all| all.into_iter().flatten().collect())
}

fn play<T: std::fmt::Debug>(
    what: &str,
    cases: u32,
    strategy: &impl Strategy<Value = (History, Vec<T>)>,
    test: &impl AsyncFn(&History, &[T]) -> Outcome,
) -> Outcome {
    let rounds = cases.div_ceil(QUESTIONS as u32) + 1;
    let what = format!("{what}, {} of them over {rounds} generated histories", rounds * QUESTIONS as u32);
    block_in_place(|| {
        property::check(&what, rounds, strategy, |(history, questions)| {
            Handle::current().block_on(test(&history, &questions))
        })
    })
}

/// A history that the store has loaded.
struct Stored {
    sources: Vec<DataSource>,
    files: Vec<Vec<RecordBatch>>,
}

impl Stored {
    async fn load(bed: &Bed, history: &History) -> Result<Self, Stop> {
        let mut stored = Self { sources: Vec::new(), files: Vec::new() };
        for table in 0..history.tables.len() {
            let loaded = bed.load(history.files(table)?).await?;
            stored.sources.push(loaded.source);
            stored.files.push(loaded.files);
        }
        Ok(stored)
    }

    /// The files behind a source.
    fn behind(&self, source: &DataSource) -> &[RecordBatch] {
        let index = self.sources.iter().position(|s| s == source).unwrap_or_default();
        &self.files[index]
    }

    /// The tables of the sources, for whoever must find out what went wrong.
    fn describe(&self) -> String {
        let mut text = String::new();
        for (source, files) in self.sources.iter().zip(&self.files) {
            let _ = writeln!(text, "source {}:", source.name);
            for file in files {
                text.push_str(&show(file));
            }
        }
        text
    }
}

async fn play_joins(bed: &Bed, history: &History, joins: &[Join]) -> Outcome {
    let stored = Stored::load(bed, history).await?;
    for join in joins {
        let request = join.request(history, &stored.sources)?;
        let behind: Vec<_> = request.views.iter().map(|view| stored.behind(&view.source)).collect();
        let expected = oracle::historical(&request, &behind)?;
        let told = || {
            let views: String = request.views.iter().map(told_view).collect();
            let spine: String = request.spine.held().unwrap_or_default().iter().map(show).collect();
            format!("{views}{}entity rows:\n{spine}", stored.describe())
        };
        let answered = bed.join(request.clone()).await.map_err(|stop| stop.within(told()))?;
        same("values", &super::bed::lines(&answered.rows), &super::bed::lines(&expected.rows()))
            .and_then(|()| same("values", &answered.rows, &expected.rows()))
            .and_then(|()| {
                same("report", &answered.report, &as_seen(expected.report.clone(), &answered.report))
            })
            .map_err(|stop| stop.within(told()))?;
    }
    Ok(())
}

/// The report that is due from a store which left rows older than every ttl unread: what it did not see expire counts as unmatched.
fn as_seen(mut due: JoinReport, found: &JoinReport) -> JoinReport {
    for (due, found) in due.views.iter_mut().zip(&found.views) {
        let unseen = due.expired.saturating_sub(found.expired);
        due.expired -= unseen;
        due.unmatched += unseen;
    }
    due
}

async fn play_windows(bed: &Bed, history: &History, windows: &[Window], latest: bool) -> Outcome {
    let stored = Stored::load(bed, history).await?;
    for window in windows {
        let request = window.request(history, &stored.sources);
        let files = stored.behind(&request.source);
        let expected =
            if latest { oracle::latest(&request, files)? } else { oracle::range(&request, files)? };
        let found = async {
            let store = &bed.store.store;
            let asked = request.clone();
            let scan = if latest { store.latest(asked).await? } else { store.range(asked).await? };
            bed.read(scan).await
        };
        let told = || {
            let RangeRequest { source, keys, created_column, start, end, .. } = &request;
            let keys: Vec<&str> = keys.iter().map(|key| key.column.as_str()).collect();
            let stored = stored.describe();
            format!("{start} to {end} of {} by {keys:?} and {created_column:?}\n{stored}", source.name)
        };
        let (rows, null_keys) = found.await.map_err(|stop| stop.within(told()))?;
        same_scan(rows, null_keys, expected, latest).map_err(|stop| stop.within(told()))?;
    }
    Ok(())
}

fn same_scan(mut rows: Vec<Vec<Cell>>, null_keys: u64, mut expected: Scanned, latest: bool) -> Outcome {
    rows.sort();
    expected.rows.sort();
    same("rows", &super::bed::lines(&rows), &super::bed::lines(&expected.rows))?;
    same("rows", &rows, &expected.rows)?;
    if latest { same("null keys", &null_keys, &expected.null_keys) } else { Ok(()) }
}

fn told_view(view: &ViewJoin) -> String {
    let keys: Vec<String> = view.keys.iter().map(|key| format!("{} = {}", key.name, key.column)).collect();
    let features: Vec<&str> = view.features.iter().map(|feature| feature.column.as_str()).collect();
    let ViewJoin { name, source, created_column, ttl, known_at, .. } = view;
    let source = &source.name;
    format!(
        "view {name}: {features:?} of {source} on {keys:?}, {created_column:?}, ttl {ttl:?}, {known_at:?}\n"
    )
}

/// A batch as a table of text.
fn show(batch: &RecordBatch) -> String {
    let mut text = format!("  {}\n", super::bed::columns(&batch.schema()).join(" "));
    let columns: Vec<Vec<Cell>> = batch.columns().iter().map(|c| cells(c).unwrap_or_default()).collect();
    for row in 0..batch.num_rows() {
        let line: Vec<_> = columns.iter().filter_map(|c| c.get(row)).map(Cell::to_string).collect();
        let _ = writeln!(text, "  {}", line.join(" "));
    }
    text
}
