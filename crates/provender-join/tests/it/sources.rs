//! What can be read, and what is said of what cannot.

use crate::support::{
    batch, column, ints, join, open, spine, temp, texts, times, view, write_pages, write_parquet,
};
use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use bytes::Bytes;
use provender_core::{Kind, RequestContext};
use provender_join::storage::{LocalDisk, ReadAt, Storage, StoredFile};
use provender_join::{Format, Source, SourceSpec};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn rows(values: &[i64]) -> RecordBatch {
    batch(vec![
        ("driver", ints(values.iter().copied())),
        ("event", times(values.iter().copied())),
        ("created", times(values.iter().copied())),
        ("value", ints(values.iter().copied())),
    ])
}

fn message(path: &Path) -> String {
    open(path).unwrap_err().report()
}

#[test]
fn csv_types_are_inferred_from_all_files_and_rows() {
    let dir = temp();
    fs::write(
        dir.path().join("a.csv"),
        "\u{feff}id,event,created,n,name,empty\n1,2026-01-01 10:00:00,,1,x,\n",
    )
    .unwrap();
    fs::write(
        dir.path().join("b.csv"),
        "event,id,n,name,created,empty\n2026-01-01T12:00:00.250+02:00,1,2.5,\"y, z\",2026-01-01,\n2026-01-01T11:00:00,2,,7,,\n",
    )
    .unwrap();
    let spec = SourceSpec::new("stats", dir.path().to_str().unwrap(), Format::Csv);
    let source = Arc::new(Source::open(&spec, &RequestContext::local()).unwrap());
    let types: Vec<_> =
        source.schema().fields().iter().map(|f| format!("{} {}", f.name(), f.data_type())).collect();
    assert_eq!(
        types,
        ["id Int64", "event Timestamp(ms)", "created Date32", "n Float64", "name Utf8", "empty Utf8"]
    );

    let at = 1_767_265_200_000_000; // 2026-01-01T11:00:00Z
    let spine =
        spine(vec![batch(vec![("id", ints([1, 2, 1])), ("time", times([at, at, at - 3_599_750_001]))])]);
    let found = join(&spine, view(&["id"], &["n", "name"]), &source).unwrap().next().unwrap().unwrap();
    let names: ArrayRef = Arc::new(StringArray::from(vec!["y, z", "7", "x"]));
    assert_eq!(found.column(1), &names);
    assert!(found.column(0).is_null(1));
}

#[test]
fn csv_text_columns_keep_leading_zeros() {
    let dir = temp();
    fs::write(dir.path().join("a.csv"), "id,event,zip\n1,2026-01-01T00:00:00,00123\n").unwrap();
    let mut spec = SourceSpec::new("stats", dir.path().join("a.csv").to_str().unwrap(), Format::Csv);
    spec.text_columns = vec!["zip".into()];
    let source = Source::open(&spec, &RequestContext::local()).unwrap();
    assert_eq!(source.schema().field_with_name("zip").unwrap().data_type(), &arrow_schema::DataType::Utf8);
}

#[test]
fn a_list_of_paths_is_read_in_its_order() {
    let dir = temp();
    let first = write_parquet(&dir.path().join("z.parquet"), &rows(&[1]), 9);
    let mut second = rows(&[1]);
    second = RecordBatch::try_new(second.schema(), [&second.columns()[..3], &[ints([2])]].concat()).unwrap();
    write_parquet(&dir.path().join("a.d/x.parquet"), &second, 9);
    let mut spec = SourceSpec::new("stats", first.to_str().unwrap(), Format::Parquet);
    spec.paths.push(dir.path().join("a.d").to_str().unwrap().into());
    let source = Arc::new(Source::open(&spec, &RequestContext::local()).unwrap());
    let spine = spine(vec![batch(vec![("driver", ints([1])), ("time", times([1]))])]);
    assert_eq!(column(join(&spine, view(&["driver"], &["value"]), &source).unwrap(), "value"), [Some(2)]);
}

#[test]
fn files_may_order_their_columns_and_size_their_keys_differently() {
    let dir = temp();
    write_parquet(&dir.path().join("a.parquet"), &rows(&[1, 2]), 9);
    let other = batch(vec![
        ("value", ints([30])),
        ("extra", texts(["x"])),
        ("event", texts(["1970-01-01T00:00:00.000003Z"])),
        ("driver", Arc::new(Int32Array::from(vec![3]))),
        ("created", times([3])),
    ]);
    write_parquet(&dir.path().join("b.parquet"), &other, 9);
    let source = open(dir.path()).unwrap();
    let spine = spine(vec![batch(vec![("driver", ints([2, 3])), ("time", times([9, 9]))])]);
    assert_eq!(
        column(join(&spine, view(&["driver"], &["value"]), &source).unwrap(), "value"),
        [Some(2), Some(30)]
    );
}

#[test]
fn a_feature_of_another_type_or_missing_in_one_file_names_it() {
    let dir = temp();
    write_parquet(&dir.path().join("a.parquet"), &rows(&[1]), 9);
    let columns = rows(&[1]).columns().to_vec();
    let texty = batch(vec![
        ("driver", columns[0].clone()),
        ("event", columns[1].clone()),
        ("created", columns[2].clone()),
        ("value", texts(["x"])),
    ]);
    let odd = write_parquet(&dir.path().join("b.parquet"), &texty, 9);
    let spine = spine(vec![batch(vec![("driver", ints([1])), ("time", times([1]))])]);
    let refused =
        || join(&spine, view(&["driver"], &["value"]), &open(dir.path()).unwrap()).map(drop).unwrap_err();
    let error = refused();
    assert_eq!((error.get("file"), error.get("column")), (odd.to_str(), Some("value")));
    assert_eq!((error.get("type"), error.get("expected")), (Some("Utf8"), Some("Int64")));
    write_parquet(&odd, &texty.project(&[0, 1, 2]).unwrap(), 9);
    assert!(refused().to_string().starts_with("the schema differs between files (source: stats, file: "));
}

