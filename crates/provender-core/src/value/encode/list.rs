//! Lists and sets.

use super::super::misfit::{Misfit, refuse};
use super::super::wire::put_message;
use super::kind::{Kind, Values};
use crate::ValueType;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, UInt64Array, new_null_array};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::take::take;
use std::collections::HashSet;
use std::ops::Range;

/// A column of lists or sets.
pub(super) struct List {
    items: Items,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
}

enum Items {
    /// Each item is a field of the list's message: a scalar or a map.
    Flat(Box<Kind>),
    /// Each item is a whole Value: `feast.types.RepeatedValue`.
    Nested(Box<Values>),
}

impl List {
    pub(super) fn new(array: &ArrayRef, value_type: ValueType) -> Result<Self, Misfit> {
        let (mut offsets, mut values, nulls) = parts(array, value_type)?;
        let is_set = value_type.name().is_some_and(|name| name.ends_with("_SET"));
        let row_of = |item: usize, offsets: &OffsetBuffer<i32>| {
            offsets.partition_point(|start| *start as usize <= item).saturating_sub(1)
        };
        let make = |values: &ArrayRef| match value_type.item() {
            Some(item) => Ok(Items::Flat(Box::new(without_nulls(Kind::new(values, item)?)))),
            None => Ok(Items::Nested(Box::new(Values::natural(values)?))),
        };
        let mut items =
            make(&values).map_err(|misfit: Misfit| misfit.in_row(|item| row_of(item, &offsets)))?;
        if is_set && let Some((keep, kept)) = items.distinct(&offsets) {
            values = take(&values, &keep, None)?;
            items = make(&values)?;
            offsets = kept;
        }
        let list = Self { items, offsets, nulls };
        list.refuse_null_items(array)?;
        Ok(list)
    }

    pub(super) fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }

    /// Writes one list as a field.
    pub(super) fn put(&self, field: u32, row: usize, out: &mut Vec<u8>) {
        let items = self.range(row);
        put_message(out, field, |out| match &self.items {
            _ if items.is_empty() => {}
            Items::Flat(kind) => {
                if kind.put_packed(items.clone(), out).is_none() {
                    items.for_each(|item| kind.put(1, item, out));
                }
            }
            Items::Nested(values) => {
                items.for_each(|item| put_message(out, 1, |out| values.put(item, out)));
            }
        });
    }

    fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    /// A list of scalars cannot hold null on the wire.
    fn refuse_null_items(&self, array: &ArrayRef) -> Result<(), Misfit> {
        let Items::Flat(kind) = &self.items else { return Ok(()) };
        let Some(nulls) = kind.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(()) };
        let bad = |row: &usize| array.is_valid(*row) && self.range(*row).any(|item| nulls.is_null(item));
        match (0..array.len()).find(bad) {
            Some(row) => Err(Misfit::at(row, array, "has a null item")),
            None => Ok(()),
        }
    }
}

impl Items {
    /// For each row the items that are not equal to an earlier one, and the offsets over them; `None` if all are.
    fn distinct(&self, offsets: &OffsetBuffer<i32>) -> Option<(UInt64Array, OffsetBuffer<i32>)> {
        let (mut keep, mut lengths) = (Vec::new(), Vec::with_capacity(offsets.len()));
        let mut seen = HashSet::new();
        for row in offsets.windows(2) {
            seen.clear();
            let before = keep.len();
            keep.extend(
                (row[0] as u64..row[1] as u64).filter(|item| seen.insert(self.bytes(*item as usize))),
            );
            lengths.push(keep.len() - before);
        }
        let all = offsets.last().is_some_and(|end| *end as usize == keep.len());
        (!all).then(|| (keep.into(), OffsetBuffer::from_lengths(lengths)))
    }

    /// What is written for one item.
    fn bytes(&self, item: usize) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Flat(kind) if kind.nulls().is_none_or(|nulls| nulls.is_valid(item)) => {
                kind.put(1, item, &mut out);
            }
            Self::Flat(_) => {}
            Self::Nested(values) => values.put(item, &mut out),
        }
        out
    }
}

/// A null among floats is NaN, as in the arrays that Feast reads lists into.
fn without_nulls(kind: Kind) -> Kind {
    match kind {
        Kind::Double(a) if a.null_count() > 0 => {
            Kind::Double(a.iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Float64Array>())
        }
        Kind::Float(a) if a.null_count() > 0 => {
            Kind::Float(a.iter().map(|v| v.unwrap_or(f32::NAN)).collect::<Float32Array>())
        }
        other => other,
    }
}

type Parts = (OffsetBuffer<i32>, ArrayRef, Option<NullBuffer>);

/// Offsets from 0, the items that they cover, and the rows' nulls.
fn parts(array: &ArrayRef, value_type: ValueType) -> Result<Parts, Misfit> {
    let list = match array.data_type() {
        DataType::List(_) => array.clone(),
        DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => cast(array, &DataType::List(item.clone()))?,
        DataType::Null => {
            let item = value_type.item().and_then(ValueType::arrow).unwrap_or(DataType::Utf8);
            new_null_array(&DataType::new_list(item, true), array.len())
        }
        other => return refuse(other, value_type),
    };
    let list = list.as_list::<i32>();
    let (offsets, values) = trim(list.offsets(), list.values());
    Ok((offsets, values, list.nulls().cloned()))
}

/// Cuts off the items before the first and behind the last offset.
pub(super) fn trim(offsets: &OffsetBuffer<i32>, values: &ArrayRef) -> (OffsetBuffer<i32>, ArrayRef) {
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    (offsets.clone().subtract(first), values.slice(first as usize, (last - first) as usize))
}
