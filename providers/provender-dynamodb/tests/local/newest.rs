//! `write_mode: newest` beside other writers.

use crate::common::row;
use crate::table::{DRIVER_1001, Table};
use aws_sdk_dynamodb::types::AttributeValue;
use provender_core::SECOND;
use provender_core::online::WriteSummary;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// 2026-11-20 09:00:00 UTC in seconds.
const NINE: i64 = 1_795_165_200;
const TAKEN: WriteSummary = WriteSummary { written: 1, stale: 0 };
const STALE: WriteSummary = WriteSummary { written: 0, stale: 1 };

pub(crate) fn items_of_feast(runtime: &Runtime, table: &Arc<Table>) {
    runtime.block_on(async {
        for (held, verdict) in [
            ("2026-11-20 08:59:59+00:00", TAKEN),
            ("2026-11-20 08:59:59.999999+00:00", TAKEN),
            ("2026-11-20 09:00:00+00:00", TAKEN),
            ("2026-11-20 09:00:00.000001+00:00", STALE),
            ("2026-11-20 09:00:01+00:00", STALE),
            ("2027-01-01 00:00:00+00:00", STALE),
            ("1999-12-31 23:59:59+00:00", TAKEN),
        ] {
            table.feast_writes(DRIVER_1001, held, "theirs").await;
            assert_eq!(table.write(&[row(&table.view, 1001, NINE, "ours")]).await, verdict, "{held}");
            let expected = if verdict == TAKEN { "1001=ours" } else { "1001=theirs" };
            assert_eq!(table.read(1001).await, expected, "{held}");
        }
    });
}

/// Texts of these do not compare as their times do.
pub(crate) fn other_zones(runtime: &Runtime, table: &Arc<Table>) {
    runtime.block_on(async {
        for (held, verdict) in [
            ("2026-11-20 14:30:00+05:30", TAKEN),
            ("2026-11-20 14:29:59+05:30", TAKEN),
            ("2026-11-20 14:30:01+05:30", STALE),
            ("2026-11-20 01:00:00-08:00", TAKEN),
            ("2026-11-20 01:00:00.5-08:00", STALE),
            ("2026-11-20T09:00:00+00:00", TAKEN),
            ("2026-11-20T09:00:01+00:00", STALE),
            ("2026-11-20 09:00:00.000000999+00:00", TAKEN),
            ("2026-11-20 09:00:00.000001999+00:00", STALE),
            ("2026-11-20 09:00:00", TAKEN),
            ("2026-11-20 09:00:01", STALE),
        ] {
            table.feast_writes(DRIVER_1001, held, "theirs").await;
            assert_eq!(table.write(&[row(&table.view, 1001, NINE, "ours")]).await, verdict, "{held}");
        }
    });
}

pub(crate) fn created_times(runtime: &Runtime, table: &Arc<Table>) {
    let at = |event: i64, created: Option<i64>, text: &str| {
        let mut row = row(&table.view, 1001, event, text);
        row.2 = created.map(|c| c * SECOND);
        row
    };
    runtime.block_on(async {
        assert_eq!(table.write(&[at(NINE, Some(50), "a")]).await, TAKEN);
        assert_eq!(table.write(&[at(NINE, Some(49), "b")]).await, STALE);
        assert_eq!(table.write(&[at(NINE, None, "c")]).await, STALE);
        // Feast's own update leaves our attribute, with an event time that is no longer the item's.
        let change = |event: &str| {
            let request = table.client.update_item().table_name(&table.name);
            let request = request.key("entity_id", AttributeValue::S(DRIVER_1001.to_owned()));
            let request = request.update_expression("SET event_ts = :event");
            request.expression_attribute_values(":event", AttributeValue::S(event.to_owned())).send()
        };
        change("2026-11-20 09:00:01+00:00").await.unwrap();
        assert_eq!(table.write(&[at(NINE, Some(99), "d")]).await, STALE);
        assert_eq!(table.write(&[at(NINE + 1, None, "e")]).await, TAKEN);
        // Feast's put takes it away.
        assert_eq!(table.write(&[at(NINE + 2, Some(50), "f")]).await, TAKEN);
        table.feast_writes(DRIVER_1001, "2026-11-20 09:00:02+00:00", "g").await;
        assert_eq!(table.write(&[at(NINE + 2, Some(1), "h")]).await, TAKEN);
        assert_eq!(table.read(1001).await, "1001=h");
    });
}

/// Feast writes the oldest time again and again, in another zone, so that every write of ours has to compare and may lose the race; ours only go forward.
pub(crate) fn both_kinds_of_writers(runtime: &Runtime, table: &Arc<Table>) {
    runtime.block_on(async {
        let feast = tokio::spawn({
            let table = Arc::clone(table);
            async move {
                for _ in 0..60 {
                    table.feast_writes(DRIVER_1001, "2026-11-20 01:00:00+05:30", "theirs").await;
                }
            }
        });
        let ours = (0..4).map(|writer| {
            let table = Arc::clone(table);
            tokio::spawn(async move {
                for step in 0..30 {
                    let row = row(&table.view, 1001, NINE + 4 * step + writer, "ours");
                    table.write(&[row]).await;
                }
            })
        });
        let ours: Vec<_> = ours.collect();
        for task in ours.into_iter().chain([feast]) {
            task.await.unwrap();
        }
        // Whoever came last, the newest of ours is taken now, and what is older than it never is.
        table.write(&[row(&table.view, 1001, NINE + 120, "newest")]).await;
        assert_eq!(table.write(&[row(&table.view, 1001, NINE + 119, "older")]).await, STALE);
        assert_eq!(table.read(1001).await, "1001=newest");
    });
}
