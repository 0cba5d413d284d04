//! Keys: from the values of the key columns to the number of the group they name.

mod encoded;
mod set;
mod values;

pub(crate) use encoded::{EncodedIndex, Encoder};
pub(crate) use set::{Few, KeySet};
pub(crate) use values::{KeyClass, KeyRange, KeyValues};

use arrow_array::{Array, Int64Array};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use provender_core::{Error, Result};

/// Stands in a list of group numbers for a row whose key is null or unknown.
pub(crate) const NO_GROUP: u32 = u32::MAX;

/// Integer keys and their groups.
pub(crate) type WholeMap = HashMap<i64, u32, FixedState>;

/// The groups of a spine, by key. Groups are numbered from 0 in the order of their first row.
#[derive(Debug)]
pub(crate) enum KeyIndex {
    /// No key column: every row is of the one group.
    One,
    /// One integer-like column whose values lie close together: a table by value.
    Dense { first: i64, groups: Vec<u32>, count: u32 },
    /// One integer-like column.
    Whole(WholeMap),
    /// Everything else, as bytes.
    Encoded(EncodedIndex),
}

impl KeyIndex {
    /// Indexes the rows of a spine, batch after batch, and says each row's group.
    ///
    /// # Errors
    /// `Unsupported` beyond 2^32 - 2 groups.
    pub(crate) fn build(batches: &[(Vec<KeyValues>, usize)]) -> Result<(Self, Vec<u32>)> {
        let rows = batches.iter().map(|(_, rows)| rows).sum();
        let mut groups = Vec::with_capacity(rows);
        if batches.iter().all(|(columns, _)| columns.is_empty()) {
            groups.resize(rows, 0);
            return Ok((Self::One, groups));
        }
        let whole: Option<Vec<&Int64Array>> = batches
            .iter()
            .map(|(columns, _)| match &columns[..] {
                [KeyValues::Whole(values)] => Some(values),
                _ => None,
            })
            .collect();
        let index = match whole {
            Some(arrays) => Self::build_whole(&arrays, &mut groups)?,
            None => Self::Encoded(build_encoded(batches, &mut groups)?),
        };
        Ok((index, groups))
    }

    fn build_whole(arrays: &[&Int64Array], groups: &mut Vec<u32>) -> Result<Self> {
        let rows: usize = arrays.iter().map(|array| array.len()).sum();
        let range =
            arrays.iter().filter_map(|a| KeyRange::of_whole(a)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (first, last) = range.unwrap_or((0, 0));
        let width = last.abs_diff(first);
        // A table costs four bytes a value of the range, the map some twenty a key.
        if width <= 2 * rows as u64 + 1024 {
            let mut table = vec![NO_GROUP; width as usize + 1];
            let mut count = 0;
            for value in arrays.iter().flat_map(|array| array.iter()) {
                groups.push(match value {
                    Some(value) => claim(&mut table[value.abs_diff(first) as usize], &mut count)?,
                    None => NO_GROUP,
                });
            }
            return Ok(Self::Dense { first, groups: table, count });
        }
        let mut map = WholeMap::default();
        for value in arrays.iter().flat_map(|array| array.iter()) {
            let mut count = map.len() as u32;
            groups.push(match value {
                Some(value) => claim(map.entry(value).or_insert(NO_GROUP), &mut count)?,
                None => NO_GROUP,
            });
        }
        Ok(Self::Whole(map))
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Dense { count, .. } => *count as usize,
            Self::Whole(map) => map.len(),
            Self::Encoded(index) => index.len(),
        }
    }

    /// The group of each of `rows` source rows, [`NO_GROUP`] where the key is null or not in the spine; `groups` is overwritten.
    pub(crate) fn look_up(&self, columns: &[KeyValues], rows: usize, groups: &mut Vec<u32>) {
        groups.clear();
        match self {
            Self::One => groups.resize(rows, 0),
            Self::Dense { first, groups: table, .. } => {
                let find = |value: i64| {
                    let offset = value.wrapping_sub(*first) as u64;
                    usize::try_from(offset).ok().and_then(|at| table.get(at)).copied().unwrap_or(NO_GROUP)
                };
                look_up_whole(columns, rows, groups, find);
            }
            Self::Whole(map) => {
                look_up_whole(columns, rows, groups, |value| map.get(&value).copied().unwrap_or(NO_GROUP));
            }
            Self::Encoded(index) => {
                let mut encoder = Encoder::new(columns);
                groups.extend(
                    (0..rows)
                        .map(|row| encoder.encode(row).and_then(|key| index.get(key)).unwrap_or(NO_GROUP)),
                );
            }
        }
    }
}

fn look_up_whole(columns: &[KeyValues], rows: usize, groups: &mut Vec<u32>, find: impl Fn(i64) -> u32) {
    let Some(values) = columns.first().and_then(KeyValues::to_whole) else {
        return groups.resize(rows, NO_GROUP);
    };
    groups.extend(values.values().iter().map(|value| find(*value)));
    if let Some(nulls) = values.nulls() {
        for (group, valid) in groups.iter_mut().zip(nulls) {
            if !valid {
                *group = NO_GROUP;
            }
        }
    }
}

/// Gives the next number to a key that has none yet.
fn claim(group: &mut u32, count: &mut u32) -> Result<u32> {
    if *group == NO_GROUP {
        if *count == NO_GROUP {
            return Err(too_many());
        }
        *group = *count;
        *count += 1;
    }
    Ok(*group)
}

fn build_encoded(batches: &[(Vec<KeyValues>, usize)], groups: &mut Vec<u32>) -> Result<EncodedIndex> {
    let mut index = EncodedIndex::default();
    for (columns, rows) in batches {
        let mut encoder = Encoder::new(columns);
        for row in 0..*rows {
            groups.push(match encoder.encode(row) {
                Some(key) => index.intern(key).ok_or_else(too_many)?,
                None => NO_GROUP,
            });
        }
    }
    Ok(index)
}

fn too_many() -> Error {
    Error::unsupported("more than four billion keys in one join")
}

#[cfg(test)]
mod tests;
