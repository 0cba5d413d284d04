//! The rows of a write as items.

use crate::layout::{self, Item};
use provender_core::online::{Age, OnlineTable, OnlineWrite, WriteColumns};
use provender_core::{Error, KeyValue, Result, decode_entity_key};

/// As much as DynamoDB takes in one item, names included.
const ITEM_BYTES: usize = 400 * 1024;
/// More than all of an item but the features takes: the attributes' names, the hash and three times as text.
const FIXED_BYTES: usize = 256;

/// The rows of a write.
pub(crate) struct Batch<'a> {
    table: &'a OnlineTable,
    pub(crate) columns: WriteColumns<'a>,
}

impl<'a> Batch<'a> {
    /// Checks the columns.
    ///
    /// # Errors
    /// `Invalid` naming the view and what was expected.
    pub(crate) fn of(request: &'a OnlineWrite) -> Result<Self> {
        Ok(Self { table: &request.table, columns: WriteColumns::of(request)? })
    }

    /// Checks that a row fits into an item and its times can be written.
    ///
    /// # Errors
    /// `Invalid` naming the view, the entity and what was expected.
    pub(crate) fn check(&self, row: usize) -> Result<()> {
        let bytes = FIXED_BYTES
            + self.table.features.iter().map(|(name, _)| name.len() + 1).sum::<usize>()
            + self.columns.values.iter().map(|column| column.value(row).len()).sum::<usize>();
        if bytes > ITEM_BYTES {
            let error = Error::invalid("a row is larger than an item of DynamoDB can be");
            return Err(self.named(error, row).with("bytes", bytes).with("expected", "at most 400 KB"));
        }
        let (event, created) = self.age(row);
        let text = layout::time_text(event).and_then(|_| created.map(layout::time_text).transpose());
        text.map(drop).map_err(|e| self.named(e, row))
    }

    /// When a row happened and when it was made.
    pub(crate) fn age(&self, row: usize) -> Age {
        self.columns.age(row)
    }

    /// Text of a row's event time.
    pub(crate) fn event_text(&self, row: usize) -> Result<String> {
        layout::time_text(self.age(row).0)
    }

    /// A row as Feast writes it.
    pub(crate) fn item(&self, row: usize) -> Result<Item> {
        let names = self.table.features.iter().map(|(name, _)| name.as_str());
        let values = names.zip(self.columns.values.iter().map(|column| column.value(row)));
        Ok(layout::item(self.columns.keys.value(row), &self.event_text(row)?, values))
    }

    fn named(&self, error: Error, row: usize) -> Error {
        let key = decode_entity_key(self.columns.keys.value(row)).unwrap_or_default();
        let key: Vec<_> = key.iter().map(|(name, _, value)| format!("{name}={}", shown(value))).collect();
        error.with("view", &self.table.view).with("entity", key.join(", "))
    }
}

/// The value of a join key, for people.
fn shown(value: &KeyValue<'_>) -> String {
    match value {
        KeyValue::Int(number) => number.to_string(),
        KeyValue::Text(text) => (*text).to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests;
