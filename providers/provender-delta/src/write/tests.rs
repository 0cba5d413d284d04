use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    ArrayRef, Int32Array, Int64Array, StringArray, StructArray, TimestampMicrosecondArray, record_batch,
};
use futures::stream;
use provender_core::OpenContext;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::offline::{SaveMode, SaveRequest};
use provender_join::frame;
use provender_join::storage::{StorageOptions, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table of Spark's, copied so that it can be written to.
fn copied(name: &str) -> (tempfile::TempDir, TablePlace) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/spark").join(name);
    let folder = tempfile::tempdir().unwrap();
    copy(&from, &folder.path().join("t"));
    let place = place(folder.path());
    (folder, place)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.unwrap(), to.to_owned());
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn place(folder: &Path) -> TablePlace {
    TablePlace::at("t", &OpenContext::new("p", folder), &StorageOptions::default())
}

fn source() -> DataSource {
    let kind =
        SourceKind::File { path: "t".into(), format: FileFormat::Delta, s3_endpoint_override: String::new() };
    DataSource::new("rates", kind)
}

/// Rows of the columns that most tables of Spark's have.
fn rows(ids: &[i64]) -> RecordBatch {
    let times = ids.iter().map(|id| id * 1_000_001).collect::<Vec<_>>();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("rate", Arc::new(Int32Array::from_iter_values(ids.iter().map(|_| 1)))),
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
        ("driver_id", Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| id % 4)))),
        ("event_timestamp", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn with(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().map(|f| f.name().clone()).zip(batch.columns().iter().cloned());
    let columns: Vec<_> =
        columns.filter(|(there, _)| there != name).chain([(name.to_owned(), column)]).collect();
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap()
}

fn without(batch: &RecordBatch, name: &str) -> RecordBatch {
    let kept = (0..batch.num_columns()).filter(|i| batch.schema().field(*i).name() != name);
    batch.project(&kept.collect::<Vec<_>>()).unwrap()
}

async fn appended(place: &TablePlace, batch: RecordBatch) -> Result<u64> {
    let request = AppendRequest { source: source(), batches: vec![batch], context: RequestContext::local() };
    let place = place.clone();
    run(async move { append(place, request).await }).await
}

async fn saved(place: &TablePlace, batches: Vec<Result<RecordBatch>>, mode: SaveMode) -> Result<u64> {
    saved_within(1, place, batches, mode).await
}

async fn saved_within(
    max_memory: u64,
    place: &TablePlace,
    batches: Vec<Result<RecordBatch>>,
    mode: SaveMode,
) -> Result<u64> {
    let schema = batches.iter().find_map(|batch| batch.as_ref().ok()).unwrap().schema();
    let request = SaveRequest {
        target: source(),
        schema,
        batches: Box::pin(stream::iter(batches)),
        mode,
        max_memory: Some(max_memory),
        context: RequestContext::local(),
    };
    let place = place.clone();
    run(async move { save(place, request).await }).await
}

/// The actions of a version.
fn actions(place: &TablePlace, version: u64) -> Vec<Value> {
    let path = format!("{}/_delta_log/{version:020}.json", place.path);
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'a>(actions: &'a [Value], kind: &str) -> Vec<&'a Value> {
    actions.iter().filter_map(|action| action.get(kind)).collect()
}

fn stats(add: &Value) -> Value {
    serde_json::from_str(add["stats"].as_str().unwrap()).unwrap()
}

/// The Parquet files below a table.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("_delta_log") {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "parquet") {
            found.push(path);
        }
    }
    found
}

async fn newest(place: &TablePlace) -> Table {
    let place = place.clone();
    run(async move { Table::open(&place, At::Newest).await }).await.unwrap()
}

