//! What DynamoDB limits: the size of an answer, the length of an expression, the words in it.

use crate::common::{Row, found, keys, read_of, row, string, write_of};
use crate::table::Table;
use provender_core::online::{OnlineRead, ViewRead};
use provender_core::{OnlineStore, RequestContext};
use provender_dynamodb::WriteMode;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// 80 items of 300 kB are more than the 16 MB of one answer: DynamoDB leaves the rest unprocessed.
pub(crate) fn large_answers(runtime: &Runtime, table: &Arc<Table>) {
    runtime.block_on(async {
        let store = table.store_with(|config| config.write_mode = WriteMode::Overwrite).await;
        let large = |id: i64| -> Row {
            let mut row = row(&table.view, id, 10, "x");
            // A string of four bytes, then an unknown field that fills it up.
            row.3[0] = [string(&format!("{id:04}")), vec![0; 300_000]].concat();
            row
        };
        for ids in (0..80).collect::<Vec<i64>>().chunks(20) {
            let rows: Vec<Row> = ids.iter().map(|id| large(*id)).collect();
            store.write(write_of(&table.view, &rows, RequestContext::local())).await.unwrap();
        }
        let read = read_of(&table.view, 0..81, RequestContext::local());
        let rows = store.read(&read).await.unwrap().views.remove(0);
        for id in 0..80 {
            assert_eq!(rows.cell(id, 0), Some(&large(id as i64).3[0][..]), "{id}");
        }
        assert_eq!(rows.time(80), None);
    });
}

pub(crate) fn wide_views(runtime: &Runtime, table: &Arc<Table>) {
    let names: Vec<String> = (0..1000).map(|i| format!("feature.{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    runtime.block_on(async {
        let wide = table.other(&names).await;
        let mut one = row(&wide.view, 1, 10, "");
        one.3 = (0..1000).map(|i| string(&i.to_string())).collect();
        wide.write(&[one]).await;
        for count in [1, 300, 379, 380, 381, 382, 383, 900, 1000] {
            let features: Vec<usize> = (0..count).rev().collect();
            let rows = read(&wide, &features).await;
            for (column, feature) in features.iter().enumerate() {
                assert_eq!(
                    rows.cell(0, column),
                    Some(&string(&feature.to_string())[..]),
                    "{feature} of {count}"
                );
            }
        }
    });
}

pub(crate) fn reserved_words(runtime: &Runtime, table: &Arc<Table>) {
    let names = [
        "values",
        "select",
        "size",
        "a.b",
        "a[0]",
        "#v",
        ":v",
        "with space",
        "grün",
        "entity_id",
        "event_ts",
    ];
    runtime.block_on(async {
        let odd = table.other(&names).await;
        let mut one = row(&odd.view, 1, 10, "");
        one.3 = names.iter().map(|name| string(name)).collect();
        odd.write(&[one]).await;
        for (feature, name) in names.iter().enumerate() {
            assert_eq!(read(&odd, &[feature]).await.cell(0, 0), Some(&string(name)[..]), "{name}");
        }
        assert_eq!(found(&odd.store, &odd.view, &[1], RequestContext::local()).await.unwrap(), ["1=values"]);
    });
}

/// Some features of driver 1.
async fn read(table: &Table, features: &[usize]) -> provender_core::online::ViewRows {
    let view =
        ViewRead { table: Arc::clone(&table.view), features: features.into(), keys: Arc::new(keys([1])) };
    let request = OnlineRead { views: vec![view], context: RequestContext::local() };
    let store: &Arc<dyn OnlineStore> = &table.store;
    store.read(&request).await.unwrap().views.remove(0)
}
