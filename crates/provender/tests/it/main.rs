//! Tests of the facade: the reference of definitions, the table of providers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use provender::config::StoreConfig;
use provender::engine::reference;
use provender::{Kind, OfflineStore, OnlineStore, OpenContext, Registry};
use std::fmt::Write;

/// docs/reference/definitions.md, from the tables that read definitions; `cargo xtask docs` writes it.
#[test]
fn reference_is_up_to_date() {
    let mut text = "# Kinds and fields of definitions\n\nWritten by `cargo xtask docs` from the tables that read them. A field without a default must be there.\n".to_owned();
    for kind in reference() {
        write!(
            text,
            "\n## {}\n\n{}\n\n| field | type | default | meaning |\n|---|---|---|---|\n",
            kind.name, kind.about
        )
        .unwrap();
        for field in kind.fields {
            let default = field.default.map(|d| format!("`{d}`")).unwrap_or_default();
            writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                field.name,
                field.type_name.replace('|', "\\|"),
                field.about.replace('|', "\\|")
            )
            .unwrap();
        }
    }
    expect_test::expect_file!["../../../../docs/reference/definitions.md"].assert_eq(&text);
}

#[test]
fn the_default_features_bring_the_embedded_stores() {
    let providers = provender::providers();
    assert!(providers.types::<dyn OfflineStore>().contains(&"file"));
    assert!(providers.types::<dyn OnlineStore>().contains(&"sqlite"));
    assert!(providers.types::<dyn Registry>().contains(&"file"));
}

#[tokio::test]
async fn an_unknown_type_lists_the_known_ones() {
    let context = OpenContext::new("p", ".");
    let error = provender::providers()
        .open::<dyn OnlineStore>(&StoreConfig::new("redus"), &context)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(
        error.to_string(),
        format!(
            "unknown store type (section: online_store, type: redus, known types: {}{})",
            known_types(),
            if cfg!(feature = "redis") { ", did you mean: redis" } else { "" }
        )
    );
}

#[tokio::test]
async fn a_store_of_feasts_that_is_not_there_yet_is_told_from_a_misspelling() {
    let context = OpenContext::new("p", ".");
    let error = provender::providers()
        .open::<dyn OnlineStore>(&StoreConfig::new("cassandra"), &context)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(
        error.to_string(),
        format!(
            "Provender does not have this store yet (section: online_store, type: cassandra, known types: {})",
            known_types()
        )
    );
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn a_store_that_this_build_leaves_out_names_its_feature_by_every_alias() {
    let context = OpenContext::new("p", ".");
    for alias in ["redis", "valkey", "dragonfly"] {
        let opened = provender::providers().open::<dyn OnlineStore>(&StoreConfig::new(alias), &context).await;
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported);
        assert_eq!(error.get("rebuild with --features"), Some("redis"));
    }
}

/// What this build has.
fn known_types() -> String {
    provender::providers().types::<dyn OnlineStore>().join(", ")
}

#[cfg(all(feature = "delta", feature = "file"))]
#[tokio::test]
async fn files_and_delta_tables_are_read_by_a_repository_that_picks_either_store() {
    let context = OpenContext::new("p", ".");
    for picked in [&["file"][..], &["dask"], &["delta"], &["delta", "file"]] {
        let sections: Vec<StoreConfig> = picked.iter().map(|kind| StoreConfig::new(*kind)).collect();
        let stores = provender::providers().open_offline(&sections, &context).await.unwrap();
        assert_eq!(stores.len(), 2, "{picked:?}");
    }
}