/// Files of the newest version.
async fn live(place: &TablePlace) -> Vec<String> {
    let table = newest(place).await;
    run(async move {
        use futures::TryStreamExt;
        let views = table.snapshot.file_views(&table.log_store, None);
        let paths = views.map_ok(|view| view.path().to_string()).try_collect::<Vec<_>>();
        Ok(paths.await.unwrap())
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn appended_rows_are_one_file_and_one_commit_with_statistics() {
    let (_folder, place) = copied("required");
    let before = newest(&place).await.version();
    assert_eq!(appended(&place, rows(&[7, 9, 8])).await.unwrap(), 3);
    let actions = actions(&place, before + 1);
    assert_eq!(actions[0]["commitInfo"]["operation"], "WRITE");
    let adds = of_kind(&actions, "add");
    let stats = stats(adds[0]);
    assert_eq!((adds.len(), &stats["numRecords"]), (1, &3.into()));
    assert_eq!((&stats["minValues"]["id"], &stats["maxValues"]["id"]), (&7.into(), &9.into()));
    // Milliseconds, rounded outwards.
    assert_eq!(stats["minValues"]["event_timestamp"], "1970-01-01T00:00:07.000Z");
    assert_eq!(stats["maxValues"]["event_timestamp"], "1970-01-01T00:00:09.001Z");
    assert_eq!(stats["nullCount"]["rate"], 0);
    let path = format!("{}/{}", place.path, adds[0]["path"].as_str().unwrap());
    let frame = frame::read(&path).unwrap();
    assert_eq!(frame.rows(), 3);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), adds[0]["size"].as_u64().unwrap());
}

#[tokio::test]
async fn all_of_many_concurrent_appends_land_and_checkpoints_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    saved(&place, vec![Ok(rows(&[0]))], SaveMode::Create).await.unwrap();
    let writer = |writer: i64| {
        let place = place.clone();
        tokio::spawn(async move {
            for n in 0..8 {
                appended(&place, rows(&[writer * 100 + n])).await.unwrap();
            }
        })
    };
    futures::future::try_join_all((1..=16).map(writer)).await.unwrap();
    let table = newest(&place).await;
    assert_eq!(table.version(), 128);
    let live = live(&place).await;
    let ids = live.iter().map(|path| {
        let frame = frame::read(format!("{}/{path}", place.path)).unwrap();
        frame.into_batch().unwrap().column_by_name("id").unwrap().as_primitive::<Int64Type>().value(0)
    });
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    let mut expected: Vec<i64> = (1..=16).flat_map(|w| (0..8).map(move |n| w * 100 + n)).chain([0]).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    assert!(folder.path().join("t/_delta_log/00000000000000000100.checkpoint.parquet").exists());
}

#[tokio::test]
async fn rows_of_a_partitioned_table_are_a_file_a_partition() {
    let (_folder, place) = copied("partitioned");
    let n = 4;
    let batch = rows(&[1, 2, 3, 4]);
    let regions: StringArray = [Some("eu"), Some("a/b=c %é"), None, Some("eu")].into_iter().collect();
    let batch = with(&batch, "region", Arc::new(regions));
    let batch = with(&batch, "day", Arc::new(StringArray::from(vec!["2024-02-29"; n])));
    let batch = with(&batch, "amount", Arc::new(StringArray::from(vec!["-12.50"; n])));
    let times = TimestampMicrosecondArray::from(vec![1_704_067_200_123_456; n]).with_timezone("UTC");
    let batch = with(&batch, "at", Arc::new(times));
    appended(&place, batch).await.unwrap();
    let actions = actions(&place, 2);
    let adds = of_kind(&actions, "add");
    let found: BTreeMap<_, _> = adds
        .iter()
        .map(|add| (add["partitionValues"]["region"].as_str(), stats(add)["numRecords"].as_u64().unwrap()))
        .collect();
    assert_eq!(found, BTreeMap::from([(None, 1), (Some("eu"), 2), (Some("a/b=c %é"), 1)]));
    let values = &adds[0]["partitionValues"];
    assert_eq!(values["day"], "2024-02-29");
    assert_eq!(values["amount"], "-12.50");
    assert_eq!(values["at"], "2024-01-01T00:00:00.123456Z");
    let live = live(&place).await;
    for add in &adds {
        let path = add["path"].as_str().unwrap().replace("%25", "%");
        assert!(Path::new(&place.path).join(&path).exists() && live.contains(&path), "{path}");
    }
}

