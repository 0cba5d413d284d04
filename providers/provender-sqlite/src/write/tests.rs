//! What needs the writer's own connection.

use super::*;
use crate::database::Role;
use crate::reconcile::reconcile;
use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use provender_core::online::InfraChanges;
use provender_core::{Kind, RequestContext, ValueType};
use std::sync::Arc;

fn rows(table: &Arc<OnlineTable>, keys: std::ops::Range<u32>) -> OnlineWrite {
    let keys: Vec<_> = keys.map(u32::to_be_bytes).collect();
    let times = || TimestampMicrosecondArray::from(vec![1_000_000; keys.len()]).with_timezone("UTC");
    let value: Vec<u8> = [&[0x12, 100][..], &[b'x'; 100]].concat();
    let columns: [(&str, ArrayRef); 4] = [
        ("entity_key", Arc::new(BinaryArray::from_iter_values(&keys))),
        ("event_timestamp", Arc::new(times())),
        ("created_timestamp", Arc::new(times())),
        ("a", Arc::new(BinaryArray::from_iter_values(keys.iter().map(|_| &value)))),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    OnlineWrite { table: Arc::clone(table), rows, context: RequestContext::local() }
}

#[test]
fn full_disk_fails_the_batch_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::new(folder.path().join("x.db").into(), Role::Writer);
    let features = vec![("a".to_owned(), ValueType::STRING)];
    let (project, view, join_keys) = ("p".to_owned(), "v".to_owned(), vec!["id".to_owned()]);
    let table =
        Arc::new(OnlineTable { project, view, join_keys, features, ttl: None, tags: Default::default() });
    reconcile(&mut database, &InfraChanges { keep: vec![Arc::clone(&table)], ..Default::default() }).unwrap();
    let small = write(&mut database, WriteMode::Newest, &rows(&table, 0..10)).unwrap();
    assert_eq!(small.written, 10);

    let limit = |database: &mut Database, pages: u32| {
        let connection = database.existing().unwrap().unwrap();
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages}")).unwrap();
    };
    limit(&mut database, 50);
    let error = write(&mut database, WriteMode::Newest, &rows(&table, 10..5000)).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(error.get("path").unwrap().ends_with("x.db"));

    let count = |database: &mut Database| {
        let connection = database.existing().unwrap().unwrap();
        connection.query_row("SELECT count(*) FROM p_v", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count(&mut database), 10);
    limit(&mut database, 100_000);
    write(&mut database, WriteMode::Newest, &rows(&table, 10..5000)).unwrap();
    assert_eq!(count(&mut database), 5000);
}
