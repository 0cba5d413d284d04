//! The columns of a write, and which of its rows count.

use crate::config::WriteMode;
use crate::layout::{self, Age, Item};
use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array as _, BinaryArray, TimestampMicrosecondArray};
use provender_core::online::{OnlineTable, OnlineWrite};
use provender_core::{Error, Result, Timestamp};
use std::collections::HashMap;

/// As much as DynamoDB takes in one item, names included.
const ITEM_BYTES: usize = 400 * 1024;
/// More than all of an item but the features takes: the attributes' names, the hash and three times as text.
const FIXED_BYTES: usize = 256;

/// The columns of a write.
pub(crate) struct Batch<'a> {
    table: &'a OnlineTable,
    keys: &'a BinaryArray,
    events: &'a TimestampMicrosecondArray,
    created: &'a TimestampMicrosecondArray,
    values: Vec<&'a BinaryArray>,
}

impl<'a> Batch<'a> {
    /// Checks the columns.
    ///
    /// # Errors
    /// `Invalid` naming the view and what was expected.
    pub(crate) fn of(request: &'a OnlineWrite) -> Result<Self> {
        let (rows, table) = (&request.rows, &*request.table);
        let misfit = |expected: &str| {
            let error = Error::invalid("the rows to write do not have the columns of the view");
            error.with("view", &table.view).with("expected", expected)
        };
        if rows.num_columns() != OnlineWrite::LEADING_COLUMNS + table.features.len() {
            return Err(misfit("entity key, event and created timestamp, and one column a feature"));
        }
        let binary = |i: usize| {
            let column = rows.column(i).as_binary_opt::<i32>().filter(|c| c.null_count() == 0);
            column.ok_or_else(|| misfit("entity keys and values as Binary without nulls"))
        };
        let time = |i: usize| {
            let column = rows.column(i).as_primitive_opt::<TimestampMicrosecondType>();
            column.ok_or_else(|| misfit("timestamps in microseconds"))
        };
        let values = (OnlineWrite::LEADING_COLUMNS..rows.num_columns()).map(binary).collect::<Result<_>>()?;
        let batch = Self { table, keys: binary(0)?, events: time(1)?, created: time(2)?, values };
        if batch.events.null_count() > 0 {
            return Err(misfit("event timestamps without nulls"));
        }
        Ok(batch)
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// When a row happened and when it was made.
    pub(crate) fn age(&self, row: usize) -> Age {
        let created = self.created.is_valid(row).then(|| Timestamp(self.created.value(row)));
        (Timestamp(self.events.value(row)), created)
    }

    /// One row a key, the newest or the last, in the order in which the keys first come. DynamoDB refuses requests that name a key twice.
    pub(crate) fn winners(&self, mode: WriteMode) -> Vec<usize> {
        let mut winners: Vec<usize> = Vec::with_capacity(self.len());
        let mut places: HashMap<&[u8], usize> = HashMap::with_capacity(self.len());
        for row in 0..self.len() {
            match places.get(self.keys.value(row)) {
                None => {
                    places.insert(self.keys.value(row), winners.len());
                    winners.push(row);
                }
                Some(&place) if mode == WriteMode::Newest && self.age(row) < self.age(winners[place]) => {}
                Some(&place) => winners[place] = row,
            }
        }
        winners
    }

    /// Checks that a row fits into an item and its times can be written.
    ///
    /// # Errors
    /// `Invalid` naming the view, the entity and what was expected.
    pub(crate) fn check(&self, row: usize) -> Result<()> {
        let bytes = FIXED_BYTES
            + self.table.features.iter().map(|(name, _)| name.len() + 1).sum::<usize>()
            + self.values.iter().map(|column| column.value(row).len()).sum::<usize>();
        if bytes > ITEM_BYTES {
            let error = Error::invalid("a row is larger than an item of DynamoDB can be");
            return Err(self.named(error, row).with("bytes", bytes).with("expected", "at most 400 KB"));
        }
        let (event, created) = self.age(row);
        let text = layout::time_text(event).and_then(|_| created.map(layout::time_text).transpose());
        text.map(drop).map_err(|e| self.named(e, row))
    }

    /// Text of a row's event time.
    pub(crate) fn event_text(&self, row: usize) -> Result<String> {
        layout::time_text(self.age(row).0)
    }

    /// A row as Feast writes it.
    pub(crate) fn item(&self, row: usize) -> Result<Item> {
        let names = self.table.features.iter().map(|(name, _)| name.as_str());
        let values = names.zip(self.values.iter().map(|column| column.value(row)));
        Ok(layout::item(self.keys.value(row), &self.event_text(row)?, values))
    }

    fn named(&self, error: Error, row: usize) -> Error {
        let key = provender_core::decode_entity_key(self.keys.value(row)).unwrap_or_default();
        let key: Vec<_> = key.iter().map(|(name, _, value)| format!("{name}={}", shown(value))).collect();
        error.with("view", &self.table.view).with("entity", key.join(", "))
    }
}

/// The value of a join key, for people.
fn shown(value: &provender_core::KeyValue<'_>) -> String {
    use provender_core::KeyValue as V;
    match value {
        V::Int(number) => number.to_string(),
        V::Text(text) => (*text).to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests;
