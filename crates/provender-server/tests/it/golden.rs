//! Every request that was recorded from Feast 0.66's server over SQLite, sent to ours over the same registry and the same database, in the same order.
//!
//! `compat: feast` and `write_mode: overwrite` are on.

use crate::client::{Answer, send};
use crate::recorded::{Tally, Told, body};
use arrow_array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use provender_blob::Blob;
use provender_core::config::RepoConfig;
use provender_core::memory::MemoryOffline;
use provender_core::{OnlineStore, OpenContext, Providers, Registry, Timestamp};
use provender_engine::FeatureStore;
use provender_server::{ServerConfig, router};
use provender_sqlite::Sqlite;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Records that are no request to this server.
const NOT_ASKED: [&str; 3] = ["push_offline_effect", "metrics_on_8000", "response_headers"];

#[tokio::test]
async fn recorded_requests_are_answered_as_feast_answers_them() {
    let repo = tempfile::tempdir().unwrap();
    let router = open(repo.path()).await;
    let recorded: Value = serde_json::from_str(include_str!("../../testdata/http_sqlite.json")).unwrap();
    let mut tally = Tally::default();
    for pair in recorded["pairs"].as_array().unwrap() {
        if NOT_ASKED.contains(&pair["name"].as_str().unwrap()) {
            continue;
        }
        let answer = ask(&router, &pair["request"]).await;
        let content_type = answer.header("content-type");
        tally.compare(pair, Told { status: answer.status, content_type, text: &answer.text }, |recorded| {
            recorded
        });
    }
    tally.assert(57);
}

pub(crate) async fn open(repo: &Path) -> Router {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for file in ["registry.db", "sqlite_online_store.db"] {
        std::fs::copy(data.join(file), repo.join(file)).unwrap();
    }
    let text = "project: interop\nprovider: local\ncompat: feast\nentity_key_serialization_version: 3\nregistry: registry.db\n\
        online_store: {type: sqlite, path: sqlite_online_store.db, write_mode: overwrite}\n";
    let config = RepoConfig::parse(text, Path::new("feature_store.yaml"), repo.into(), &|_| None).unwrap();
    let providers = Providers::default().with::<Blob>().with::<Sqlite>();
    let context = OpenContext::new("interop", repo);
    let registry = providers.open::<dyn Registry>(&config.registry, &context).await.unwrap();
    let online =
        providers.open::<dyn OnlineStore>(config.online_store.as_ref().unwrap(), &context).await.unwrap();
    let store = FeatureStore::new(config, registry, vec![Arc::new(history())], Some(online));
    router(Arc::new(store), &ServerConfig::default())
}

/// The files of the recorded repository, as far as requests write or materialize them.
fn history() -> MemoryOffline {
    let times = |texts: &[&str]| -> ArrayRef {
        let times: Vec<i64> = texts.iter().map(|text| Timestamp::parse(text).unwrap().0).collect();
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
    };
    let made = times(&["2026-11-01", "2026-11-01"]);
    let two = times(&["2026-11-20 05:00", "2026-11-20 06:00"]);
    let drivers: ArrayRef = Arc::new(Int64Array::from(vec![1001, 1002]));
    let text = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let double = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let int = |values: Vec<i32>| -> ArrayRef { Arc::new(Int32Array::from(values)) };
    let files: [(&str, Vec<(&str, ArrayRef)>); 4] = [
        (
            "data/push.parquet",
            vec![
                ("driver_id", drivers.clone()),
                ("event_timestamp", two.clone()),
                ("created", made.clone()),
                ("lat", double(vec![1.5, -2.5])),
                ("rating", int(vec![5, 4])),
            ],
        ),
        (
            "data/affinity.parquet",
            vec![
                ("driver_id", drivers),
                ("customer_id", text(vec!["c1", "c2"])),
                ("event_timestamp", two.clone()),
                ("created", made),
                ("affinity", double(vec![0.5, 0.125])),
            ],
        ),
        ("data/global.parquet", vec![("event_timestamp", two.clone()), ("fx_rate", double(vec![1.1, 1.2]))]),
        (
            "data/customer.parquet",
            vec![
                ("customer_id", text(vec!["c1", "c2"])),
                ("ts", two),
                ("age_years", int(vec![33, 44])),
                ("tier", text(vec!["gold", "silver"])),
                ("tags_list", text(vec!["gold", "silver"])),
            ],
        ),
    ];
    let store = MemoryOffline::new();
    for (path, columns) in files {
        let columns = columns.into_iter().map(|(name, column)| (name, column, true));
        store.insert(path, &[RecordBatch::try_from_iter_with_nullable(columns).unwrap()]).unwrap();
    }
    store
}

async fn ask(router: &Router, request: &Value) -> Answer {
    let method = request["method"].as_str().unwrap();
    let asked = Request::builder().method(method).uri(request["path"].as_str().unwrap());
    let asked = asked.header("content-type", "application/json").body(Body::from(body(request)));
    send(router, asked.unwrap()).await
}
