//! What a stored value becomes in an answer: its status by presence, null and age.

use super::{AnswerCell, OnlineAnswer, Status};
use provender_core::Timestamp;
use provender_core::config::{OnlineTtl, RepoConfig};
use provender_core::online::ColumnCells;

/// What the configuration says of statuses, and the time of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) ttl: OnlineTtl,
    /// Answer as Feast's Python server does.
    pub(super) compat_feast: bool,
    pub(super) now: Timestamp,
}

/// A row of a view, before single features are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Which row of what was read.
    pub(super) index: usize,
    /// Its status where a feature has a value.
    pub(super) status: Status,
    /// Its event time; 1970 if it was not found.
    pub(super) time: Timestamp,
    /// Whether values are withheld.
    pub(super) hidden: bool,
}

impl Rules {
    pub(super) fn new(config: &RepoConfig) -> Self {
        Self { ttl: config.online_ttl, compat_feast: config.compat_feast, now: Timestamp::now() }
    }

    fn is_expired(&self, time: Timestamp, ttl: Option<i64>) -> bool {
        self.ttl != OnlineTtl::Ignore && ttl.is_some_and(|ttl| self.now.0.saturating_sub(time.0) > ttl)
    }
}

/// The values of one feature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    cells: ColumnCells<'a>,
    /// Whether a null has a status of its own.
    tells_null: bool,
}

impl<'a> Column<'a> {
    /// The value in a row that has been looked at.
    #[inline]
    pub(super) fn value(&self, row: &Row) -> (&'a [u8], Status) {
        if row.hidden {
            return (&[], row.status);
        }
        match self.cells.cell(row.index) {
            None => (&[], Status::NotFound),
            Some(value) if self.tells_null && row.status == Status::Present && is_null(value) => {
                (value, Status::NullValue)
            }
            Some(value) => (value, row.status),
        }
    }
}

/// A stored null is empty; `null_val`, which Feast reads likewise, begins with the tag of its field.
#[inline]
pub(super) fn is_null(value: &[u8]) -> bool {
    const NULL_VAL: [u8; 2] = [0x98, 0x01];
    value.is_empty() || value.starts_with(&NULL_VAL)
}

/// The newest event time among rows that were found.
pub(super) fn newest(rows: &[Row]) -> Option<Timestamp> {
    rows.iter().filter(|row| row.status != Status::NotFound).map(|row| row.time).max()
}

impl OnlineAnswer {
    /// What is known of a row of the request in a view.
    pub(super) fn row(&self, view: usize, row: usize) -> Row {
        let plan = &self.plan.views[view];
        let index = self.keys.encoded[plan.keys].fan_out.of(row);
        match self.views[view].time(index) {
            None => Row { index, status: Status::NotFound, time: Timestamp(0), hidden: true },
            Some(time) if self.rules.is_expired(time, plan.table.ttl) => Row {
                index,
                status: Status::OutsideMaxAge,
                time,
                hidden: self.rules.ttl == OnlineTtl::Enforce,
            },
            Some(time) => Row { index, status: Status::Present, time, hidden: false },
        }
    }

    /// The values of a feature.
    pub(super) fn column(&self, view: usize, slot: usize) -> Column<'_> {
        Column { cells: self.views[view].column(slot), tells_null: !self.rules.compat_feast }
    }

    pub(super) fn feature_cell(&self, feature: usize, row: usize) -> AnswerCell<'_> {
        let feature = &self.plan.features[feature];
        let row = self.row(feature.view, row);
        let (value, status) = self.column(feature.view, feature.slot).value(&row);
        AnswerCell { value, status, time: row.time }
    }
}
