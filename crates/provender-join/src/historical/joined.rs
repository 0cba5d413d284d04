//! A join whose winners are known: their values, pass by pass, in the entity rows' order.

use super::HistoricalJoin;
use crate::changes::changed_cells;
use crate::explain::Plan;
use crate::gather::{Gathered, Gathering, gather};
use crate::spill::{SpillFile, Spilled};
use crate::winners::Winners;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take;
use provender_core::offline::{JoinAudit, JoinReport, ViewAudit};
use provender_core::{Error, Result};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// A join whose winners are known: batches of feature columns in the entity rows' order.
#[derive(Debug)]
pub struct Joined {
    join: HistoricalJoin,
    plan: Plan,
    /// The winners of entity rows that follow each other, those to come last first.
    windows: Vec<Kept>,
    spill: Option<SpillFile>,
    report: JoinReport,
    audit: Arc<JoinAudit>,
    window: Option<Window>,
    pass: Option<Pass>,
    next: usize,
}

/// The winners of some entity rows, in each view.
#[derive(Debug)]
struct Window {
    rows: Range<usize>,
    views: Vec<Winners>,
    /// Rows whose values are held at once.
    pass_rows: usize,
}

/// The values of some entity rows.
#[derive(Debug)]
struct Pass {
    rows: Range<usize>,
    views: Vec<Gathered>,
}

/// Winners that wait for their values to be read.
#[derive(Debug)]
pub(super) struct Kept {
    rows: Range<usize>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Held(Vec<Winners>),
    /// By view: positions, and the others' rows and positions in turn.
    Spilled(Vec<(Spilled, Spilled)>),
}

impl Kept {
    /// Keeps winners in memory, or in a file.
    pub(super) fn new(
        rows: Range<usize>,
        views: Vec<Winners>,
        spill: Option<&mut SpillFile>,
    ) -> Result<Self> {
        let Some(file) = spill else { return Ok(Self { rows, place: Place::Held(views) }) };
        let mut places = Vec::with_capacity(views.len());
        for Winners { positions, others, .. } in views {
            let positions = file.append_numbers(positions.into_iter())?;
            let others = others.into_iter().flat_map(|(row, position)| [u64::from(row), position]);
            places.push((positions, file.append_numbers(others)?));
        }
        Ok(Self { rows, place: Place::Spilled(places) })
    }

    fn winners(self, spill: Option<&SpillFile>) -> Result<Vec<Winners>> {
        let places = match self.place {
            Place::Held(views) => return Ok(views),
            Place::Spilled(places) => places,
        };
        let file = spill.ok_or_else(|| Error::internal("spilled winners without a file"))?;
        let read = |(positions, others): (Spilled, Spilled)| {
            let others = file.read_numbers(others)?;
            let others = others.chunks_exact(2).map(|pair| (pair[0] as u32, pair[1])).collect();
            Ok(Winners { positions: file.read_numbers(positions)?, others, ..Winners::default() })
        };
        places.into_iter().map(read).collect()
    }
}

impl Window {
    /// Rows of the window for which the other choice has another winner, among some rows of it: their places in `others`.
    fn others(winners: &Winners, rows: &Range<usize>) -> Range<usize> {
        let at = |row: usize| winners.others.partition_point(|(other, _)| (*other as usize) < row);
        at(rows.start)..at(rows.end)
    }
}

impl Joined {
    pub(super) fn new(
        join: HistoricalJoin,
        plan: Plan,
        mut windows: Vec<Kept>,
        spill: Option<SpillFile>,
        report: JoinReport,
        audit: Arc<JoinAudit>,
    ) -> Self {
        windows.reverse();
        Self { join, plan, windows, spill, report, audit, window: None, pass: None, next: 0 }
    }

    /// What was found.
    #[must_use]
    pub fn report(&self) -> &JoinReport {
        &self.report
    }

    /// A closer look, complete when the batches have been taken.
    #[must_use]
    pub fn audit(&self) -> Arc<JoinAudit> {
        Arc::clone(&self.audit)
    }

