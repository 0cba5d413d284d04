use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, Field, Schema};
use provender_core::model::{FeatureView, Field as ViewField};
use provender_core::offline::ScanCounters;
use provender_core::{ValueType, timestamp_type};

fn encoder() -> Arc<RowEncoder> {
    let view = FeatureView {
        name: "fv".into(),
        features: vec![ViewField::new("f", ValueType::INT64)],
        ..FeatureView::default()
    };
    Arc::new(RowEncoder::new("shop", &view, &[ViewField::new("k", ValueType::INT64)]).unwrap())
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("f", DataType::Int64, true),
        Field::new("event_timestamp", timestamp_type(), true),
    ]))
}

fn batch(keys: std::ops::Range<i64>) -> RecordBatch {
    let numbers = || Arc::new(Int64Array::from_iter_values(keys.clone())) as ArrayRef;
    let times = TimestampMicrosecondArray::from_iter_values(keys.clone()).with_timezone("UTC");
    RecordBatch::try_new(schema(), vec![numbers(), numbers(), Arc::new(times)]).unwrap()
}

fn scan(batches: Vec<Result<RecordBatch>>) -> RangeScan {
    // A stream that panics when it is polled after its end, as most do.
    let mut batches = batches.into_iter();
    let next = move || batches.next();
    let batches = stream::unfold(next, |mut next| async move { next().map(|batch| (batch, next)) }).boxed();
    RangeScan { schema: schema(), batches, counters: Arc::new(ScanCounters::default()) }
}

async fn run(batches: Vec<Result<RecordBatch>>, stamp: Option<Timestamp>) -> Result<Vec<RecordBatch>> {
    let (rows, encoding) = Pipeline { encoder: encoder(), batch_rows: 4, stamp }.start(scan(batches));
    let batches = rows.map_ok(|rows| rows.batch).try_collect().await?;
    encoding.finish().await?;
    Ok(batches)
}

#[tokio::test]
async fn batches_have_the_size_asked_however_the_scan_is_cut() {
    for cuts in [vec![0..0, 0..10], vec![0..1, 1..2, 2..3, 3..3, 3..10], vec![0..4, 4..9, 9..10]] {
        let batches = cuts.iter().map(|rows| Ok(batch(rows.clone()))).collect();
        let batches = run(batches, None).await.unwrap();
        let sizes: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [4, 4, 2], "{cuts:?}");
        let times = batches
            .iter()
            .flat_map(|b| b.column(1).as_primitive::<TimestampMicrosecondType>().values().to_vec());
        assert_eq!(times.collect::<Vec<_>>(), (0..10).collect::<Vec<i64>>(), "{cuts:?}");
    }
}

#[tokio::test]
async fn a_stamp_replaces_the_event_times() {
    let batches = run(vec![Ok(batch(0..3))], Some(Timestamp(99))).await.unwrap();
    assert_eq!(batches[0].column(1).as_primitive::<TimestampMicrosecondType>().values(), &[99, 99, 99]);
}

#[tokio::test]
async fn an_error_of_the_scan_comes_through() {
    let broken = vec![Ok(batch(0..4)), Err(Error::unavailable("disk gone"))];
    assert_eq!(run(broken, None).await.unwrap_err().message(), "disk gone");
}

#[tokio::test]
async fn a_scan_that_panics_is_an_error_and_not_the_end_of_the_rows() {
    let mut scan = scan(Vec::new());
    scan.batches = stream::poll_fn(|_| panic!("defect in a store")).boxed();
    let (rows, encoding) = Pipeline { encoder: encoder(), batch_rows: 4, stamp: None }.start(scan);
    assert_eq!(rows.count().await, 0);
    assert_eq!(encoding.finish().await.unwrap_err().message(), "encoding rows failed");
}

#[test]
fn wide_views_are_written_in_smaller_batches() {
    assert_eq!((batch_rows(1), batch_rows(64), batch_rows(1_000)), (16_384, 4_096, 1_024));
}
