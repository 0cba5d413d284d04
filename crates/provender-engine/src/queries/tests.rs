use super::Query;
use crate::testing::{World, config};
use provender_core::config::StoreConfig;
use provender_core::memory::{MemoryOffline, MemoryOnline, MemoryRegistry};
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::sql::QUERY_TAG;
use provender_core::{Kind, Providers};

#[tokio::test]
async fn without_an_engine_the_feature_is_named() {
    let world = World::new(Vec::new()).await;
    let error = world.store.query(Query::new("SELECT 1")).await.unwrap_err();
    assert_eq!((error.kind(), error.get("rebuild with --features")), (Kind::Unsupported, Some("sql")));
}

#[tokio::test]
async fn a_source_that_is_a_query_is_never_looked_for_on_disk() {
    let mut config = config();
    config.offline_stores = vec![StoreConfig::new("memory")];
    let providers =
        Providers::default().with::<MemoryOffline>().with::<MemoryOnline>().with::<MemoryRegistry>();
    let store = crate::FeatureStore::open(config, &providers).await.unwrap();
    let kind = SourceKind::File {
        path: String::new(),
        format: FileFormat::Unset,
        s3_endpoint_override: String::new(),
    };
    let mut source = DataSource::new("busy", kind);
    source.tags.insert(QUERY_TAG.to_owned(), "SELECT 1".to_owned());
    let reader = store.offline.iter().find(|store| store.reads(&source)).unwrap();
    let error = reader.schema(&source).await.unwrap_err();
    assert_eq!((error.kind(), error.get("source")), (Kind::Unsupported, Some("busy")));
}
