//! Stores on servers of the test, and short ways to say what to read.

use provender_core::config::Secret;
use provender_core::online::{OnlineRead, OnlineTable, ViewRead, ViewRows};
use provender_core::{
    EntityKeys, OnlineStore, OpenContext, Provider as _, RequestContext, Result, ValueType,
};
use provender_redis::{Redis, RedisConfig, RedisType};
use std::sync::Arc;

pub(crate) async fn open(redis_type: RedisType, connection_string: &str) -> Arc<dyn OnlineStore> {
    let config = RedisConfig {
        connection_string: Secret::new(connection_string.to_owned()),
        redis_type,
        ..RedisConfig::default()
    };
    Redis::open(config, &OpenContext::new("shop", ".")).await.unwrap()
}

/// A store on servers of this machine.
pub(crate) async fn on(redis_type: RedisType, ports: &[u16]) -> Arc<dyn OnlineStore> {
    let servers: Vec<_> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    open(redis_type, &servers.join(",")).await
}

/// A view of project `shop` with string features.
pub(crate) fn view(name: &str, features: &[&str]) -> Arc<OnlineTable> {
    Arc::new(OnlineTable {
        project: "shop".to_owned(),
        view: name.to_owned(),
        join_keys: vec!["id".to_owned()],
        features: features.iter().map(|f| ((*f).to_owned(), ValueType::STRING)).collect(),
        ttl: None,
        tags: Default::default(),
    })
}

pub(crate) fn keys(keys: &[&str]) -> Arc<EntityKeys> {
    Arc::new(keys.iter().collect())
}

/// All features of a view.
pub(crate) fn of(view: &Arc<OnlineTable>, keys: &Arc<EntityKeys>) -> ViewRead {
    let features: Vec<usize> = (0..view.features.len()).collect();
    ViewRead { table: Arc::clone(view), features: features.into(), keys: Arc::clone(keys) }
}

/// Reads some views.
pub(crate) async fn read_all(store: &Arc<dyn OnlineStore>, views: Vec<ViewRead>) -> Result<Vec<String>> {
    let features: Vec<_> = views.iter().map(|view| view.features.len()).collect();
    let rows = store.read(&OnlineRead { views, context: RequestContext::local() }).await?.views;
    Ok(rows.iter().zip(features).map(|(rows, features)| shown(rows, features)).collect())
}

/// Reads feature `f` of view `v` for some keys.
pub(crate) async fn read(store: &Arc<dyn OnlineStore>, of_keys: &[&str]) -> Result<String> {
    Ok(read_all(store, vec![of(&view("v", &["f"]), &keys(of_keys))]).await?.remove(0))
}

/// Rows for people: the seconds of the event and the texts, `-` for a value that is not there; `absent` for a row.
fn shown(rows: &ViewRows, features: usize) -> String {
    let cell = |row, feature| match rows.cell(row, feature) {
        None => "-".to_owned(),
        Some([]) => "null".to_owned(),
        Some(value) => String::from_utf8_lossy(&value[2..]).into_owned(),
    };
    let row = |row: usize| match rows.time(row) {
        None => {
            assert!((0..features).all(|feature| rows.cell(row, feature).is_none()));
            "absent".to_owned()
        }
        Some(time) => {
            let cells: Vec<_> = (0..features).map(|feature| cell(row, feature)).collect();
            format!("{}:{}", time.seconds(), cells.join(","))
        }
    };
    (0..rows.len()).map(row).collect::<Vec<_>>().join(" ")
}
