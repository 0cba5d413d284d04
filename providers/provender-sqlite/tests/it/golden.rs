//! A store that Feast 0.66 wrote, and its rows as Feast's own Python read them (`testdata/`).

use crate::common::{Row, Shop, view};
use provender_core::online::OnlineTable;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// One table of the golden file: its view and its rows, key by key, feature by feature.
struct Golden {
    name: String,
    view: Arc<OnlineTable>,
    rows: BTreeMap<Vec<u8>, BTreeMap<String, Value>>,
}

fn testdata(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file)
}

fn golden() -> Value {
    serde_json::from_slice(&std::fs::read(testdata("sqlite_rows.json")).unwrap()).unwrap()
}

fn tables() -> Vec<Golden> {
    let golden = golden();
    let tables = golden["tables"].as_object().unwrap();
    tables.iter().map(|(name, rows)| table(name, rows.as_array().unwrap())).collect()
}

fn table(name: &str, cells: &[Value]) -> Golden {
    let mut rows: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for cell in cells {
        let feature = cell["feature_name"].as_str().unwrap().to_owned();
        rows.entry(hex(&cell["entity_key"])).or_default().insert(feature, cell.clone());
    }
    let features: Vec<_> =
        rows.values().next().into_iter().flat_map(|r| r.keys().map(String::as_str)).collect();
    let mut view = OnlineTable::clone(&view(name.strip_prefix("interop_").unwrap(), &features));
    view.project = "interop".to_owned();
    Golden { name: name.to_owned(), view: Arc::new(view), rows }
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

#[test]
fn store_of_feast_reads_value_for_value() {
    let shop = Shop::new();
    std::fs::create_dir_all(shop.file().parent().unwrap()).unwrap();
    std::fs::copy(testdata("sqlite_online_store.db"), shop.file()).unwrap();
    let mut cells = 0;
    for table in tables() {
        let keys: Vec<_> = table.rows.keys().map(Vec::as_slice).collect();
        let rows = shop.read(&table.view, &keys).unwrap();
        for (i, expected) in table.rows.values().enumerate() {
            for (f, cell) in expected.values().enumerate() {
                let at = format!("{} row {i} {cell}", table.name);
                assert_eq!(rows.cell(i, f), Some(&hex(&cell["value"])[..]), "{at}");
                assert_eq!(rows.time(i).unwrap().seconds(), cell["event_ts"].as_i64().unwrap(), "{at}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 121);
}

#[test]
fn rows_are_stored_as_feast_stores_them() {
    let shop = Shop::new();
    for table in tables().into_iter().filter(|t| !t.rows.is_empty()) {
        shop.keep(&[&table.view]).unwrap();
        let rows: Vec<Row<'_>> = table
            .rows
            .iter()
            .map(|(key, cells)| {
                let first = cells.values().next().unwrap();
                let seconds = |name: &str| first[name].as_i64().map(|s| s * 1_000_000);
                let values = cells.values().map(|c| hex(&c["value"])).collect();
                (&key[..], seconds("event_ts").unwrap(), seconds("created_ts"), values)
            })
            .collect();
        assert_eq!(shop.write(&table.view, &rows).unwrap().written, rows.len() as u64);
        let (stored, expected) = (stored(&shop, &table.name), expected(&table));
        assert_eq!(stored.len(), expected.len(), "{}", table.name);
        stored.iter().zip(&expected).for_each(|(ours, feast)| assert_eq!(ours, feast, "{}", table.name));
    }
}

/// All rows of a table with all columns, by key and feature.
fn stored(shop: &Shop, table: &str) -> Vec<String> {
    let connection = shop.outside();
    let mut select = connection
        .prepare(&format!(
            "SELECT hex(entity_key), feature_name, hex(value), quote(value_text), quote(vector_value),
             typeof(event_ts), event_ts, quote(created_ts) FROM {table} ORDER BY entity_key, feature_name"
        ))
        .unwrap();
    let text = |row: &rusqlite::Row<'_>| {
        let cell = |i| row.get::<_, String>(i);
        let time: i64 = row.get(6)?;
        Ok(format!(
            "{} {} {} {} {} {} {time} {}",
            cell(0)?,
            cell(1)?,
            cell(2)?,
            cell(3)?,
            cell(4)?,
            cell(5)?,
            cell(7)?
        ))
    };
    select.query_map([], text).unwrap().map(Result::unwrap).collect()
}

fn expected(table: &Golden) -> Vec<String> {
    let line = |cell: &Value| {
        let upper = |name: &str| cell[name].as_str().unwrap().to_uppercase();
        let quoted = |name: &str| match &cell[name] {
            Value::Null => "NULL".to_owned(),
            Value::String(text) => format!("'{}'", text.replace('\'', "''")),
            other => other.to_string(),
        };
        let feature = cell["feature_name"].as_str().unwrap();
        let (key, value) = (upper("entity_key"), upper("value"));
        let (text, vector, created) = (quoted("value_text"), quoted("vector_value"), quoted("created_ts"));
        format!("{key} {feature} {value} {text} {vector} integer {} {created}", cell["event_ts"])
    };
    table.rows.values().flat_map(|cells| cells.values().map(line)).collect()
}

#[test]
fn tables_are_declared_as_feast_declares_them() {
    let shop = Shop::new();
    tables().iter().for_each(|table| shop.keep(&[&table.view]).unwrap());
    let plain = |sql: &str| sql.replace(['"', ' ', '\n'], "");
    let connection = shop.outside();
    let mut select = connection
        .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name")
        .unwrap();
    let ours: Vec<_> =
        select.query_map([], |row| row.get::<_, String>(0)).unwrap().map(|s| plain(&s.unwrap())).collect();
    let golden = golden();
    let mut feast: Vec<_> =
        golden["schema"].as_array().unwrap().iter().map(|s| plain(s.as_str().unwrap())).collect();
    feast.sort_by_key(|sql| (sql.starts_with("CREATEINDEX"), sql.clone()));
    assert_eq!(ours, feast);
}
