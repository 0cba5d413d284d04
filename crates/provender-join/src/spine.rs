//! The entity rows: what is known of all of them, and parts of them in memory to be joined.

use crate::groups::Groups;
use crate::instants::{instants, is_instant};
use crate::keys::{KeyClass, KeySet, KeyValues};
use crate::source::{Source, listed};
use arrow_array::{RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow_schema::DataType;
use arrow_select::take::take_record_batch;
use provender_core::offline::{KeyColumn, Spine};
use provender_core::{Error, Result};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Entity rows whose times and keys have been looked through.
#[derive(Debug)]
pub(crate) struct Entities {
    spine: Arc<Spine>,
    facts: Facts,
}

/// What times and keys some entity rows have.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The earliest and latest time; `None` without any.
    pub(crate) times: Option<(i64, i64)>,
    /// By key column.
    pub(crate) keys: BTreeMap<String, KeySet>,
    /// Bytes of the text and binary keys of a row: the largest average of any batch.
    pub(crate) key_bytes: u64,
}

/// Some of the entity rows, in memory.
#[derive(Debug)]
pub(crate) struct SpineWindow<'a> {
    spine: &'a Spine,
    batches: Vec<RecordBatch>,
    times: Vec<TimestampMicrosecondArray>,
}

/// Key columns of entity rows, a list of their values and the number of rows for each batch.
pub(crate) type KeyBatches = Vec<(Vec<KeyValues>, usize)>;

impl Entities {
    /// Looks through all rows.
    ///
    /// # Errors
    /// `Invalid` if there is no such time or key column or it holds something else; those of reading stored rows.
    pub(crate) fn new(spine: Arc<Spine>, keys: &[&str]) -> Result<Self> {
        let column = &spine.event_column;
        let data_type = spine.schema.field(index_of(&spine, column)?).data_type();
        if !is_instant(data_type) {
            return Err(Error::invalid("the time column holds no instants")
                .with("column", column)
                .with("at", "entity rows")
                .with("type", data_type)
                .with("expected", crate::instants::EXPECTED));
        }
        let mut facts = Facts::default();
        for batch in spine.read(0..spine.rows()) {
            SpineWindow::new(&spine, vec![batch?])?.add_to(&mut facts, keys)?;
        }
        Ok(Self { spine, facts })
    }

    pub(crate) fn rows(&self) -> usize {
        self.spine.rows()
    }

    /// Bytes of the entity rows as the caller holds them.
    pub(crate) fn memory(&self) -> usize {
        self.spine.memory()
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Reads some rows.
    pub(crate) fn window(&self, rows: Range<usize>) -> Result<SpineWindow<'_>> {
        let mut batches = Vec::new();
        for batch in self.spine.read(rows) {
            let batch = batch?;
            batches.push(if self.spine.held().is_some() { batch } else { copied(&batch)? });
        }
        SpineWindow::new(&self.spine, batches)
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

/// The columns without what they share memory with: a stored batch has other columns, which must not stay.
fn copied(batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = u32::try_from(batch.num_rows()).map_err(|_| Error::internal("a stored batch is too large"))?;
    Ok(take_record_batch(batch, &UInt32Array::from_iter_values(0..rows))?)
}

impl<'a> SpineWindow<'a> {
    fn new(spine: &'a Spine, batches: Vec<RecordBatch>) -> Result<Self> {
        let column = &spine.event_column;
        let index = index_of(spine, column)?;
        let times = batches.iter().map(|batch| {
            instants(batch.column(index)).map_err(|e| e.with("column", column).with("at", "entity rows"))
        });
        let times = times.collect::<Result<_>>()?;
        Ok(Self { spine, batches, times })
    }

    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// What times and keys the rows have.
    pub(crate) fn facts(&self, keys: &[&str]) -> Result<Facts> {
        let mut facts = Facts::default();
        self.add_to(&mut facts, keys)?;
        Ok(facts)
    }

    fn add_to(&self, facts: &mut Facts, keys: &[&str]) -> Result<()> {
        for time in self.times.iter().flat_map(|array| array.iter().flatten()) {
            let (first, last) = facts.times.unwrap_or((time, time));
            facts.times = Some((first.min(time), last.max(time)));
        }
        let mut bytes = vec![0; self.batches.len()];
        for name in keys {
            let set = facts.keys.entry((*name).to_owned()).or_default();
            for (bytes, (values, _)) in bytes.iter_mut().zip(self.keys(&[name])?) {
                values.iter().for_each(|values| set.add(values));
                *bytes += values.iter().map(KeyValues::text_bytes).sum::<usize>();
            }
        }
        for (bytes, batch) in bytes.into_iter().zip(&self.batches) {
            let average = bytes.div_ceil(batch.num_rows().max(1));
            facts.key_bytes = facts.key_bytes.max(average as u64);
        }
        Ok(())
    }

    /// Reads key columns in a form to compare by.
    ///
    /// # Errors
    /// `Invalid` naming a column that is missing or cannot be a key.
    fn keys(&self, names: &[&str]) -> Result<KeyBatches> {
        let indexes = names.iter().map(|name| index_of(self.spine, name)).collect::<Result<Vec<_>>>()?;
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
    pub(crate) fn group(&self, names: &[&str], threads: usize) -> Result<Groups> {
        Groups::build(&self.keys(names)?, &self.times, threads)
    }
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