#[test]
fn damaged_files_are_named_and_never_panic() {
    let dir = temp();
    let path = write_parquet(&dir.path().join("x.parquet"), &rows(&(0..500).collect::<Vec<_>>()), 100);
    let whole = fs::read(&path).unwrap();
    for length in [0, 3, 12, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!((error.kind(), error.get("file")), (Kind::Invalid, path.to_str()), "{length} bytes");
    }
    // A footer that is whole over pages that are not.
    let spine = spine(vec![batch(vec![("driver", ints([250])), ("time", times([900]))])]);
    for flip in (4..whole.len() - 1200).step_by(97) {
        let mut bad = whole.clone();
        bad[flip] ^= 0x5a;
        fs::write(&path, &bad).unwrap();
        let found = open(&path)
            .and_then(|source| join(&spine, view(&["driver"], &["value"]), &source))
            .and_then(|joined| joined.collect::<provender_core::Result<Vec<_>>>());
        if let Err(error) = found {
            assert!(error.get("file").is_some() && error.kind() == Kind::Invalid, "{error:?}");
        }
    }
    fs::write(dir.path().join("y.csv"), "").unwrap();
    assert!(message(&dir.path().join("y.csv")).contains("the CSV file is empty"));
    fs::write(dir.path().join("y.csv"), "a,b\n1,2\n3\n").unwrap();
    assert!(message(&dir.path().join("y.csv")).contains("not a readable CSV file"));
}

#[test]
fn missing_and_empty_places_say_so() {
    let dir = temp();
    let missing = open(&dir.path().join("nowhere.parquet")).unwrap_err();
    assert_eq!((missing.kind(), missing.get("source")), (Kind::NotFound, Some("stats")));
    assert!(message(dir.path()).contains("there is no file"));
}

#[test]
fn a_text_time_that_is_none_names_the_file() {
    let dir = temp();
    let columns = rows(&[1]).columns().to_vec();
    let bad = batch(vec![
        ("driver", columns[0].clone()),
        ("event", texts(["soon"])),
        ("created", columns[2].clone()),
        ("value", columns[3].clone()),
    ]);
    let source = open(&write_parquet(&dir.path().join("x.parquet"), &bad, 9)).unwrap();
    let spine = spine(vec![batch(vec![("driver", ints([1])), ("time", times([1]))])]);
    let error = join(&spine, view(&["driver"], &["value"]), &source).map(drop).unwrap_err();
    assert_eq!(
        (error.get("value"), error.get("column"), error.get("source")),
        (Some("soon"), Some("event"), Some("stats"))
    );
    assert!(error.get("file").unwrap().ends_with("x.parquet"));
}

/// A disk that counts the bytes it hands out and fails on demand.
#[derive(Debug, Default)]
struct Watched {
    bytes: Arc<AtomicU64>,
    fail: bool,
}

#[derive(Debug)]
struct WatchedFile(Arc<dyn ReadAt>, Arc<AtomicU64>);

impl Storage for Watched {
    fn list(&self, path: &str) -> provender_core::Result<Vec<StoredFile>> {
        LocalDisk.list(path)
    }

    fn is_folder(&self, path: &str) -> provender_core::Result<bool> {
        LocalDisk.is_folder(path)
    }

    fn open(&self, file: &StoredFile) -> provender_core::Result<Arc<dyn ReadAt>> {
        let bytes = if self.fail { Arc::new(AtomicU64::new(u64::MAX / 2)) } else { Arc::clone(&self.bytes) };
        Ok(Arc::new(WatchedFile(LocalDisk.open(file)?, bytes)))
    }
}

impl ReadAt for WatchedFile {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if self.1.fetch_add(length as u64, Ordering::Relaxed) > u64::MAX / 4 {
            return Err(io::Error::other("the disk is gone"));
        }
        self.0.read_at(offset, length)
    }
}

#[test]
fn what_is_pruned_or_lost_is_never_read() {
    let dir = temp();
    let table = rows(&(0..60_000).collect::<Vec<_>>());
    let path = write_pages(&dir.path().join("x.parquet"), &table, 6_000, 20_000);
    let storage = Watched::default();
    let bytes = Arc::clone(&storage.bytes);
    let mut spec = SourceSpec::new("stats", path.to_str().unwrap(), Format::Parquet);
    spec.storage = Arc::new(storage);
    let source = Arc::new(Source::open(&spec, &RequestContext::local()).unwrap());
    let spine = spine(vec![batch(vec![("driver", ints([100])), ("time", times([5_000]))])]);
    bytes.store(0, Ordering::Relaxed);
    assert_eq!(column(join(&spine, view(&["driver"], &["value"]), &source).unwrap(), "value"), [Some(100)]);
    let (read, size) = (bytes.load(Ordering::Relaxed), fs::metadata(&path).unwrap().len());
    assert!(read < size / 5, "{read} of {size} bytes read for one of ten row groups");
}

#[test]
fn a_failing_disk_is_unavailable() {
    let dir = temp();
    let path = write_parquet(&dir.path().join("x.parquet"), &rows(&[1]), 9);
    let mut spec = SourceSpec::new("stats", path.to_str().unwrap(), Format::Parquet);
    spec.storage = Arc::new(Watched { fail: true, ..Watched::default() });
    let error = Source::open(&spec, &RequestContext::local()).unwrap_err();
    assert_eq!((error.kind(), error.get("file")), (Kind::Unavailable, path.to_str()));
}
