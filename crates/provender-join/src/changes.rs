//! Cells that differ between two columns of one type.

use arrow_array::{Array, ArrayRef};
use arrow_ord::cmp::distinct;
use provender_core::Result;

/// How many rows hold another value in `b` than in `a`; nulls are equal to each other, and so are two NaN.
///
/// # Errors
/// `Internal` if Arrow cannot compare them.
pub(crate) fn changed_cells(a: &ArrayRef, b: &ArrayRef) -> Result<u64> {
    if a.data_type().is_nested() || a.data_type().is_null() {
        let differ = |row: &usize| a.slice(*row, 1) != b.slice(*row, 1);
        return Ok((0..a.len()).filter(differ).count() as u64);
    }
    Ok(distinct(a, b)?.true_count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int32Type;
    use arrow_array::{Float64Array, ListArray, StringArray};
    use std::sync::Arc;

    #[test]
    fn cells_of_every_kind_are_compared() {
        let count = |a: ArrayRef, b: ArrayRef| changed_cells(&a, &b).unwrap();
        let a = Float64Array::from(vec![Some(1.0), None, None, Some(f64::NAN)]);
        let b = Float64Array::from(vec![Some(1.0), None, Some(2.0), Some(f64::NAN)]);
        assert_eq!(count(Arc::new(a), Arc::new(b)), 1);
        let words = |words: Vec<Option<&str>>| Arc::new(StringArray::from(words)) as ArrayRef;
        assert_eq!(count(words(vec![Some("a"), None]), words(vec![Some("b"), Some("")])), 2);
        let lists = |lists: Vec<Option<Vec<Option<i32>>>>| {
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)) as ArrayRef
        };
        let a = lists(vec![Some(vec![Some(1)]), None, Some(vec![])]);
        assert_eq!(count(a, lists(vec![Some(vec![Some(1)]), Some(vec![]), Some(vec![])])), 1);
    }
}