#[tokio::test]
async fn files_of_a_mapped_table_have_physical_names_and_field_numbers() {
    for name in ["mapped_name", "mapped_id"] {
        let (_folder, place) = copied(name);
        let batch = rows(&[100, 101]);
        let rate = batch.column_by_name("rate").unwrap().clone();
        let batch = with(&without(&batch, "rate"), "conv rate", rate);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
        let batch = with(&with(&batch, "odd name,;{}", texts.clone()), "gone", texts.clone());
        let batch = with(&batch, "shard", Arc::new(Int64Array::from(vec![7, 7])));
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let pair = StructArray::try_from(vec![("aa", numbers), ("b", texts)]).unwrap();
        let batch = with(&batch, "s", Arc::new(pair));
        let before = newest(&place).await.version();
        appended(&place, batch).await.unwrap();
        let actions = actions(&place, before + 1);
        let add = of_kind(&actions, "add")[0];
        let schema = frame::read(format!("{}/{}", place.path, add["path"].as_str().unwrap())).unwrap().schema;
        assert!(schema.field_with_name("conv rate").is_err(), "{name}: {schema:?}");
        let table = newest(&place).await;
        let layout = Layout::of(&table.snapshot).unwrap();
        let stored: Vec<_> = layout.columns.iter().map(|c| c.stored.name().clone()).collect();
        assert_eq!(schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>(), stored);
        assert!(schema.fields().iter().all(|f| f.metadata().contains_key("PARQUET:field_id")), "{schema:?}");
        let partition = layout.partitions[0].stored.name();
        assert_eq!(add["partitionValues"][partition], "7");
    }
}

#[tokio::test]
async fn tables_that_ask_for_more_than_is_kept_are_refused_by_name() {
    let refused = [
        ("checked", "checkConstraints"),
        ("generated", "generatedColumns"),
        ("identity", "identityColumns"),
        ("row_tracking", "rowTracking"),
        ("in_commit_time", "inCommitTimestamp"),
    ];
    for (name, feature) in refused {
        let (_folder, place) = copied(name);
        let before = newest(&place).await.version();
        let error = appended(&place, rows(&[1])).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.get("feature")),
            (Kind::Unsupported, Some(feature)),
            "{name}: {error}"
        );
        assert_eq!(error.get("table"), Some(place.path.as_str()));
        assert_eq!(newest(&place).await.version(), before);
    }
    for name in ["append_only", "change_feed", "clustered", "required"] {
        let (_folder, place) = copied(name);
        let before = newest(&place).await.version();
        appended(&place, rows(&[1])).await.unwrap();
        assert_eq!(newest(&place).await.version(), before + 1, "{name}");
    }
}

#[tokio::test]
async fn rows_that_do_not_fit_are_refused_by_table_and_column_and_leave_nothing() {
    let (folder, place) = copied("required");
    let good = rows(&[1]);
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["much"]));
    let wrong = [
        (without(&good, "rate"), "rate"),
        (with(&good, "tip", nulls.clone()), "tip"),
        (with(&good, "rate", texts), "rate"),
        (with(&good, "id", nulls), "id"),
    ];
    let before = files(folder.path()).len();
    for (batch, column) in wrong {
        let error = appended(&place, batch).await.unwrap_err();
        assert_eq!((error.kind(), error.get("column")), (Kind::Invalid, Some(column)), "{error}");
        assert_eq!((error.get("table"), error.get("source")), (Some(place.path.as_str()), Some("rates")));
    }
    assert_eq!(files(folder.path()).len(), before);
}

