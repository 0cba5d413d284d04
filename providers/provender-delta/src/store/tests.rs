//! Tables of Spark and of deltalake, read back as they read them themselves.

use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_cast::display::array_value_to_string;
use arrow_select::concat::concat_batches;
use futures::TryStreamExt;
use provender_core::offline::{FeatureColumn, KeyColumn, KnownAt, Spine, ViewExplain, ViewJoin};
use provender_core::{Error, Kind, RequestContext, Timestamp, ValueType};
use provender_join::frame;
use std::fs;
use std::path::{Path, PathBuf};

const HOUR: i64 = 3_600_000_000;
/// The time of the fixtures' first row.
const START: i64 = 1_704_067_200_000_007;

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn store(folder: &Path) -> DeltaStore {
    DeltaStore::new(OpenContext::new("p", folder), StorageOptions::default())
}

fn source(path: &str, tags: &[(&str, &str)]) -> DataSource {
    let kind = SourceKind::File {
        path: path.into(),
        format: FileFormat::Delta,
        s3_endpoint_override: String::new(),
    };
    let mut source = DataSource::new("rates", kind);
    source.tags.extend(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    source
}

/// A copy of a table that may be damaged.
fn copied(name: &str) -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() {
                copy(&from, &to);
            } else {
                fs::copy(from, to).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy(&testdata().join(name), &folder.path().join("t"));
    folder
}

fn feature(name: &str) -> FeatureColumn {
    FeatureColumn { name: name.to_owned(), column: name.to_owned(), value_type: ValueType::UNKNOWN }
}

fn key(name: &str) -> KeyColumn {
    KeyColumn { name: name.to_owned(), column: name.to_owned(), value_type: ValueType::UNKNOWN }
}

async fn range(
    store: &DeltaStore,
    source: &DataSource,
    event: &str,
    columns: &[&str],
) -> Result<RecordBatch> {
    let request = RangeRequest {
        source: source.clone(),
        keys: Vec::new(),
        features: columns.iter().map(|name| feature(name)).collect(),
        event_column: event.to_owned(),
        created_column: None,
        start: Timestamp(i64::MIN),
        end: Timestamp(i64::MAX),
        context: RequestContext::local(),
    };
    let scan = store.range(request).await?;
    let batches: Vec<RecordBatch> = scan.batches.try_collect().await?;
    Ok(concat_batches(&scan.schema, &batches)?)
}

/// The rows as texts, by id.
fn texts(batch: &RecordBatch, columns: &[&str], event: &str) -> BTreeMap<i64, Vec<String>> {
    let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
    let has_event = |row: &usize| batch.column_by_name(event).is_none_or(|times| times.is_valid(*row));
    let text = |name: &&str, row: usize| {
        let column: &ArrayRef = batch.column_by_name(name).unwrap();
        match column.is_null(row) {
            true => "null".to_owned(),
            false => array_value_to_string(column, row).unwrap(),
        }
    };
    let rows = (0..batch.num_rows()).filter(has_event);
    rows.map(|row| (ids.value(row), columns.iter().map(|name| text(name, row)).collect())).collect()
}

#[tokio::test]
async fn tables_of_other_writers_read_as_they_read_them() {
    let mut seen = 0;
    for writer in ["spark", "deltalake"] {
        for file in fs::read_dir(testdata().join("expected").join(writer)).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            let (table, version) = name.split_once('@').map_or((name, None), |(t, v)| (t, Some(v)));
            let tags: Vec<_> = version.map(|version| ("delta_version", version)).into_iter().collect();
            let source = source(&format!("{writer}/{table}"), &tags);
            let store = store(&testdata());
            let expected = frame::read(&file).unwrap().into_batch().unwrap();
            let schema = expected.schema();
            let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let event = if columns.contains(&"event_timestamp") { "event_timestamp" } else { "h" };
            let found = range(&store, &source, event, &columns).await.unwrap();
            assert_eq!(texts(&found, &columns, event), texts(&expected, &columns, event), "{writer}/{name}");
            let known = store.schema(&source).await.unwrap();
            let names: Vec<_> = known.fields().iter().map(|field| field.name().as_str()).collect();
            assert_eq!(names, columns, "{writer}/{name}");
            seen += 1;
        }
    }
    assert!(seen >= 25, "{seen} tables");
}

