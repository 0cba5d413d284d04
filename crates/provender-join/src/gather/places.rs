//! Values from many chunks, in an order of their own.
//!
//! Arrow's `interleave` looks at every value's validity in a second round of scattered reads; here that is known from where the values lie.

use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, ArrayRef, PrimitiveArray, downcast_primitive};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_select::interleave::interleave;
use provender_core::Result;
use std::sync::Arc;

/// Where some values lie: chunk and row in it. Chunk 0 is one null.
#[derive(Debug)]
pub(crate) struct Places {
    at: Vec<(usize, usize)>,
    /// The null of those in chunk 0; `None` without any.
    missing: Option<NullBuffer>,
}

impl FromIterator<(usize, usize)> for Places {
    fn from_iter<I: IntoIterator<Item = (usize, usize)>>(places: I) -> Self {
        let at: Vec<_> = places.into_iter().collect();
        let found = NullBuffer::new(BooleanBuffer::collect_bool(at.len(), |i| at[i].0 != 0));
        let missing = (found.null_count() > 0).then_some(found);
        Self { at, missing }
    }
}

impl Places {
    /// The values at these places of a column's chunks, which are all of one type.
    ///
    /// # Errors
    /// Arrow's, such as more than 2 GB of text.
    pub(super) fn values(&self, chunks: &[&dyn Array]) -> Result<ArrayRef> {
        macro_rules! primitive {
            ($t:ty) => {
                return Ok(Arc::new(self.primitive::<$t>(chunks)))
            };
        }
        downcast_primitive! {
            chunks[0].data_type() => (primitive),
            _ => Ok(interleave(chunks, &self.at)?),
        }
    }

    fn primitive<T: ArrowPrimitiveType>(&self, chunks: &[&dyn Array]) -> PrimitiveArray<T> {
        let chunks: Vec<&PrimitiveArray<T>> = chunks.iter().map(|chunk| chunk.as_primitive()).collect();
        let slices: Vec<&[T::Native]> = chunks.iter().map(|chunk| chunk.values().as_ref()).collect();
        let values: Vec<T::Native> = self.at.iter().map(|(chunk, row)| slices[*chunk][*row]).collect();
        let nulls = if chunks[1..].iter().all(|chunk| chunk.null_count() == 0) {
            self.missing.clone()
        } else {
            let is_valid = |i: usize| chunks[self.at[i].0].is_valid(self.at[i].1);
            Some(NullBuffer::new(BooleanBuffer::collect_bool(self.at.len(), is_valid)))
        };
        PrimitiveArray::new(values.into(), nulls).with_data_type(chunks[0].data_type().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::{Float64Type, TimestampMicrosecondType};
    use arrow_array::{Float64Array, StringArray, TimestampMicrosecondArray};

    /// As `interleave` has them, which has no idea of what chunk 0 is.
    fn assert_as_interleaved(chunks: &[ArrayRef], places: &[(usize, usize)]) {
        let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
        let found = places.iter().copied().collect::<Places>().values(&chunks).unwrap();
        assert_eq!(&found, &interleave(&chunks, places).unwrap());
        assert_eq!(found.data_type(), chunks[0].data_type());
    }

    const PLACES: [(usize, usize); 6] = [(1, 1), (0, 0), (2, 0), (1, 0), (2, 0), (0, 0)];

    #[test]
    fn values_of_any_kind_lie_in_the_order_asked_for() {
        let numbers = |values: Vec<Option<f64>>| Arc::new(Float64Array::from(values)) as ArrayRef;
        let one = numbers(vec![None]);
        assert_as_interleaved(
            &[one.clone(), numbers(vec![Some(1.5), Some(2.5)]), numbers(vec![Some(3.5)])],
            &PLACES,
        );
        assert_as_interleaved(
            &[one.clone(), numbers(vec![Some(1.5), None]), numbers(vec![Some(3.5)])],
            &PLACES,
        );
        assert_as_interleaved(&[one.clone(), numbers(vec![Some(1.5)])], &[(1, 0), (1, 0)]);
        assert_as_interleaved(&[one], &[(0, 0)]);
        let texts = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        assert_as_interleaved(
            &[texts(vec![None]), texts(vec![Some("a"), None]), texts(vec![Some("ccc")])],
            &PLACES,
        );
    }

    #[test]
    fn a_column_keeps_its_zone_and_has_nulls_only_where_there_are_some() {
        let times = |values: Vec<Option<i64>>| {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("Europe/Rome")) as ArrayRef
        };
        assert_as_interleaved(
            &[times(vec![None]), times(vec![Some(1), Some(2)]), times(vec![Some(3)])],
            &PLACES,
        );
        let chunks = [times(vec![None]), times(vec![Some(7)])];
        let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
        let found = Places::from_iter([(1, 0)]).values(&chunks).unwrap();
        assert!(found.nulls().is_none() && found.as_primitive::<TimestampMicrosecondType>().value(0) == 7);
        let none: Places = [].into_iter().collect();
        let empty: ArrayRef = Arc::new(Float64Array::from(vec![None::<f64>]));
        assert!(none.values(&[empty.as_ref()]).unwrap().as_primitive::<Float64Type>().is_empty());
    }
}