#[tokio::test]
async fn a_saved_table_is_one_commit_of_all_its_files_and_modes_do_as_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let some = |ids: &[&[i64]]| ids.iter().map(|ids| Ok(rows(ids))).collect::<Vec<_>>();
    assert_eq!(saved(&place, some(&[&[1, 2], &[3]]), SaveMode::Create).await.unwrap(), 3);
    assert_eq!((newest(&place).await.version(), live(&place).await.len()), (0, 2));
    let again = saved(&place, some(&[&[1]]), SaveMode::Create).await.unwrap_err();
    assert_eq!(again.kind(), Kind::AlreadyExists);
    saved(&place, some(&[&[4]]), SaveMode::Append).await.unwrap();
    assert_eq!((newest(&place).await.version(), live(&place).await.len()), (1, 3));
    saved(&place, some(&[&[5]]), SaveMode::Overwrite).await.unwrap();
    let last = actions(&place, 2);
    assert_eq!((of_kind(&last, "remove").len(), of_kind(&last, "add").len()), (3, 1));
    assert_eq!((live(&place).await.len(), of_kind(&last, "metaData").len()), (1, 0));
    // Other columns replace those of the table, in the same commit.
    let other = record_batch!(("label", Utf8, ["a"])).unwrap();
    saved(&place, vec![Ok(other)], SaveMode::Overwrite).await.unwrap();
    let table = newest(&place).await;
    assert_eq!(table.snapshot.schema().fields().map(|f| f.name().clone()).collect::<Vec<_>>(), ["label"]);
    let misfit = saved(&place, some(&[&[6]]), SaveMode::Append).await.unwrap_err();
    assert_eq!((misfit.kind(), misfit.get("column")), (Kind::Invalid, Some("rate")));
}

#[tokio::test]
async fn a_save_that_fails_midway_leaves_no_table_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let broken = vec![Ok(rows(&[1])), Ok(rows(&[2])), Err(Error::unavailable("the source is gone"))];
    let error = saved(&place, broken, SaveMode::Create).await.unwrap_err();
    assert_eq!(error.message(), "the source is gone");
    assert!(files(folder.path()).is_empty());
    let empty: Vec<Result<RecordBatch>> = vec![Ok(RecordBatch::new_empty(rows(&[1]).schema()))];
    assert_eq!(saved(&place, empty, SaveMode::Create).await.unwrap(), 0);
    assert_eq!((newest(&place).await.version(), live(&place).await.len()), (0, 0));
}

#[tokio::test]
async fn an_append_only_table_is_not_overwritten() {
    let (_folder, place) = copied("append_only");
    let error = saved(&place, vec![Ok(rows(&[1]))], SaveMode::Overwrite).await.unwrap_err();
    assert_eq!((error.kind(), error.get("feature")), (Kind::Unsupported, Some("appendOnly")));
}

#[tokio::test]
async fn a_checkpoint_is_written_when_the_table_says_so_and_holds_what_was_there() {
    for name in ["checkpointed", "checkpointed_v2"] {
        let (_folder, place) = copied(name);
        let (first, before) = (newest(&place).await.version(), live(&place).await.len());
        for id in 100..104 {
            appended(&place, rows(&[id])).await.unwrap();
        }
        let due = (first / 4 + 1) * 4;
        let log = Path::new(&place.path).join("_delta_log");
        let made =
            std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let made: Vec<_> = made.filter(|n| n.starts_with(&format!("{due:020}.checkpoint"))).collect();
        assert_eq!(made.len(), 1, "{name}: {made:?}");
        // The log before the checkpoint is not needed any more.
        for version in 0..due {
            std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
        }
        assert_eq!(live(&place).await.len(), before + 4, "{name}");
    }
}

#[tokio::test]
async fn parts_of_one_large_batch_fill_files_by_their_own_size() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path());
    let large = rows(&(0..64_000).collect::<Vec<_>>());
    let bytes = large.get_array_memory_size() as u64;
    let parts: Vec<_> = (0..64).map(|part| Ok(large.slice(part * 1_000, 1_000))).collect();
    let rows = saved_within(bytes * 2, &place, parts, SaveMode::Create).await.unwrap();
    // A file holds a quarter of the memory, which here is half of the rows; one column grows from four bytes to eight.
    assert!((2..=3).contains(&live(&place).await.len()), "{:?}", live(&place).await);
    assert_eq!(rows, 64_000);
}