fn spine(keys: &[i64], times: &[i64]) -> Arc<Spine> {
    let times = TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> =
        vec![("driver_id", Arc::new(Int64Array::from(keys.to_vec()))), ("event_timestamp", Arc::new(times))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    Arc::new(Spine::new(batch.schema(), vec![batch], "event_timestamp".to_owned()))
}

fn join(spine: Arc<Spine>, sources: &[DataSource], ttl: Option<i64>) -> HistoricalRequest {
    let view = |source: &DataSource| ViewJoin {
        name: "v".to_owned(),
        source: source.clone(),
        keys: vec![key("driver_id")],
        features: vec![feature("id")],
        event_column: "event_timestamp".to_owned(),
        created_column: None,
        ttl,
        known_at: KnownAt::Event,
    };
    HistoricalRequest {
        spine,
        views: sources.iter().map(view).collect(),
        max_memory: None,
        spill_folder: None,
        context: RequestContext::local(),
    }
}

async fn ids(store: &DeltaStore, request: HistoricalRequest) -> Vec<Option<i64>> {
    let retrieved = store.historical(request).await.unwrap().run().await.unwrap();
    let batches: Vec<RecordBatch> = retrieved.batches.try_collect().await.unwrap();
    batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn a_deleted_row_wins_nothing() {
    let store = store(&testdata());
    let expected =
        frame::read(testdata().join("expected/spark/deleted.parquet")).unwrap().into_batch().unwrap();
    let column = |name: &str| expected.column_by_name(name).unwrap();
    let (rows, drivers) =
        (column("id").as_primitive::<Int64Type>(), column("driver_id").as_primitive::<Int64Type>());
    let events = column("event_timestamp").as_primitive::<TimestampMicrosecondType>();
    let (mut keys, mut times, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    for hour in 0..82 {
        for driver in 0..4 {
            let time = START + hour * HOUR;
            let live =
                (0..rows.len()).filter(|row| drivers.value(*row) == driver && events.value(*row) <= time);
            wanted.push(live.max_by_key(|row| events.value(*row)).map(|row| rows.value(row)));
            keys.push(driver);
            times.push(time);
        }
    }
    let source = source("spark/deleted", &[]);
    assert_eq!(ids(&store, join(spine(&keys, &times), std::slice::from_ref(&source), None)).await, wanted);
    let latest = RangeRequest {
        source,
        keys: vec![key("driver_id")],
        features: vec![feature("id")],
        event_column: "event_timestamp".to_owned(),
        created_column: None,
        start: Timestamp(i64::MIN),
        end: Timestamp(i64::MAX),
        context: RequestContext::local(),
    };
    let scan = store.latest(latest).await.unwrap();
    let batches: Vec<RecordBatch> = scan.batches.try_collect().await.unwrap();
    let newest = batches.iter().flat_map(|b| b.column(1).as_primitive::<Int64Type>().values().to_vec());
    let mut newest: Vec<_> = newest.map(Some).collect();
    newest.sort_unstable();
    let mut last = wanted[wanted.len() - 4..].to_vec();
    last.sort_unstable();
    assert_eq!(newest, last);
}

async fn explained(table: &str, spine: Arc<Spine>, ttl: Option<i64>) -> ViewExplain {
    let request = join(spine, &[source(table, &[])], ttl);
    let job = store(&testdata()).historical(request).await.unwrap();
    job.explain().await.unwrap().views.remove(0)
}

#[tokio::test]
async fn files_without_rows_of_the_time_stay_unopened() {
    let told = explained("spark/plain", spine(&[1], &[START + 15 * HOUR]), Some(2 * HOUR)).await;
    assert_eq!((told.plan.as_str(), told.files), ("scan of Delta table at version 3", (3, 1)));
    let [pruned] = &told.pruned[..] else { panic!("{:?}", told.pruned) };
    assert_eq!((pruned.what, pruned.by, pruned.count), ("files", "statistics in the table's log", 2));
    assert_eq!(told.rows, (30, 10));
}

#[tokio::test]
async fn the_last_row_of_a_file_is_found_though_statistics_are_cut_to_milliseconds() {
    // The row of hour 9 is 7 microseconds after the full millisecond that the log has as the file's last.
    let request = join(spine(&[1], &[START + 9 * HOUR]), &[source("spark/plain", &[])], Some(1));
    assert_eq!(ids(&store(&testdata()), request).await, [Some(9)]);
}

#[tokio::test]
async fn files_of_other_partitions_stay_unopened() {
    let times = TimestampMicrosecondArray::from(vec![START + 100 * HOUR]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> =
        vec![("region", Arc::new(StringArray::from(vec!["a/b=c %é"]))), ("event_timestamp", Arc::new(times))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let spine = Arc::new(Spine::new(batch.schema(), vec![batch], "event_timestamp".to_owned()));
    let mut request = join(spine, &[source("spark/partitioned", &[])], None);
    request.views[0].keys = vec![key("region")];
    let store = store(&testdata());
    let told = store.historical(request.clone()).await.unwrap().explain().await.unwrap().views.remove(0);
    assert!(told.pruned.iter().any(|pruned| pruned.by == "partition values"), "{:?}", told.pruned);
    assert!(told.files.1 < told.files.0, "{:?}", told.files);
    assert_eq!(ids(&store, request).await, [Some(45)]);
}

#[tokio::test]
async fn a_table_may_be_in_a_folder_of_any_name() {
    for name in ["a b", "a%20b", "é=ü", "x#y?z"] {
        let folder = tempfile::tempdir().unwrap();
        for table in ["plain", "deleted"] {
            let copied = copied(&format!("spark/{table}"));
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::rename(copied.path().join("t"), folder.path().join(name).join(table)).unwrap();
            let source = source(&format!("{name}/{table}"), &[]);
            let found = range(&store(folder.path()), &source, "event_timestamp", &["id"]).await.unwrap();
            assert_eq!(found.num_rows(), if table == "plain" { 30 } else { 53 }, "{name}");
        }
    }
}

#[tokio::test]
async fn an_instant_means_the_version_that_was_committed_by_then() {
    let folder = copied("spark/in_commit_time");
    let store = store(folder.path());
    let newest = store.version(&source("t", &[])).await.unwrap();
    let SourceVersion::Table { version: newest, location } = newest else { panic!("{newest:?}") };
    assert!(location.ends_with("/t"));
    let at = |text: &str| source("t", &[("delta_timestamp", text)]);
    let far = store.version(&at("2100-01-01")).await.unwrap();
    assert_eq!(far, SourceVersion::Table { location, version: newest });
    let early = store.version(&at("2000-01-01")).await.unwrap_err();
    assert_eq!(early.kind(), Kind::NotFound, "{early}");
    let pinned =
        store.at_version(&at("2100-01-01"), &SourceVersion::Table { location: String::new(), version: 0 });
    let SourceVersion::Table { version, .. } = store.version(&pinned).await.unwrap() else { panic!() };
    assert_eq!(version, 0);
}

/// What reading all rows of a table says.
async fn refused(folder: &Path, tags: &[(&str, &str)]) -> Error {
    range(&store(folder), &source("t", tags), "event_timestamp", &["id"]).await.unwrap_err()
}

fn commit(folder: &Path, version: u64) -> PathBuf {
    folder.join(format!("t/_delta_log/{version:020}.json"))
}

#[tokio::test]
async fn a_gap_in_the_log_is_told() {
    let folder = copied("spark/plain");
    fs::remove_file(commit(folder.path(), 1)).unwrap();
    let error = refused(folder.path(), &[]).await;
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
    assert!(error.message().contains("gap") && error.get("table").unwrap().ends_with("/t"), "{error}");
    assert!(error.get("expected").is_some() && error.get("source") == Some("rates"));
}

#[tokio::test]
async fn versions_that_are_not_there_are_told_from_those_that_are_gone() {
    let folder = copied("spark/checkpointed");
    let never = refused(folder.path(), &[("delta_version", "999")]).await;
    assert_eq!((never.kind(), never.get("version")), (Kind::NotFound, Some("999")), "{never}");
    assert!(never.get("expected").unwrap().starts_with("at most"), "{never}");
    for version in 0..3 {
        fs::remove_file(commit(folder.path(), version)).unwrap();
    }
    let gone = refused(folder.path(), &[("delta_version", "2")]).await;
    assert_eq!(gone.kind(), Kind::NotFound, "{gone}");
    assert!(gone.message().contains("no longer"), "{gone}");
    // The checkpoint has all that the newest needs.
    assert!(range(&store(folder.path()), &source("t", &[]), "event_timestamp", &["id"]).await.is_ok());
}

#[tokio::test]
async fn a_checkpoint_in_parts_is_read_whole() {
    let folder = copied("spark/checkpointed");
    let log = folder.path().join("t/_delta_log");
    let newest = fs::read_to_string(log.join("_last_checkpoint")).unwrap();
    let newest: serde_json::Value = serde_json::from_str(&newest).unwrap();
    let (version, size) = (newest["version"].as_u64().unwrap(), newest["size"].as_u64().unwrap());
    let single = log.join(format!("{version:020}.checkpoint.parquet"));
    let rows = frame::read(&single).unwrap().into_batch().unwrap();
    let half = rows.num_rows() / 2;
    for (part, slice) in [(1, rows.slice(0, half)), (2, rows.slice(half, rows.num_rows() - half))] {
        let path = log.join(format!("{version:020}.checkpoint.{part:010}.{:010}.parquet", 2));
        frame::write(path, &slice.schema(), [Ok(slice.clone())]).unwrap();
    }
    fs::remove_file(single).unwrap();
    (0..=version).for_each(|version| fs::remove_file(commit(folder.path(), version)).unwrap());
    let last = format!(r#"{{"version":{version},"size":{size},"parts":2}}"#);
    fs::write(log.join("_last_checkpoint"), last).unwrap();
    let read = |batch: &RecordBatch| texts(batch, &["id", "rate"], "event_timestamp");
    let expected = testdata().join("expected/spark/checkpointed.parquet");
    let expected = frame::read(expected).unwrap().into_batch().unwrap();
    let found = range(&store(folder.path()), &source("t", &[]), "event_timestamp", &["id", "rate"]).await;
    assert_eq!(read(&found.unwrap()), read(&expected));
}

#[tokio::test]
async fn a_file_that_vacuum_took_is_told_with_the_version() {
    let folder = copied("spark/plain");
    let mut files = fs::read_dir(folder.path().join("t")).unwrap().map(|file| file.unwrap().path());
    let file = files.find(|file| file.extension().is_some_and(|e| e == "parquet")).unwrap();
    fs::remove_file(&file).unwrap();
    let error = refused(folder.path(), &[]).await;
    assert_eq!((error.kind(), error.get("version")), (Kind::NotFound, Some("3")), "{error}");
    assert_eq!(error.get("file"), file.to_str(), "{error}");
    assert!(error.get("expected").unwrap().contains("VACUUM"), "{error}");
}

#[tokio::test]
async fn a_deletion_vector_that_is_gone_is_told_with_its_data_file() {
    let folder = copied("spark/deleted");
    let files = fs::read_dir(folder.path().join("t")).unwrap().map(|file| file.unwrap().path());
    for file in files.filter(|file| file.extension().is_some_and(|e| e == "bin")) {
        fs::remove_file(file).unwrap();
    }
    let error = refused(folder.path(), &[]).await;
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert!(error.get("file").unwrap().ends_with(".parquet"), "{error}");
}

/// A table that asks its readers for a feature more.
fn demanding(feature: &str) -> tempfile::TempDir {
    let folder = copied("spark/deleted");
    // The checksums repeat what the table demands.
    for file in fs::read_dir(folder.path().join("t/_delta_log")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|e| e == "crc") {
            fs::remove_file(file).unwrap();
        }
    }
    let first = commit(folder.path(), 0);
    let mut text = fs::read_to_string(&first).unwrap();
    for list in ["readerFeatures", "writerFeatures"] {
        text = text.replace(&format!(r#""{list}":["#), &format!(r#""{list}":["{feature}","#));
    }
    fs::write(first, text).unwrap();
    folder
}

#[tokio::test]
async fn features_that_are_not_read_are_named() {
    for (feature, told) in [("teleportation", "teleportation"), ("catalogManaged", "managed by a catalog")] {
        let folder = demanding(feature);
        let error = refused(folder.path(), &[]).await;
        assert_eq!(error.kind(), Kind::Unsupported, "{error:?}");
        assert!(format!("{error:?}").contains(told), "{error:?}");
    }
}

#[tokio::test]
async fn no_table_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refused(folder.path(), &[]).await.kind(), Kind::NotFound);
    fs::create_dir_all(folder.path().join("t/_delta_log")).unwrap();
    let error = refused(folder.path(), &[]).await;
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert!(error.get("table").is_some() && error.get("expected").is_some(), "{error}");
}

#[tokio::test]
async fn views_of_one_table_read_one_version() {
    let store = store(&testdata());
    let sources = [source("spark/plain", &[]), source("spark/plain", &[("delta_version", "1")])];
    let sources = [sources[0].clone(), sources[1].clone(), sources[0].clone()];
    let request = join(spine(&[1], &[START + 40 * HOUR]), &sources, None);
    let told = store.historical(request).await.unwrap().explain().await.unwrap();
    let versions: Vec<_> = told.views.iter().map(|view| view.plan.as_str()).collect();
    assert_eq!(
        versions,
        [
            "scan of Delta table at version 3",
            "scan of Delta table at version 1",
            "scan of Delta table at version 3"
        ]
    );
}
