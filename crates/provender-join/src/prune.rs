//! Leaves out files and row groups that, by their statistics or paths, hold no row that could win.

use crate::instants::{instants, is_datetime};
use crate::keys::{KeyRange, KeyValues};
use crate::source::{Body, Source, Unit};
use arrow_array::{Array, ArrayRef};
use provender_core::Result;

/// What a row must satisfy to be of interest.
#[derive(Debug)]
pub(crate) struct Limits<'a> {
    /// Event column and its bounds in microseconds, both inclusive.
    pub(crate) event: (&'a str, i64, i64),
    /// Key columns and the range of each key that is asked for.
    pub(crate) keys: Vec<(&'a str, KeyRange)>,
}

/// The units that may hold rows within the limits, ascending.
///
/// # Errors
/// `Invalid` if a statistic cannot be read.
pub(crate) fn kept(source: &Source, limits: &Limits<'_>) -> Result<Vec<usize>> {
    let mut kept = Vec::new();
    let mut first = 0;
    for units in source.units().chunk_by(|a, b| a.file == b.file) {
        let mut keep = vec![limits.event.1 <= limits.event.2; units.len()];
        let (event, from, to) = limits.event;
        by_time(source, units, event, (from, to), &mut keep)?;
        for (column, range) in &limits.keys {
            by_key(source, units, column, range, &mut keep)?;
        }
        kept.extend(keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(i, _)| first + i));
        first += units.len();
    }
    Ok(kept)
}

fn by_time(
    source: &Source,
    units: &[Unit],
    column: &str,
    bounds: (i64, i64),
    keep: &mut [bool],
) -> Result<()> {
    let Some((mins, maxes)) = statistics(source, units, column) else { return Ok(()) };
    // Text sorts otherwise than the instants it stands for.
    if !is_datetime(mins.data_type()) {
        return Ok(());
    }
    let (mins, maxes) = (instants(&mins)?, instants(&maxes)?);
    for (i, keep) in keep.iter_mut().enumerate() {
        if mins.is_valid(i) && maxes.is_valid(i) {
            *keep &= mins.value(i) <= bounds.1 && maxes.value(i) >= bounds.0;
        }
    }
    Ok(())
}

fn by_key(source: &Source, units: &[Unit], column: &str, wanted: &KeyRange, keep: &mut [bool]) -> Result<()> {
    let Some((mins, maxes)) = statistics(source, units, column) else { return Ok(()) };
    for (i, keep) in keep.iter_mut().enumerate() {
        let range = |values: &ArrayRef| KeyValues::of(&values.slice(i, 1)).map(|value| value.range());
        if let (Some(min), Some(max)) = (range(&mins)?, range(&maxes)?) {
            *keep &= min.union(max).is_none_or(|held| held.overlaps(wanted));
        }
    }
    Ok(())
}

/// Smallest and largest value of a column in each of a file's units; a column of the path has the one value.
fn statistics(source: &Source, units: &[Unit], column: &str) -> Option<(ArrayRef, ArrayRef)> {
    let file = units.first()?.file;
    let body = &source.files()[file].body;
    if body.schema().field_with_name(column).is_ok() {
        let Body::Parquet(body) = body else { return None };
        let row_groups: Vec<_> = units.iter().map(|unit| unit.row_group).collect();
        return body.statistics(column, &row_groups);
    }
    let (_, values) = source.partitions().iter().find(|(name, _)| name == column)?;
    let file = arrow_array::UInt64Array::from_value(file as u64, units.len());
    let constant = arrow_select::take::take(values, &file, None).ok()?;
    Some((constant.clone(), constant))
}
