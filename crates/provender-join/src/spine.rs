//! The entity rows: their times and keys, checked against the views.

use crate::groups::Groups;
use crate::instants::instants;
use crate::keys::{KeyClass, KeyRange, KeyValues};
use crate::source::{Source, listed};
use arrow_array::{RecordBatch, TimestampMicrosecondArray};
use arrow_schema::DataType;
use provender_core::offline::{KeyColumn, Spine};
use provender_core::{Error, Result};
use std::sync::Arc;

/// Entity rows whose time column has been read.
#[derive(Debug)]
pub(crate) struct SpineTimes {
    spine: Arc<Spine>,
    batches: Vec<RecordBatch>,
    times: Vec<TimestampMicrosecondArray>,
}

/// Key columns of the spine, a list of their values and the number of rows for each batch.
pub(crate) type KeyBatches = Vec<(Vec<KeyValues>, usize)>;

impl SpineTimes {
    /// # Errors
    /// `Invalid` if there is no such time column or it holds no instants.
    pub(crate) fn new(spine: Arc<Spine>) -> Result<Self> {
        let column = &spine.event_column;
        let index = index_of(&spine, column)?;
        let batches = spine.batches()?;
        let times = batches.iter().map(|batch| {
            instants(batch.column(index)).map_err(|e| e.with("column", column).with("at", "entity rows"))
        });
        let times = times.collect::<Result<_>>()?;
        Ok(Self { spine, batches, times })
    }

    pub(crate) fn rows(&self) -> usize {
        self.spine.rows()
    }

    /// Bytes of the entity rows as the caller holds them.
    pub(crate) fn memory(&self) -> usize {
        self.spine.memory()
    }

    /// The earliest and latest time; `None` without any.
    pub(crate) fn range(&self) -> Option<(i64, i64)> {
        let mut times = self.times.iter().flat_map(|array| array.iter().flatten());
        let first = times.next()?;
        Some(times.fold((first, first), |(min, max), time| (min.min(time), max.max(time))))
    }

    /// Reads key columns in a form to compare by.
    ///
    /// # Errors
    /// `Invalid` naming a column that is missing or cannot be a key.
    pub(crate) fn keys(&self, names: &[&str]) -> Result<KeyBatches> {
        let indexes = names.iter().map(|name| index_of(&self.spine, name)).collect::<Result<Vec<_>>>()?;
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            let values = indexes.iter().zip(names).map(|(index, name)| {
                let values = KeyValues::exact(batch.column(*index));
                Ok(values.map_err(|e| e.with("column", name).with("at", "entity rows"))?.narrowed())
            });
            batches.push((values.collect::<Result<_>>()?, batch.num_rows()));
        }
        Ok(batches)
    }

    /// Groups the rows by key.
    pub(crate) fn group(&self, names: &[&str]) -> Result<Groups> {
        Groups::build(&self.keys(names)?, &self.times)
    }

    /// Checks that the keys of a view can be compared with the source's.
    ///
    /// # Errors
    /// `Invalid` naming the column that is missing on either side, or both types.
    pub(crate) fn check_keys(&self, keys: &[KeyColumn], source: &Source) -> Result<()> {
        for key in keys {
            let mine = self.spine.schema.field(index_of(&self.spine, &key.name)?).data_type();
            let theirs = source.column_type(&key.column, "join key")?;
            let expected =
                key_class(theirs).map_err(|e| e.with("source", source.name()).with("column", &key.column))?;
            let found = key_class(mine).map_err(|e| e.with("column", &key.name).with("at", "entity rows"))?;
            if !found.matches(expected) {
                return Err(Error::invalid("the types of a join key differ")
                    .with("column", &key.name)
                    .with("type", format!("{mine} ({found})"))
                    .with("source", source.name())
                    .with("expected", format!("{theirs} ({expected})")));
            }
        }
        Ok(())
    }
}

/// Smallest and largest value of each key column; `None` where there is none or it says nothing.
pub(crate) fn key_ranges(batches: &KeyBatches) -> Vec<Option<KeyRange>> {
    let width = batches.first().map_or(0, |(columns, _)| columns.len());
    let range = |column: usize| {
        let filled = batches.iter().map(|(columns, _)| &columns[column]).filter(|values| !values.all_null());
        let mut ranges = filled.map(KeyValues::range);
        let first = ranges.next()??;
        ranges.try_fold(first, |held, range| held.union(range?))
    };
    (0..width).map(range).collect()
}

pub(crate) fn key_class(data_type: &DataType) -> Result<KeyClass> {
    KeyClass::of(data_type).ok_or_else(|| {
        Error::invalid("the type cannot be a join key")
            .with("type", data_type)
            .with("expected", "integer, text, binary, boolean, timestamp or date")
    })
}

fn index_of(spine: &Spine, column: &str) -> Result<usize> {
    spine.schema.index_of(column).map_err(|_| {
        Error::invalid("the entity rows have no such column")
            .with("column", column)
            .with("columns", listed(&spine.schema))
    })
}
