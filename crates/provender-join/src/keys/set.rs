//! What is known of the keys that are asked for, to leave out what cannot hold them.

use super::{KeyRange, KeyValues};
use std::collections::BTreeSet;

/// Keys up to this number are kept one by one.
const FEW: usize = 1024;

/// The keys of one column of the entity rows.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    range: Option<KeyRange>,
    /// The range says nothing: a key lies beyond what ranges hold.
    unbounded: bool,
    few: Few,
}

/// The keys themselves while they are few.
#[derive(Debug, Default)]
pub(crate) enum Few {
    #[default]
    None,
    Whole(BTreeSet<i64>),
    Bytes(BTreeSet<Vec<u8>>),
    /// Too many, or not comparable.
    Many,
}

impl KeySet {
    /// Adds the keys of some rows.
    pub(crate) fn add(&mut self, values: &KeyValues) {
        if values.all_null() {
            return;
        }
        match (self.range.take(), values.range()) {
            (None, Some(range)) => self.range = Some(range),
            (Some(held), Some(range)) => {
                self.range = held.union(range);
                self.unbounded |= self.range.is_none();
            }
            (_, None) => self.unbounded = true,
        }
        self.few.add(values);
    }

    /// The keys themselves, if they are few.
    pub(crate) fn few(&self) -> &Few {
        &self.few
    }

    /// Whether one of the keys may be among values of this range.
    pub(crate) fn may_lie_in(&self, held: &KeyRange) -> bool {
        match (&self.few, held) {
            (Few::Whole(few), KeyRange::Whole(min, max)) if min <= max => {
                few.range(min..=max).next().is_some()
            }
            (Few::Bytes(few), KeyRange::Bytes(min, max)) if min <= max => {
                few.range::<Vec<u8>, _>(min..=max).next().is_some()
            }
            _ if self.unbounded => true,
            _ => self.range.as_ref().is_none_or(|range| range.overlaps(held)),
        }
    }

    /// Whether all values of this range lie between the keys, so that parts of it cannot be left out by them.
    pub(crate) fn covers(&self, held: &KeyRange) -> bool {
        match (&self.range, held, &self.few) {
            (_, _, Few::Whole(_) | Few::Bytes(_)) => false,
            (Some(KeyRange::Whole(a, b)), KeyRange::Whole(c, d), _) => a <= c && d <= b,
            (Some(KeyRange::Bytes(a, b)), KeyRange::Bytes(c, d), _) => a <= c && d <= b,
            _ => true,
        }
    }
}

impl Few {
    fn add(&mut self, values: &KeyValues) {
        match (&mut *self, values) {
            (Self::Many, _) => return,
            (Self::None, KeyValues::Whole(_)) => *self = Self::Whole(BTreeSet::new()),
            (Self::None, KeyValues::Unsigned(_)) => *self = Self::Many,
            (Self::None, _) => *self = Self::Bytes(BTreeSet::new()),
            _ => {}
        }
        let fits = match (&mut *self, values) {
            (Self::Whole(held), KeyValues::Whole(values)) => collect(held, values.iter().flatten()),
            (Self::Bytes(held), values) => match values {
                KeyValues::Bytes(values) => collect(held, values.iter().flatten().map(<[u8]>::to_vec)),
                KeyValues::LargeBytes(values) => collect(held, values.iter().flatten().map(<[u8]>::to_vec)),
                KeyValues::ByteViews(values) => collect(held, values.iter().flatten().map(<[u8]>::to_vec)),
                KeyValues::Whole(_) | KeyValues::Unsigned(_) => false,
            },
            _ => false,
        };
        if !fits {
            *self = Self::Many;
        }
    }
}

/// Adds values while they are few.
fn collect<T: Ord>(held: &mut BTreeSet<T>, mut values: impl Iterator<Item = T>) -> bool {
    values.all(|value| {
        held.insert(value);
        held.len() <= FEW
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{ArrayRef, Int64Array, StringArray, UInt64Array};
    use std::sync::Arc;

    fn set(arrays: &[ArrayRef]) -> KeySet {
        let mut set = KeySet::default();
        arrays.iter().for_each(|array| set.add(&KeyValues::of(array).unwrap()));
        set
    }

    #[test]
    fn few_keys_are_told_apart_and_many_make_a_range() {
        let few =
            set(&[Arc::new(Int64Array::from(vec![Some(3), None])), Arc::new(Int64Array::from(vec![900]))]);
        let lies = |min, max| few.may_lie_in(&KeyRange::Whole(min, max));
        assert!(lies(0, 3) && lies(900, 901) && !lies(4, 899) && !lies(901, i64::MAX));
        let many = set(&[Arc::new(Int64Array::from_iter_values((0..5_000).map(|i| i * 2)))]);
        let lies = |min, max| many.may_lie_in(&KeyRange::Whole(min, max));
        assert!(lies(1, 1) && !lies(9_999, 10_000) && many.covers(&KeyRange::Whole(5, 6)));
        let words = set(&[Arc::new(StringArray::from(vec!["b", "y"]))]);
        assert!(!words.may_lie_in(&KeyRange::Bytes(b"c".to_vec(), b"x".to_vec())));
        assert!(words.may_lie_in(&KeyRange::Bytes(b"a".to_vec(), b"b".to_vec())));
    }

    #[test]
    fn keys_that_no_range_holds_leave_nothing_out() {
        let huge = set(&[Arc::new(UInt64Array::from(vec![u64::MAX])), Arc::new(Int64Array::from(vec![1]))]);
        assert!(huge.may_lie_in(&KeyRange::Whole(5, 6)));
        let mixed = set(&[Arc::new(StringArray::from(vec!["a"])), Arc::new(Int64Array::from(vec![1]))]);
        assert!(mixed.may_lie_in(&KeyRange::Whole(5, 6)));
        assert!(!set(&[]).covers(&KeyRange::Whole(0, 0)) || set(&[]).may_lie_in(&KeyRange::Whole(0, 0)));
    }
}
