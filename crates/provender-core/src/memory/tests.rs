use super::*;
use crate::config::StoreConfig;
use crate::model::{DataSource, Entity, FileFormat, Object, ObjectKind, Project, SourceKind};
use crate::offline::{
    AppendRequest, FeatureColumn, HistoricalRequest, KeyColumn, KnownAt, RangeRequest, Spine, ViewJoin,
    ViewReport,
};
use crate::online::{InfraChanges, OnlineRead, OnlineTable, OnlineWrite, ViewRead, WriteSummary};
use crate::registry::{Change, Version};
use crate::{EntityKeys, Kind, Providers, RequestContext, Timestamp, ValueType, timestamp_type};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
    TimestampSecondArray,
};
use futures::TryStreamExt;
use futures::executor::block_on;

fn micros(times: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(times.to_vec()).with_data_type(timestamp_type()))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

/// Key, event time, created time and value.
type HistoryRow = (Option<i64>, Option<i64>, Option<i64>, i64);

fn history(rows: &[HistoryRow]) -> RecordBatch {
    batch(vec![
        ("id", Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>())),
        ("at", micros(&rows.iter().map(|r| r.1).collect::<Vec<_>>())),
        ("created", micros(&rows.iter().map(|r| r.2).collect::<Vec<_>>())),
        ("value", Arc::new(rows.iter().map(|r| r.3).collect::<Int64Array>())),
    ])
}

fn source() -> DataSource {
    let kind = SourceKind::File {
        path: "history".into(),
        format: FileFormat::Parquet,
        s3_endpoint_override: String::new(),
    };
    DataSource::new("history", kind)
}

fn key() -> KeyColumn {
    KeyColumn { name: "id".into(), column: "id".into(), value_type: ValueType::UNKNOWN }
}

fn value() -> FeatureColumn {
    FeatureColumn { name: "v".into(), column: "value".into(), value_type: ValueType::UNKNOWN }
}

fn filled() -> MemoryOffline {
    let store = MemoryOffline::new();
    let rows = [
        (Some(1), Some(1_000_000), None, 10),
        (Some(1), Some(2_000_000), Some(9_000_000), 11),
        (Some(1), Some(2_000_000), Some(2_500_000), 12),
        (Some(2), None, None, 20),
        (None, Some(1_000_000), None, 30),
    ];
    store.insert("history", &[history(&rows[..2]), history(&rows[2..])]).unwrap();
    store
}

fn join(
    store: &MemoryOffline,
    view: ViewJoin,
    spine: &RecordBatch,
) -> crate::Result<(Vec<Option<i64>>, ViewReport)> {
    let spine = Spine::new(spine.schema(), vec![spine.clone()], "t");
    let context = RequestContext::local();
    let request = HistoricalRequest {
        spine: Arc::new(spine),
        views: vec![view],
        max_memory: None,
        spill_folder: None,
        context,
    };
    block_on(async {
        let job = store.historical(request).await?;
        let mut found = job.run().await?;
        let batches: Vec<RecordBatch> = found.batches.try_collect().await?;
        let values = batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().iter()).collect();
        Ok((values, found.report.views.remove(0)))
    })
}

fn view() -> ViewJoin {
    ViewJoin {
        name: "view".into(),
        source: source(),
        keys: vec![key()],
        features: vec![value()],
        event_column: "at".into(),
        created_column: Some("created".into()),
        ttl: None,
        known_at: KnownAt::Event,
    }
}

/// Entity rows with keys of another width and times of another unit than the history's.
fn spine() -> RecordBatch {
    batch(vec![
        ("id", Arc::new(Int32Array::from(vec![Some(1), Some(1), Some(2), None, Some(1), Some(1)]))),
        (
            "t",
            Arc::new(TimestampSecondArray::from(vec![Some(3), Some(1), Some(3), Some(3), Some(0), Some(9)])),
        ),
    ])
}

#[test]
fn newest_row_at_or_before_the_time_wins() {
    let (values, report) = join(&filled(), view(), &spine()).unwrap();
    assert_eq!(values, [Some(11), Some(10), None, None, None, Some(11)]);
    let expected = ViewReport { name: "view".into(), matched: 3, unmatched: 3, expired: 0, leaked: Some(1) };
    assert_eq!(report, expected);
    let (values, report) = join(&filled(), ViewJoin { ttl: Some(1_000_000), ..view() }, &spine()).unwrap();
    assert_eq!(values, [Some(11), Some(10), None, None, None, None]);
    assert_eq!(report.expired, 1);
    let known = ViewJoin { known_at: KnownAt::Created, ..view() };
    assert_eq!(join(&filled(), known, &spine()).unwrap().0, [Some(12), Some(10), None, None, None, Some(11)]);
}

