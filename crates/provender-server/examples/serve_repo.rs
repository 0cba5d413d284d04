//! A feature server with Redis and nothing else, so small that it is built soon: for profiles of real requests, and to see what a server needs by itself.
//!
//! `serve_repo REPO PORT THREADS` serves until it is killed.

#![expect(clippy::unwrap_used, reason = "a measuring tool")]

use provender_blob::Blob;
use provender_core::config::RepoConfig;
use provender_core::{OnlineStore, OpenContext, Providers, Registry};
use provender_engine::FeatureStore;
use provender_redis::Redis;
use provender_server::{ServerConfig, serve};
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use tracing::subscriber::NoSubscriber;

#[tokio::main]
async fn main() {
    // as with a log that takes nothing of this
    tracing::subscriber::set_global_default(NoSubscriber::new()).unwrap();
    let mut words = std::env::args().skip(1);
    let repo = std::path::absolute(PathBuf::from(words.next().unwrap())).unwrap();
    let (port, workers) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap());
    let file = repo.join("feature_store.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let config = RepoConfig::parse(&text, &file, repo.clone(), &|_| None).unwrap();
    let providers = Providers::default().with::<Blob>().with::<Redis>();
    let context = OpenContext::new(&config.project, &repo);
    let registry = providers.open::<dyn Registry>(&config.registry, &context).await.unwrap();
    let online =
        providers.open::<dyn OnlineStore>(config.online_store.as_ref().unwrap(), &context).await.unwrap();
    let store = FeatureStore::new(config, registry, Vec::new(), Some(online));
    let config = ServerConfig { port, workers, access_log: false, ..ServerConfig::default() };
    serve(Arc::new(store), config, pending()).await.unwrap();
}
