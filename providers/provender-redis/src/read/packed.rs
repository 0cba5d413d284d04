//! Rows of the packed layout, and of a project whose layout is being changed.

use super::exchange::Replies;
use super::rows::{slice, time};
use crate::config::Layout;
use crate::error::damaged;
use crate::layout::packed::{Header, Place};
use crate::layout::schema::Schema;
use crate::schemas::Schemas;
use crate::state::Form;
use provender_core::online::{Cell, CellPlace, NO_CELL, OnlineTable, ViewRead, ViewRows};
use provender_core::{RequestContext, Result, Timestamp};
use std::sync::Arc;

/// The values of one view, before they are rows.
pub(super) struct Unpacking<'a> {
    pub(super) view: &'a ViewRead,
    /// Where its values are: of Feast's layout, if that is asked for, the features and the time; then the packed value.
    pub(super) place: CellPlace,
    /// What rows are marked with that have the features of now.
    pub(super) fingerprint: u32,
    pub(super) form: Form,
    pub(super) replies: &'a Replies,
}

/// What the rows with one fingerprint hold.
struct Known {
    fingerprint: u32,
    /// Number of values in a row.
    len: usize,
    /// Of each feature that is asked for, which value it is.
    positions: Vec<Option<usize>>,
    /// Whether that is each value, in order.
    all: bool,
}

/// Why rows could not be unpacked.
enum Stop {
    /// A row has a fingerprint that must be looked up.
    Unknown(u32),
    Failed(provender_core::Error),
}

impl Unpacking<'_> {
    /// The rows of the view. Asks for schemas that are not known.
    pub(super) async fn rows(&self, schemas: &Schemas, context: &RequestContext) -> Result<ViewRows> {
        let table = &*self.view.table;
        let own = self.view.features.iter().copied().map(Some).collect();
        let mut known = vec![Known::new(self.fingerprint, table.features.len(), own)];
        loop {
            match self.unpacked(&known) {
                Ok(rows) => return Ok(rows),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Unknown(fingerprint)) => {
                    let schema = schemas.find(table, fingerprint, context).await?;
                    let positions = positions(&schema, table, &self.view.features);
                    known.push(Known::new(fingerprint, schema.len(), positions));
                }
            }
        }
    }

    fn unpacked(&self, known: &[Known]) -> Result<ViewRows, Stop> {
        let (features, rows) = (self.place.features, self.view.keys.len());
        let mut times = Vec::with_capacity(rows);
        let mut out = Vec::with_capacity(rows * features);
        let mut values = Vec::new();
        for row in 0..rows {
            let start = self.place.first + row * self.place.stride;
            times.push(self.row(row, start, known, &mut values, &mut out)?);
        }
        let place = CellPlace { first: 0, stride: features, features };
        let data = self.replies.data.clone();
        ViewRows::within(data, times, Arc::new(out), place).map_err(Stop::Failed)
    }

    /// Appends the cells of a row: packed or of Feast's layout, whichever is newer. Returns its event time.
    fn row(
        &self,
        row: usize,
        start: usize,
        known: &[Known],
        values: &mut Vec<Cell>,
        out: &mut Vec<Cell>,
    ) -> Result<Option<Timestamp>, Stop> {
        let (features, data) = (self.place.features, &*self.replies.data);
        let both = self.form != Form::Packed;
        let packed = self.replies.cells[if both { start + features + 1 } else { start }];
        let header = self.header(row, packed)?;
        if both {
            let plain = &self.replies.cells[start..=start + features];
            let event = time(data, plain[features], self.view, row).map_err(Stop::Failed)?;
            // Of equal times the one in the layout that rows are written in now.
            let newer = match self.form {
                Form::Both { to: Layout::Packed } => event > header.map(|h| h.event),
                _ => event >= header.map(|h| h.event),
            };
            if event.is_some() && newer {
                out.extend_from_slice(&plain[..features]);
                return Ok(event);
            }
        }
        let Some(header) = header else {
            out.extend(std::iter::repeat_n(NO_CELL, features));
            return Ok(None);
        };
        let schema = known.iter().find(|k| k.fingerprint == header.schema);
        let schema = schema.ok_or(Stop::Unknown(header.schema))?;
        // Every value is looked at, or a cut row would not be noticed.
        let found = if schema.all { &mut *out } else { &mut *values };
        let before = if schema.all { found.len() } else { 0 };
        found.truncate(before);
        let (bytes, mut at) = (slice(data, packed), header.len);
        while at < bytes.len() {
            let place = Place::at(bytes, at).ok_or_else(|| self.damaged(row))?;
            at = place.start + place.len;
            // Both fit: they lie within a value whose place does.
            let cell = (packed.0 + place.start as u32, place.len as u32);
            found.push(if place.is_written { cell } else { NO_CELL });
        }
        if found.len() - before != schema.len {
            return Err(self.damaged(row));
        }
        if !schema.all {
            out.extend(schema.positions.iter().map(|position| position.map_or(NO_CELL, |p| values[p])));
        }
        Ok(Some(header.event))
    }

    fn header(&self, row: usize, packed: Cell) -> Result<Option<Header>, Stop> {
        match packed {
            NO_CELL => Ok(None),
            cell => Header::read(slice(&self.replies.data, cell)).map(Some).ok_or_else(|| self.damaged(row)),
        }
    }

    fn damaged(&self, row: usize) -> Stop {
        Stop::Failed(damaged("a packed row is not one of this version, or cut", self.view, row))
    }
}

impl Known {
    fn new(fingerprint: u32, len: usize, positions: Vec<Option<usize>>) -> Self {
        let all = positions.len() == len && positions.iter().enumerate().all(|(i, p)| *p == Some(i));
        Self { fingerprint, len, positions, all }
    }
}

/// Where the values of a view's features are in rows of another schema.
fn positions(schema: &Schema, table: &OnlineTable, features: &[usize]) -> Vec<Option<usize>> {
    let position = |feature: &usize| {
        let (name, value_type) = &table.features[*feature];
        schema.position(name, *value_type)
    };
    features.iter().map(position).collect()
}
