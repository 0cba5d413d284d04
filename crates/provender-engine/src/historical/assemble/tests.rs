use super::*;
use arrow_array::Int64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt;
use futures::executor::block_on;
use std::sync::Arc;

fn schema(names: &[&str]) -> SchemaRef {
    Arc::new(Schema::new(names.iter().map(|n| Field::new(*n, DataType::Int64, true)).collect::<Vec<_>>()))
}

/// A stream of one column, cut as `sizes` says, numbered from `first` on.
fn numbered(first: i64, sizes: &[i64]) -> BatchStream {
    let mut next = first;
    let batches: Vec<Result<RecordBatch>> = sizes
        .iter()
        .map(|size| {
            let values = Int64Array::from_iter_values(next..next + size);
            next += size;
            Ok(RecordBatch::try_new(schema(&["x"]), vec![Arc::new(values)]).unwrap())
        })
        .collect();
    stream::iter(batches).boxed()
}

fn picks(inputs: &[usize]) -> Vec<Pick> {
    inputs.iter().map(|input| Pick { input: *input, column: 0 }).collect()
}

fn columns(batches: &[RecordBatch]) -> Vec<Vec<i64>> {
    let column = |i: usize| {
        batches.iter().flat_map(|b| b.column(i).as_primitive::<Int64Type>().values().to_vec()).collect()
    };
    (0..batches[0].num_columns()).map(column).collect()
}

#[test]
fn rows_stay_together_however_the_streams_are_cut() {
    for (a, b) in [(vec![5], vec![1, 1, 3]), (vec![2, 0, 3], vec![0, 4, 1, 0]), (vec![1; 5], vec![5])] {
        let inputs = vec![numbered(0, &a), numbered(100, &b)];
        let joined = side_by_side(inputs, picks(&[1, 0]), schema(&["b", "a"]));
        let batches: Vec<RecordBatch> = block_on(joined.try_collect()).unwrap();
        assert_eq!(columns(&batches), [vec![100, 101, 102, 103, 104], vec![0, 1, 2, 3, 4]], "{a:?} {b:?}");
        assert!(batches.iter().all(|batch| batch.num_rows() > 0));
    }
}

#[test]
fn streams_of_unequal_length_are_an_error_and_not_a_short_answer() {
    let inputs = vec![numbered(0, &[3]), numbered(0, &[2])];
    let joined = side_by_side(inputs, picks(&[0, 1]), schema(&["a", "b"]));
    let error = block_on(joined.try_collect::<Vec<_>>()).unwrap_err();
    assert!(error.message().contains("another number of rows"), "{error}");
}

#[test]
fn no_rows_give_no_batches() {
    let inputs = vec![numbered(0, &[]), numbered(0, &[0])];
    let joined = side_by_side(inputs, picks(&[0, 1]), schema(&["a", "b"]));
    assert!(block_on(joined.try_collect::<Vec<_>>()).unwrap().is_empty());
}

#[test]
fn an_error_of_one_store_ends_the_answer() {
    let broken = stream::iter([Err(Error::unavailable("gone"))]).boxed();
    let joined = side_by_side(vec![numbered(0, &[3]), broken], picks(&[0, 1]), schema(&["a", "b"]));
    assert_eq!(block_on(joined.try_collect::<Vec<_>>()).unwrap_err().message(), "gone");
}
