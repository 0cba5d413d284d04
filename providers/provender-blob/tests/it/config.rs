//! The settings.

use super::run;
use provender_blob::Blob;
use provender_core::config::StoreConfig;
use provender_core::{Kind, OpenContext, Providers, Registry, Result};
use std::sync::Arc;

fn open(config: &StoreConfig) -> Result<Arc<dyn Registry>> {
    run(Providers::default().with::<Blob>().open(config, &OpenContext::new("p", "/repo")))
}

#[test]
fn both_types_open_a_path_of_the_repository() {
    for kind in ["file", "blob"] {
        let registry = open(&StoreConfig::new(kind).with("path", "data/registry.db")).unwrap();
        assert_eq!(registry.describe(), "/repo/data/registry.db");
    }
    let registry = open(&StoreConfig::new("file").with("path", "file:///elsewhere/r.db")).unwrap();
    assert_eq!(registry.describe(), "/elsewhere/r.db");
}

#[test]
fn feasts_keys_are_accepted_and_unknown_ones_are_not() {
    let config = StoreConfig::new("file")
        .with("path", "r.db")
        .with("cache_ttl_seconds", 60)
        .with("cache_mode", "thread")
        .with("registry_store_type", "FileRegistryStore")
        .with("purge_feast_metadata", true)
        .with("enable_online_feature_view_versioning", false);
    open(&config).unwrap();
    let error = open(&config.with("pth", "r.db")).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("pth"), "{error}");
}

#[test]
fn what_this_build_cannot_do_is_refused_by_name() {
    let config = || StoreConfig::new("file").with("path", "r.db");
    for (config, kind, word) in [
        (StoreConfig::new("file"), Kind::Invalid, "registry.path"),
        (config().with("path", "hdfs://host/r.db"), Kind::Unsupported, "hdfs://host"),
        (config().with("path", "s3://bucket"), Kind::Invalid, "no object"),
        (config().with("registry_store_type", "S3RegistryStore"), Kind::Invalid, "store class"),
        (config().with("registry_store_type", "acme.Store"), Kind::Unsupported, "acme.Store"),
        (config().with("enable_online_feature_view_versioning", true), Kind::Unsupported, "one table a view"),
    ] {
        let error = open(&config).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}
