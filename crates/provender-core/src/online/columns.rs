//! The columns of a write, checked once.

use super::OnlineWrite;
use crate::{Error, Result, Timestamp};
use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array as _, BinaryArray, TimestampMicrosecondArray};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// When a row happened and when it was made; compares as newest-wins does: no created time is smallest.
pub type Age = (Timestamp, Option<Timestamp>);

/// The columns of an [`OnlineWrite`], of the types that it promises.
#[derive(Clone, Debug)]
pub struct WriteColumns<'a> {
    /// Encoded entity keys.
    pub keys: &'a BinaryArray,
    events: &'a TimestampMicrosecondArray,
    created: &'a TimestampMicrosecondArray,
    /// Value bytes, a column a feature of the table.
    pub values: Vec<&'a BinaryArray>,
}

impl<'a> WriteColumns<'a> {
    /// Finds the columns.
    ///
    /// # Errors
    /// `Invalid` naming the view and what was expected, if a column is missing, too many, of another type, or has nulls where it must not.
    pub fn of(write: &'a OnlineWrite) -> Result<Self> {
        let (rows, features) = (&write.rows, write.table.features.len());
        let misfit = |expected: &str| {
            let error = Error::invalid("the rows to write do not have the columns of the view");
            error.with("view", &write.table.view).with("expected", expected)
        };
        if rows.num_columns() != OnlineWrite::LEADING_COLUMNS + features {
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
        let columns = Self { keys: binary(0)?, events: time(1)?, created: time(2)?, values };
        if columns.events.null_count() > 0 {
            return Err(misfit("event timestamps without nulls"));
        }
        Ok(columns)
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When a row happened and was made.
    #[must_use]
    pub fn age(&self, row: usize) -> Age {
        let created = self.created.is_valid(row).then(|| Timestamp(self.created.value(row)));
        (Timestamp(self.events.value(row)), created)
    }

    /// One row a key, in the order in which the keys come first: the last of the newest, or without `newest` simply the last.
    #[must_use]
    pub fn winners(&self, newest: bool) -> Vec<usize> {
        let mut winners: Vec<usize> = Vec::with_capacity(self.len());
        let mut places = HashMap::with_capacity(self.len());
        for row in 0..self.len() {
            match places.entry(self.keys.value(row)) {
                Entry::Vacant(place) => {
                    place.insert(winners.len());
                    winners.push(row);
                }
                Entry::Occupied(place) => {
                    let winner = &mut winners[*place.get()];
                    if !newest || self.age(row) >= self.age(*winner) {
                        *winner = row;
                    }
                }
            }
        }
        winners
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::online::OnlineTable;
    use crate::{Kind, RequestContext};
    use arrow_array::{ArrayRef, RecordBatch};
    use std::sync::Arc;

    fn write(keys: &[&str], events: Vec<Option<i64>>, created: Vec<Option<i64>>) -> OnlineWrite {
        let times = |times: Vec<Option<i64>>| {
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) as ArrayRef
        };
        let keys = Arc::new(BinaryArray::from_iter_values(keys));
        let columns: [(&str, ArrayRef); 3] =
            [("key", keys), ("event", times(events)), ("created", times(created))];
        let table = OnlineTable {
            project: "p".to_owned(),
            view: "v".to_owned(),
            join_keys: vec!["id".to_owned()],
            features: Vec::new(),
            ttl: None,
            tags: Default::default(),
        };
        let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
        OnlineWrite { table: Arc::new(table), rows, context: RequestContext::local() }
    }

    #[test]
    fn newest_row_of_a_key_wins_and_of_equals_the_last() {
        let events = [10, 5, 12, 12, 12, 11].map(Some).to_vec();
        let created = vec![None, None, Some(1), None, Some(1), Some(9)];
        let write = write(&["a", "b", "a", "a", "a", "a"], events, created);
        let columns = WriteColumns::of(&write).unwrap();
        assert_eq!(columns.winners(true), [4, 1]);
        assert_eq!(columns.winners(false), [5, 1]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let missing_time = write(&["a"], vec![None], vec![None]);
        let mut missing_column = write(&["a"], vec![Some(1)], vec![None]);
        missing_column.rows = missing_column.rows.project(&[0, 1]).unwrap();
        for write in [missing_time, missing_column] {
            let error = WriteColumns::of(&write).unwrap_err();
            assert_eq!((error.kind(), error.get("view")), (Kind::Invalid, Some("v")));
        }
    }
}
