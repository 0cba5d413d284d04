use super::*;
use arrow_array::cast::AsArray as _;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{Kind, OpenContext, RequestContext};
use provender_join::frame::Frame;
use provender_join::storage::StorageOptions;
use std::sync::Arc;

/// A folder source with one row, at the first second of 1970 in `zone`, beside the place it is found at.
fn shop(zone: Option<&str>) -> (tempfile::TempDir, DataSource, Place) {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("trips")).unwrap();
    let at = TimestampMicrosecondArray::from(vec![1_000_000]).with_timezone_opt(zone);
    let rows = rows(Arc::new(at));
    frame::write(root.path().join("trips/a.parquet"), &rows.schema(), [Ok(rows.clone())]).unwrap();
    let kind = SourceKind::File {
        path: "trips".to_owned(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    let source = DataSource::new("trips", kind);
    let place =
        Place::of(&source, &OpenContext::new("shop", root.path()), &StorageOptions::default()).unwrap();
    (root, source, place)
}

fn rows(at: ArrayRef) -> RecordBatch {
    let id: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    RecordBatch::try_from_iter_with_nullable([("id", id, true), ("event_timestamp", at, true)]).unwrap()
}

fn push(source: &DataSource, place: &Place, batches: Vec<RecordBatch>) -> Result<u64> {
    let request = AppendRequest { source: source.clone(), batches, context: RequestContext::local() };
    append(place, &request)
}

/// The times in all files of the folder, in the order in which their rows are read.
fn times(root: &tempfile::TempDir) -> Vec<i64> {
    let files = std::fs::read_dir(root.path().join("trips")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let batches = files.into_iter().map(|file| frame::read(file).unwrap().into_batch().unwrap());
    batches.map(|b| b["event_timestamp"].as_primitive::<TimestampMicrosecondType>().value(0)).collect()
}

#[test]
fn times_without_zone_are_utc_in_a_column_with_one() {
    let (root, source, place) = shop(Some("UTC"));
    let naive = [
        Arc::new(TimestampMicrosecondArray::from(vec![2_000_000])) as ArrayRef,
        Arc::new(TimestampNanosecondArray::from(vec![3_000_000_000])),
        Arc::new(StringArray::from(vec!["1970-01-01 00:00:04"])),
    ];
    for at in naive {
        assert_eq!(push(&source, &place, vec![rows(at)]).unwrap(), 1);
    }
    assert_eq!(times(&root), [1_000_000, 2_000_000, 3_000_000, 4_000_000]);
    let opened =
        Source::open(&place.spec(&source.name, Vec::new()).unwrap(), &RequestContext::local()).unwrap();
    assert_eq!(opened.schema().field(1).data_type(), &provender_core::timestamp_type());
}

#[test]
fn instants_stay_the_same_in_a_column_without_zone() {
    let (root, source, place) = shop(None);
    let at = TimestampMicrosecondArray::from(vec![2_000_000]).with_timezone("Europe/Vienna");
    push(&source, &place, vec![rows(Arc::new(at))]).unwrap();
    assert_eq!(times(&root), [1_000_000, 2_000_000]);
}

#[test]
fn a_pushed_csv_file_is_read_back_in_utc() {
    let (root, source, place) = shop(Some("UTC"));
    let file = root.path().join("new.csv");
    std::fs::write(&file, "event_timestamp,id\n1970-01-01 00:00:02,8\n").unwrap();
    let Frame { batches, .. } = frame::read(&file).unwrap();
    assert_eq!(push(&source, &place, batches).unwrap(), 1);
    assert_eq!(times(&root), [1_000_000, 2_000_000]);
}

#[test]
fn text_that_is_no_time_is_refused_and_nothing_is_written() {
    let (root, source, place) = shop(Some("UTC"));
    let error = push(&source, &place, vec![rows(Arc::new(StringArray::from(vec!["soon"])))]).unwrap_err();
    assert_eq!((error.kind(), error.get("column")), (Kind::Invalid, Some("event_timestamp")));
    assert_eq!(times(&root), [1_000_000]);
}
