use super::*;
use crate::frame::Frame;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, StringArray};
use arrow_schema::{DataType, Field, Schema};
use std::collections::BTreeSet;

type Pair = (Option<i64>, Option<String>);

fn reader(rows: &[Pair], step: usize) -> FrameReader {
    let fields = vec![Field::new("n", DataType::Int64, true), Field::new("s", DataType::Utf8, true)];
    let schema = Arc::new(Schema::new(fields));
    let batch = |rows: &[Pair]| {
        let numbers = Int64Array::from_iter(rows.iter().map(|(n, _)| *n));
        let texts = StringArray::from_iter(rows.iter().map(|(_, s)| s.clone()));
        RecordBatch::try_new(schema.clone(), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
    };
    let batches = rows.chunks(step).map(batch).collect();
    Frame { schema: schema.clone(), batches }.into()
}

fn pairs(reader: FrameReader) -> Vec<Pair> {
    let pairs = |batch: Result<RecordBatch>| {
        let batch = batch.unwrap();
        let numbers = batch.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
        let texts = batch.column(1).as_string::<i32>().iter().map(|s| s.map(str::to_owned));
        numbers.into_iter().zip(texts.collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    reader.batches.flat_map(pairs).collect()
}

fn rows() -> Vec<Pair> {
    let row = |i: i64| {
        let number = (i % 7 != 0).then_some((i * 7919) % 997);
        (number, (i % 5 != 0).then(|| format!("text {}", (i * 31) % 11)))
    };
    (0..40_000).map(row).collect()
}

#[test]
fn rows_come_sorted_and_once_whatever_memory_there_is() {
    let expected: Vec<Pair> = rows().into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let folder = tempfile::tempdir().unwrap();
    for memory in [None, Some(1 << 30), Some(200_000), Some(1)] {
        let sorted = distinct_rows(reader(&rows(), 1_000), memory, Some(folder.path())).unwrap();
        assert_eq!(pairs(sorted), expected, "{memory:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn no_rows_stay_none_and_a_folder_that_is_not_there_is_named() {
    assert_eq!(pairs(distinct_rows(reader(&[], 1), Some(1), None).unwrap()), []);
    let error = distinct_rows(reader(&rows(), 100), Some(1), Some(Path::new("/no/such/folder"))).unwrap_err();
    assert!(error.report().contains("/no/such/folder"), "{error:?}");
}