#[test]
fn missing_or_ill_typed_columns_are_named() {
    let error = join(&filled(), ViewJoin { event_column: "value".into(), ..view() }, &spine()).unwrap_err();
    assert_eq!((error.get("source"), error.get("field")), (Some("history"), Some("value")));
    let error =
        join(&filled(), ViewJoin { created_column: Some("nobody".into()), ..view() }, &spine()).unwrap_err();
    assert_eq!((error.kind(), error.get("field")), (Kind::Invalid, Some("nobody")));
    assert_eq!(join(&MemoryOffline::new(), view(), &spine()).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn scans_count_and_leave_out_null_keys() {
    let store = filled();
    let request = RangeRequest {
        source: source(),
        keys: vec![key()],
        features: vec![value()],
        event_column: "at".into(),
        created_column: None,
        start: Timestamp(1_000_000),
        end: Timestamp(2_000_000),
        context: RequestContext::local(),
    };
    block_on(async {
        let scan = store.latest(request.clone()).await.unwrap();
        let rows: Vec<RecordBatch> = scan.batches.try_collect().await.unwrap();
        assert_eq!(rows[0].num_rows(), 1);
        assert_eq!(rows[0]["v"].as_primitive::<Int64Type>().value(0), 12);
        assert_eq!(rows[0]["event_timestamp"].data_type(), &timestamp_type());
        assert_eq!(scan.counters.null_keys(), 1);
        let scan = store.range(request).await.unwrap();
        let rows: Vec<RecordBatch> = scan.batches.try_collect().await.unwrap();
        assert_eq!((rows[0].num_rows(), scan.counters.null_keys()), (4, 0));
    });
}

#[test]
fn appended_rows_are_the_later_ones() {
    let store = filled();
    let append = |rows: RecordBatch| AppendRequest {
        source: source(),
        batches: vec![rows],
        context: RequestContext::local(),
    };
    let turned = history(&[(Some(1), Some(2_000_000), Some(9_000_000), 13)]).project(&[3, 2, 1, 0]).unwrap();
    assert_eq!(block_on(store.append(append(turned))).unwrap(), 1);
    assert_eq!(join(&store, view(), &spine()).unwrap().0[0], Some(13));
    let error = block_on(store.append(append(spine()))).unwrap_err();
    assert_eq!((error.kind(), error.get("field")), (Kind::Invalid, Some("t")));
}

fn table(features: &[&str]) -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "p".into(),
        view: "v".into(),
        join_keys: vec!["id".into()],
        features: features.iter().map(|name| (name.to_string(), ValueType::INT64)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

/// Rows of a key, event time, created time and the value of every feature.
fn write(
    store: &MemoryOnline,
    table: &Arc<OnlineTable>,
    rows: &[(&str, i64, Option<i64>, &str)],
) -> crate::Result<WriteSummary> {
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("entity_key".into(), Arc::new(BinaryArray::from_iter_values(rows.iter().map(|r| r.0)))),
        ("event_timestamp".into(), micros(&rows.iter().map(|r| Some(r.1)).collect::<Vec<_>>())),
        ("created_timestamp".into(), micros(&rows.iter().map(|r| r.2).collect::<Vec<_>>())),
    ];
    for (name, _) in &table.features {
        columns.push((name.clone(), Arc::new(BinaryArray::from_iter_values(rows.iter().map(|r| r.3)))));
    }
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    block_on(store.write(OnlineWrite { table: Arc::clone(table), rows, context: RequestContext::local() }))
}

/// The first feature of keys, and its times.
fn read(store: &MemoryOnline, table: &Arc<OnlineTable>, keys: &[&str]) -> Vec<Option<(i64, Option<String>)>> {
    let keys: EntityKeys = keys.iter().collect();
    let view = ViewRead { table: Arc::clone(table), features: [0].into(), keys: Arc::new(keys) };
    let request = OnlineRead { views: vec![view], context: RequestContext::local() };
    let rows = block_on(store.read(&request)).unwrap().views.remove(0);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (0..rows.len()).map(|i| rows.time(i).map(|t| (t.0, rows.cell(i, 0).map(text)))).collect()
}

fn reconciled(keep: &Arc<OnlineTable>) -> MemoryOnline {
    let store = MemoryOnline::new();
    block_on(store.reconcile(&InfraChanges { keep: vec![keep.clone()], ..Default::default() })).unwrap();
    store
}

#[test]
fn online_row_is_replaced_only_if_not_older() {
    let table = table(&["a", "b"]);
    let store = reconciled(&table);
    let written =
        write(&store, &table, &[("k", 5, None, "new"), ("k", 4, Some(9), "old"), ("l", 1, None, "")]);
    assert_eq!(written.unwrap(), WriteSummary { written: 2, stale: 1 });
    let some = |time, text: &str| Some((time, Some(text.to_owned())));
    assert_eq!(read(&store, &table, &["l", "k", "m"]), [some(1, ""), some(5, "new"), None]);
    assert_eq!(write(&store, &table, &[("k", 4, Some(9), "late")]).unwrap().stale, 1);
    assert_eq!(write(&store, &table, &[("k", 5, Some(1), "corrected")]).unwrap().written, 1);
    assert_eq!(write(&store, &table, &[("k", 5, None, "uncorrected")]).unwrap().stale, 1);
    assert_eq!(write(&store, &table, &[("k", 5, Some(1), "again")]).unwrap().written, 1);
    assert_eq!(read(&store, &table, &["k"]), [some(5, "again")]);
}

#[test]
fn online_views_are_made_changed_and_dropped() {
    let (old, new) = (table(&["a", "b"]), table(&["b", "c"]));
    let store = reconciled(&old);
    write(&store, &old, &[("k", 1, None, "x")]).unwrap();
    let change = InfraChanges { alter: vec![(old.clone(), new.clone())], ..Default::default() };
    block_on(store.reconcile(&change)).unwrap();
    assert_eq!(read(&store, &new, &["k"]), [Some((1, Some("x".into())))]);
    assert_eq!(read(&store, &table(&["a"]), &["k"]), [Some((1, None))]);
    let drop = InfraChanges { drop: vec![new.clone()], ..Default::default() };
    block_on(store.reconcile(&drop)).unwrap();
    assert_eq!(write(&store, &new, &[("k", 1, None, "x")]).unwrap_err().kind(), Kind::NotFound);
    block_on(store.reconcile(&drop)).unwrap();
}

#[test]
fn online_rows_of_other_columns_are_refused() {
    let store = reconciled(&table(&["a"]));
    let short = write(&store, &table(&[]), &[("k", 1, None, "x")]).unwrap();
    assert_eq!(short.written, 1, "a view without features has rows too");
    let rows = batch(vec![("entity_key", Arc::new(Int64Array::from(vec![1])))]);
    let write = OnlineWrite { table: table(&["a"]), rows, context: RequestContext::local() };
    assert_eq!(block_on(store.write(write)).unwrap_err().kind(), Kind::Invalid);
}

#[test]
fn registry_commits_only_at_its_base() {
    let registry = MemoryRegistry::new();
    let project = || Object::Project(Arc::new(Project { name: "p".into(), ..Default::default() }));
    let entity = |description: &str| {
        let description = description.to_owned();
        Object::Entity(Arc::new(Entity { name: "e".into(), description, ..Default::default() }))
    };
    let put = |object| Change::Put { project: "p".into(), object };
    block_on(async {
        assert_eq!(registry.snapshot().await.unwrap().0, Version::absent());
        let changes = [put(project()), put(entity("first"))];
        let first = registry.commit(&Version::absent(), &changes).await.unwrap();
        let created = registry.snapshot().await.unwrap().1.entity("p", "e").unwrap().meta.created;
        assert!(created.is_some());
        let conflict = registry.commit(&Version::absent(), &[]).await.unwrap_err();
        assert_eq!(conflict.kind(), Kind::Conflict);
        registry.commit(&first, &[put(entity("second"))]).await.unwrap();
        let (version, snapshot) = registry.snapshot().await.unwrap();
        let stored = snapshot.entity("p", "e").unwrap();
        assert_eq!((stored.description.as_str(), stored.meta.created), ("second", created));
        let delete = Change::Delete { project: "p".into(), kind: ObjectKind::Entity, name: "e".into() };
        let version = registry.commit(&version, &[delete]).await.unwrap();
        assert!(registry.snapshot().await.unwrap().1.entity("p", "e").is_err());
        registry.commit(&version, &[Change::DeleteProject("p".into())]).await.unwrap();
        assert_eq!(registry.snapshot().await.unwrap().1.project_names().count(), 0);
    });
}

#[test]
fn memory_is_a_type_of_store() {
    let providers =
        Providers::default().with::<MemoryOffline>().with::<MemoryOnline>().with::<MemoryRegistry>();
    let context = OpenContext::new("p", "/");
    block_on(async {
        let memory = StoreConfig::new("memory");
        providers.open::<dyn OfflineStore>(&memory, &context).await.unwrap();
        providers.open::<dyn OnlineStore>(&memory, &context).await.unwrap();
        providers.open::<dyn Registry>(&memory, &context).await.unwrap();
        let error = providers.open::<dyn Registry>(&memory.with("path", "x"), &context).await.unwrap_err();
        assert_eq!(error.get("at"), Some("registry.path"));
    });
}
