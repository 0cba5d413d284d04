//! Items that Feast 0.66 wrote (`testdata/`): ours are the same, and theirs are read.

use crate::common::{Row, guarded, keep, write_of};
use crate::fake::Fake;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provender_core::online::{OnlineRead, OnlineTable, ViewRead};
use provender_core::{EntityKeys, RequestContext, Timestamp, ValueType};
use provender_dynamodb::WriteMode;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What Feast stored.
pub(crate) fn golden() -> Value {
    testdata("dynamodb_items.json")
}

fn testdata(file: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// Entity keys by their names.
fn keys() -> BTreeMap<String, Vec<u8>> {
    let all = testdata("entity_ids.json");
    let pair = |pair: &Value| (pair[1].as_str().unwrap().to_owned(), hex(&pair[0]));
    all["keys"].as_array().unwrap().iter().map(pair).collect()
}

/// One recorded table: its view and its items, as DynamoDB sends them.
struct Golden {
    name: String,
    view: Arc<OnlineTable>,
    items: Vec<Value>,
}

fn tables() -> Vec<Golden> {
    golden()["tables"].as_object().unwrap().iter().map(|(name, table)| of(name, &table["items"])).collect()
}

fn of(name: &str, items: &Value) -> Golden {
    let items: Vec<Value> = items.as_array().unwrap().iter().map(wire).collect();
    let values = items.iter().flat_map(|item| item["values"]["M"].as_object().unwrap().keys());
    let features: BTreeSet<&String> = values.collect();
    let (project, view) = name.split_once('.').unwrap();
    let view = OnlineTable {
        project: project.to_owned(),
        view: view.to_owned(),
        join_keys: vec!["id".to_owned()],
        features: features.into_iter().map(|f| (f.clone(), ValueType::BYTES)).collect(),
        ttl: None,
        tags: Default::default(),
    };
    Golden { name: name.to_owned(), view: Arc::new(view), items }
}

/// An item with its values in base64, as they travel, in the place of hexadecimal, as they are recorded.
fn wire(item: &Value) -> Value {
    let mut item = item.clone();
    for value in item["values"]["M"].as_object_mut().unwrap().values_mut() {
        *value = json!({"B": STANDARD.encode(hex(&value["B"]["hex"]))});
    }
    item
}

fn value(item: &Value, feature: &str) -> Option<Vec<u8>> {
    item["values"]["M"].get(feature).map(|v| STANDARD.decode(v["B"].as_str().unwrap()).unwrap())
}

fn time(item: &Value) -> Timestamp {
    Timestamp::parse(item["event_ts"]["S"].as_str().unwrap()).unwrap()
}

fn id(item: &Value) -> &str {
    item["entity_id"]["S"].as_str().unwrap()
}

#[tokio::test]
async fn items_of_feast_are_read_value_for_value() {
    let (fake, keys) = (Fake::start().await, keys());
    let store = fake.store(|_| {}).await;
    let mut cells = 0;
    for table in tables() {
        fake.put(&table.name, table.items.clone());
        let view = ViewRead {
            table: Arc::clone(&table.view),
            features: (0..table.view.features.len()).collect(),
            keys: Arc::new(table.items.iter().map(|item| &keys[id(item)]).collect::<EntityKeys>()),
        };
        let request = OnlineRead { views: vec![view], context: RequestContext::local() };
        let rows = guarded(store.read(&request)).await.unwrap().views.remove(0);
        for (row, item) in table.items.iter().enumerate() {
            assert_eq!(rows.time(row), Some(time(item)), "{item}");
            for (f, (feature, _)) in table.view.features.iter().enumerate() {
                assert_eq!(rows.cell(row, f), value(item, feature).as_deref(), "{feature} of {item}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 121);
}

#[tokio::test]
async fn items_are_stored_as_feast_stores_them() {
    let keys = keys();
    for mode in [WriteMode::Overwrite, WriteMode::Newest] {
        let fake = Fake::start().await;
        let store = fake.store(|config| config.write_mode = mode).await;
        for table in tables().into_iter().filter(|table| !table.items.is_empty()) {
            guarded(store.reconcile(&keep(&[&table.view]))).await.unwrap();
            let row = |item: &Value| -> Row {
                let value = |(feature, _): &(String, ValueType)| value(item, feature).unwrap();
                (keys[id(item)].clone(), time(item).0, None, table.view.features.iter().map(value).collect())
            };
            let rows: Vec<Row> = table.items.iter().map(row).collect();
            guarded(store.write(write_of(&table.view, &rows, RequestContext::local()))).await.unwrap();
            let mut expected = table.items.clone();
            expected.sort_by_key(|item| id(item).to_owned());
            assert_eq!(fake.items(&table.name), expected, "{} {mode:?}", table.name);
        }
    }
}