    /// Columns of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.join.schema
    }

    /// Gets the winners of the rows from the next on.
    fn begin_window(&mut self) -> Result<()> {
        self.window = None;
        let kept = self.windows.pop().ok_or_else(|| Error::internal("rows beyond the last window"))?;
        let rows = kept.rows.clone();
        let views = kept.winners(self.spill.as_ref())?;
        let others = views.iter().map(|winners| winners.others.len()).max().unwrap_or(0);
        let pass_rows = self.plan.pass_rows(rows.len(), others, views.len());
        self.window = Some(Window { rows, views, pass_rows });
        Ok(())
    }

    /// Reads the values of the rows from the next on.
    fn begin_pass(&mut self) -> Result<()> {
        self.pass = None;
        if self.window.as_ref().is_none_or(|window| self.next >= window.rows.end) {
            self.begin_window()?;
        }
        let Some(window) = &self.window else { return Err(Error::internal("no window")) };
        let end = window.rows.end.min(self.next.saturating_add(window.pass_rows));
        let inside = self.next - window.rows.start..end - window.rows.start;
        let views = self.join.views.iter().zip(&window.views);
        // The values that the other choice would have put there are read after those that are given out.
        let positions: Vec<Cow<'_, [u64]>> = window.views.iter().map(|w| asked(w, &inside)).collect();
        let gatherings = views.zip(&positions).map(|((view, _), positions)| Gathering {
            name: &view.join.name,
            source: &view.source,
            columns: &view.features,
            positions,
        });
        let values = gather(&gatherings.collect::<Vec<_>>(), self.plan.threads, &self.join.context)?;
        self.pass = Some(Pass { rows: self.next..end, views: values });
        Ok(())
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        self.join.context.check()?;
        let begin = self.next;
        if self.pass.as_ref().is_none_or(|pass| begin >= pass.rows.end) {
            self.begin_pass()?;
        }
        let (Some(window), Some(pass)) = (&self.window, &self.pass) else {
            return Err(Error::internal("the pass has not begun"));
        };
        let end = pass.rows.end.min(begin + self.plan.batch_rows);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.join.schema.fields().len());
        for (view, values) in pass.views.iter().enumerate() {
            let first = columns.len();
            columns.extend(values.columns(begin - pass.rows.start..end - pass.rows.start)?);
            let changes = Changes { window, pass, view, rows: begin..end };
            changes.count(&columns[first..], &self.audit.views[view])?;
        }
        self.next = end;
        let options = RecordBatchOptions::new().with_row_count(Some(end - begin));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.join.schema), columns, &options)?)
    }
}

/// Rows of a batch for which the other choice of known rows has other values.
struct Changes<'a> {
    window: &'a Window,
    pass: &'a Pass,
    view: usize,
    rows: Range<usize>,
}

impl Changes<'_> {
    /// Counts the cells in which they differ from the batch's columns.
    fn count(&self, columns: &[ArrayRef], audit: &ViewAudit) -> Result<()> {
        let winners = &self.window.views[self.view];
        let start = self.window.rows.start;
        let others = |rows: &Range<usize>| Window::others(winners, &(rows.start - start..rows.end - start));
        let (of_pass, of_batch) = (others(&self.pass.rows), others(&self.rows));
        let rows = winners.others[of_batch.clone()].iter();
        let rows: UInt32Array = rows.map(|(row, _)| row - (self.rows.start - start) as u32).collect();
        if rows.is_empty() {
            return Ok(());
        }
        // Their values were read after those of the rows of the pass.
        let first = self.pass.rows.len() - of_pass.start;
        let values = &self.pass.views[self.view];
        let theirs = values.places(first + of_batch.start..first + of_batch.end);
        for (number, mine) in columns.iter().enumerate() {
            let mine = take(mine, &rows, None)?;
            audit.add_changed(number, changed_cells(&mine, &values.column(number, &theirs)?)?);
        }
        Ok(())
    }
}

/// The positions of the winners of some rows, then of those of the other choice where they differ.
fn asked<'a>(winners: &'a Winners, rows: &Range<usize>) -> Cow<'a, [u64]> {
    let mine = &winners.positions[rows.clone()];
    let others = &winners.others[Window::others(winners, rows)];
    if others.is_empty() {
        return Cow::Borrowed(mine);
    }
    Cow::Owned(mine.iter().copied().chain(others.iter().map(|(_, position)| *position)).collect())
}

impl Iterator for Joined {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.join.entities.rows();
        if self.next >= rows {
            (self.pass, self.window) = (None, None);
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.next = rows;
        }
        Some(batch)
    }
}
