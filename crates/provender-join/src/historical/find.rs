//! Finds the winners of some entity rows.

use super::HistoricalJoin;
use crate::explain::Plan;
use crate::prune::Part;
use crate::scan;
use crate::spine::SpineWindow;
use crate::winners::Winners;
use provender_core::{Error, Result};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

impl HistoricalJoin {
    /// The winners in each view. `is_part` says that the rows are not all, so that less of the sources may be enough for them.
    pub(super) fn find(&self, rows: Range<usize>, is_part: bool, plan: &Plan) -> Result<Vec<Winners>> {
        let window = self.entities.window(rows)?;
        let parts = self.parts(&window, is_part)?;
        let winners: Vec<_> = self.views.iter().map(|_| Mutex::new(None)).collect();
        let mut is_found = vec![false; self.views.len()];
        for first in 0..self.views.len() {
            if is_found[first] {
                continue;
            }
            // Views with the same key columns share one grouping of the rows; it is gone before the next is made.
            let names = self.views[first].key_names();
            let shared: Vec<usize> =
                (first..self.views.len()).filter(|i| self.views[*i].key_names() == names).collect();
            let groups = window.group(&names, plan.threads)?;
            let scans: Vec<_> = shared.iter().map(|i| self.views[*i].scan(&groups, &parts[*i])).collect();
            scan::run(&scans, plan.threads, &self.context, |number, found| {
                let rule = scans[number].rule;
                let settled =
                    Winners::settle(&groups, found, window.rows(), rule, plan.threads, &self.context)?;
                *winners[shared[number]].lock().unwrap_or_else(PoisonError::into_inner) = Some(settled);
                Ok(())
            })?;
            shared.iter().for_each(|i| is_found[*i] = true);
        }
        let winners = winners.into_iter().map(|winners| {
            let winners = winners.into_inner().unwrap_or_else(PoisonError::into_inner);
            winners.ok_or_else(|| Error::internal("a view was not scanned"))
        });
        winners.collect()
    }

    /// What to read of each view.
    fn parts(&self, window: &SpineWindow<'_>, is_part: bool) -> Result<Vec<Cow<'_, [Part]>>> {
        let parts = self.views.iter().map(|view| {
            if !is_part {
                return Ok(Cow::Borrowed(view.pruning.parts.as_slice()));
            }
            let pruning = view.prune(&window.facts(&view.key_names())?, &self.context)?;
            Ok(Cow::Owned(pruning.parts))
        });
        parts.collect()
    }
}
