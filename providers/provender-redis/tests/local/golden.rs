//! Hashes that Feast 0.66 wrote (`testdata/redis_dump.json`).

use crate::place::{Hash, Place, request};
use provender_core::online::{OnlineRead, OnlineTable, ViewRead};
use provender_core::{RequestContext, Timestamp, ValueType};
use provender_redis::{Layout, RedisConfig};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What Feast wrote for one key.
struct Golden {
    /// Without the project.
    entity: Vec<u8>,
    hash: Hash,
    /// By view.
    rows: BTreeMap<String, GoldenRow>,
}

#[derive(Default)]
struct GoldenRow {
    event: Option<Timestamp>,
    /// By feature.
    values: BTreeMap<String, Vec<u8>>,
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn golden() -> Vec<Golden> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/redis_dump.json");
    let dump: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    dump["keys"].as_array().unwrap().iter().map(entry).collect()
}

fn entry(key: &Value) -> Golden {
    let entity = hex(&key["key_hex"]).strip_suffix(b"interop").unwrap().to_vec();
    let mut golden = Golden { entity, hash: Hash::new(), rows: BTreeMap::new() };
    for field in key["fields"].as_array().unwrap() {
        let value = hex(&field["value_hex"]);
        golden.hash.insert(hex(&field["field_hex"]), value.clone());
        if let Some(name) = field["field_is_hash_of"].as_str() {
            let (view, feature) = name.split_once(':').unwrap();
            let row = golden.rows.entry(view.to_owned()).or_default();
            row.values.insert(feature.to_owned(), value);
        } else {
            let view = field["field_text"].as_str().unwrap().strip_prefix("_ts:").unwrap();
            let time = Timestamp::parse(field["timestamp"].as_str().unwrap()).unwrap();
            golden.rows.entry(view.to_owned()).or_default().event = Some(time);
        }
    }
    golden
}

impl GoldenRow {
    fn table(&self, place: &Place, view: &str) -> Arc<OnlineTable> {
        place.view_of(view, self.values.keys().map(|name| (name.clone(), ValueType::STRING)))
    }
}

pub(crate) async fn hashes_of_feast_are_read_value_for_value(place: Place) {
    let store = place.store(Layout::Feast).await;
    let mut cells = 0;
    for golden in golden() {
        let key = [golden.entity.as_slice(), place.project.as_bytes()].concat();
        let mut words: Vec<&[u8]> = vec![&key];
        words.extend(golden.hash.iter().flat_map(|(field, value)| [field.as_slice(), value]));
        let _: u64 = place.ask("HSET", &words).await;
        let _: u64 = place.ask("EXPIRE", &[&key, b"600"]).await;
        for (view, row) in &golden.rows {
            let table = row.table(&place, view);
            let features: Vec<usize> = (0..table.features.len()).collect();
            let keys = Arc::new([&golden.entity].into_iter().collect());
            let views = vec![ViewRead { table, features: features.into(), keys }];
            let read = OnlineRead { views, context: RequestContext::local() };
            let rows = store.read(&read).await.unwrap().views.remove(0);
            assert_eq!(rows.time(0), row.event, "{view}");
            for (i, (name, value)) in row.values.iter().enumerate() {
                assert_eq!(rows.cell(0, i), Some(value.as_slice()), "{view}:{name}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 121, "every value of the dump");
}

pub(crate) async fn rows_become_the_hashes_that_feast_writes(place: Place) {
    for created in [None, Some(7)] {
        let config = RedisConfig { key_ttl_seconds: Some(1_000_000), ..place.config() };
        let store = place.open(config).await;
        for golden in golden() {
            let key = [golden.entity.as_slice(), place.project.as_bytes()].concat();
            let _: u64 = place.ask("DEL", &[&key]).await;
            for (view, row) in &golden.rows {
                let values = row.values.values().cloned().collect();
                let rows = [(golden.entity.clone(), row.event.unwrap().0, created, values)];
                let written = store.write(request(&row.table(&place, view), &rows)).await.unwrap();
                assert_eq!((written.written, written.stale), (1, 0));
            }
            let mut hash = place.hash(&key).await;
            let ours = hash.extract_if(.., |field, _| field.starts_with(b"_cr:")).count();
            assert_eq!(ours, if created.is_some() { golden.rows.len() } else { 0 });
            assert_eq!(hash, golden.hash);
            let ttl: i64 = place.ask("TTL", &[&key]).await;
            assert!((999_900..=1_000_000).contains(&ttl), "{ttl}");
            let _: u64 = place.ask("DEL", &[&key]).await;
        }
    }
}
