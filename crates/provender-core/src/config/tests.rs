use super::*;
use crate::{Error, Kind, Result};
use serde::Deserialize;
use std::path::Path;

fn parse(text: &str) -> Result<RepoConfig> {
    let env = |name: &str| match name {
        "DIR" => Some("/data".to_owned()),
        "PORT" => Some("6379".to_owned()),
        "ZIP" => Some("007".to_owned()),
        "ON" => Some("true".to_owned()),
        "RATE" => Some("0.5".to_owned()),
        "PASSWORD" => Some("a: \"b\" # ${DIR}".to_owned()),
        _ => None,
    };
    RepoConfig::parse(text, Path::new("repo/feature_store.yaml"), PathBuf::from("/repo"), &env)
}

/// With the two keys that must be there.
fn parse_with(text: &str) -> Result<RepoConfig> {
    parse(&format!("project: shop\nregistry: data/registry.db\n{text}"))
}

#[track_caller]
fn refused(text: &str) -> Error {
    let error = parse_with(text).unwrap_err();
    assert!(error.get("file").is_some_and(|file| file.starts_with("repo/feature_store.yaml")), "{error}");
    error
}

#[test]
fn smallest_file_has_feasts_defaults() {
    let config = parse_with("").unwrap();
    assert_eq!(config.project, "shop");
    assert_eq!(config.registry, StoreConfig::new("file").with("path", "data/registry.db"));
    assert_eq!(config.online_store, Some(StoreConfig::new("sqlite")));
    assert_eq!(config.offline_stores, [StoreConfig::new("file")]);
    assert_eq!((config.entity_key_version, config.online_ttl), (3, OnlineTtl::Enforce));
    assert_eq!(config.registry_ttl, Duration::from_secs(600));
    assert!(config.ignored.is_empty() && !config.compat_feast);
}

#[test]
fn sections_may_be_a_type_or_a_map() {
    let config = parse(
        "
project: shop
project_description: things we sell
provider: aws
registry:
  registry_type: file
  path: s3://bucket/registry.db
  cache_ttl_seconds: 0
online_store: {type: redis, connection_string: 'localhost:6379'}
offline_store: dask
offline_stores: [duckdb, {type: bigquery, dataset: feast}]
online_ttl: report
entity_key_serialization_version: 3
materialization: {online_write_batch_size: 500}
",
    )
    .unwrap();
    assert_eq!(config.registry.kind, "file");
    assert_eq!(config.registry.rest["path"], "s3://bucket/registry.db");
    assert_eq!(config.registry_ttl, Duration::MAX);
    assert_eq!(config.online_store.unwrap().rest["connection_string"], "localhost:6379");
    let kinds: Vec<_> = config.offline_stores.iter().map(|store| store.kind.as_str()).collect();
    assert_eq!(kinds, ["dask", "duckdb", "bigquery"]);
    assert_eq!(config.online_ttl, OnlineTtl::Report);
    assert_eq!(config.online_write_batch_size, Some(500));
    assert_eq!(parse_with("online_store:").unwrap().online_store, None);
    assert_eq!(parse_with("online_store: null").unwrap().online_store, None);
    assert_eq!(parse_with("online_store: {path: x.db}").unwrap().online_store.unwrap().kind, "sqlite");
}

#[test]
fn compatibility_with_feast_turns_the_ttl_off_unless_said_otherwise() {
    let config = parse_with("compat: feast").unwrap();
    assert_eq!((config.compat_feast, config.online_ttl), (true, OnlineTtl::Ignore));
    assert_eq!(parse_with("compat: feast\nonline_ttl: enforce").unwrap().online_ttl, OnlineTtl::Enforce);
}

#[test]
fn variables_are_put_into_texts() {
    let config = parse_with(
        "
online_store:
  type: redis
  connection_string: \"redis:${PORT}\"
  port: ${PORT}   # a number
  text: '${PORT}'
  zip: ${ZIP}
  on: ${ON}
  password: ${PASSWORD}
  nested: {port: ${PORT}, ports: [${PORT}, ${ZIP}], password: ${PASSWORD}, rate: ${RATE}}
  plain: it's ${DIR}/x # ${UNSET}
  block: |-  # as it is
    key: ${PORT}

    - ${DIR}
  after: ${PORT}
  literal: $HOME {not} $${
",
    )
    .unwrap();
    let rest = config.online_store.unwrap().rest;
    assert_eq!(rest["connection_string"], "redis:6379");
    assert_eq!(rest["port"], 6379);
    assert_eq!(rest["text"], "6379");
    assert_eq!(rest["zip"], "007");
    assert_eq!(rest["on"], true);
    assert_eq!(rest["password"], "a: \"b\" # ${DIR}");
    assert_eq!(rest["nested"]["port"], 6379);
    assert_eq!(rest["nested"]["ports"], json!([6379, "007"]));
    assert_eq!(rest["nested"]["password"], rest["password"]);
    assert_eq!(rest["nested"]["rate"], 0.5);
    assert_eq!(rest["plain"], "it's /data/x");
    assert_eq!(rest["block"], "key: 6379\n\n- /data");
    assert_eq!(rest["after"], 6379);
    assert_eq!(rest["literal"], "$HOME {not} $${");
}

#[test]
fn variable_that_is_not_set_is_named_with_its_path() {
    for text in [
        "online_store: {type: redis, passwords: [x, ${UNSET}]}",
        "online_store: {passwords: [x, 'a ${UNSET}']}",
    ] {
        let error = refused(text);
        assert_eq!(
            (error.get("variable"), error.get("at")),
            (Some("UNSET"), Some("online_store.passwords[1]"))
        );
    }
}

#[test]
fn unknown_key_is_refused_with_the_nearest_known_one() {
    for (text, at, meant) in [
        ("onlin_store: redis", "onlin_store", Some("online_store")),
        (
            "materialization: {online_write_batchsize: 1}",
            "materialization.online_write_batchsize",
            Some("online_write_batch_size"),
        ),
        ("feature_server: {enable: true}", "feature_server.enable", Some("enabled")),
        ("zzz: 1", "zzz", None),
    ] {
        let error = refused(text);
        assert_eq!((error.get("at"), error.get("did you mean")), (Some(at), meant), "{error}");
    }
}

#[test]
fn keys_of_feast_without_effect_are_listed() {
    let config = parse_with(
        "
provider: local
coerce_tz_aware: false
batch_engine: {type: spark.engine, partitions: 3}
feature_server: {type: local, metrics: {enabled: true}}
auth: {type: oidc, client_id: x}
materialization: {pull_latest_features: true}
flags: {alpha_features: true}
mlflow:
",
    )
    .unwrap();
    assert_eq!(
        config.ignored,
        [
            "auth",
            "batch_engine",
            "coerce_tz_aware",
            "feature_server",
            "flags",
            "materialization.pull_latest_features"
        ]
    );
    let defaults =
        "auth: {type: no_auth}\ncoerce_tz_aware: true\nmaterialization: {pull_latest_features: false}";
    assert!(parse_with(defaults).unwrap().ignored.is_empty());
    let config = parse("project: p\nregistry: {path: r.db, cache_mode: thread}").unwrap();
    assert_eq!(config.ignored, ["registry.cache_mode"]);
}

#[test]
fn values_of_the_wrong_kind_name_their_path() {
    for (text, at) in [
        ("online_store: 5", "online_store"),
        ("online_store: {type: 5}", "online_store.type"),
        ("offline_stores: file", "offline_stores"),
        ("offline_stores: [{type: [x]}]", "offline_stores[0].type"),
        ("online_ttl: reprot", "online_ttl"),
        ("online_ttl: 1", "online_ttl"),
        ("compat: true", "compat"),
        ("materialization: 5", "materialization"),
        ("materialization: {online_write_batch_size: 0}", "materialization.online_write_batch_size"),
        ("entity_key_serialization_version: 2", "entity_key_serialization_version"),
        ("project_description: [x]", "project_description"),
    ] {
        let error = refused(text);
        assert_eq!(error.get("at"), Some(at), "{error}");
        assert!(error.get("expected").is_some(), "{error}");
        assert_eq!(error.kind(), Kind::Invalid);
    }
    assert_eq!(refused("online_ttl: reprot").get("did you mean"), Some("report"));
    assert_eq!(refused("provider: my.module.Provider").kind(), Kind::Unsupported);
    assert!(refused("entity_key_serialization_version: 2").to_string().contains("materialize again"));
}

#[test]
fn project_and_registry_must_be_there() {
    for (text, at) in [
        ("registry: r.db", "project"),
        ("project: p", "registry"),
        ("project: p\nregistry:", "registry"),
        ("project: p\nregistry: [r.db]", "registry"),
        ("project: p\nregistry: {registry_type: sql, type: file}", "registry"),
        ("project: p\nregistry: {path: x, cache_ttl_seconds: soon}", "registry.cache_ttl_seconds"),
    ] {
        assert_eq!(parse(text).unwrap_err().get("at"), Some(at), "{text}");
    }
    assert!(parse("").unwrap_err().to_string().contains("not a map"));
    assert!(parse("[1]").unwrap_err().to_string().contains("not a map"));
}

#[test]
fn project_names_follow_feasts_rule() {
    let named = |name: &str| parse(&format!("project: '{name}'\nregistry: r.db\nonline_store:"));
    for name in ["p", "shop_2", "a-b", "2shop"] {
        assert_eq!(named(name).unwrap().project, name);
    }
    for name in ["", "_p", "-p", "a b", "a.b", "größe"] {
        let error = named(name).unwrap_err();
        assert_eq!((error.get("at"), error.get("value")), (Some("project"), Some(name)), "{name}");
    }
    let error = parse("project: a-b\nregistry: r.db").unwrap_err();
    assert_eq!(error.get("expected"), Some("a_b"));
}

#[test]
fn broken_yaml_names_the_line() {
    let error = refused("online_store: [");
    assert!(error.to_string().starts_with("not valid YAML"), "{error}");
    let error = parse("project: p\nproject: q\nregistry: r").unwrap_err();
    assert_eq!(error.get("file"), Some("repo/feature_store.yaml:2"), "{error}");
    let anchors = parse("project: p\nregistry: &r {path: r.db}\nonline_store: {type: x, copy: *r}").unwrap();
    assert_eq!(anchors.online_store.unwrap().rest["copy"]["path"], "r.db");
}

#[test]
fn rendered_configuration_hides_secrets() {
    let config = parse_with(
        "
online_store:
  type: redis
  connection_string: localhost:6379,password=hunter2
  sentinel: {aws_secret_access_key: hunter2, host: h}
  credentials: [hunter2]
  token_env_var: TOKEN
  url: https://user:hunter2@host:1/p
  port: 6379
offline_store: {type: sql, path: 'postgresql+psycopg://u:hunter2@db/x', password: hunter2}
compat: feast
",
    )
    .unwrap();
    let json = config.to_json();
    let text = format!("{json} {config:?}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(json["online_store"]["connection_string"], "***");
    assert_eq!(json["online_store"]["token_env_var"], "TOKEN");
    assert_eq!(json["online_store"]["url"], "https://user:***@host:1/p");
    assert_eq!(json["online_store"]["port"], 6379);
    assert_eq!(json["offline_stores"][0]["path"], "postgresql+psycopg://u:***@db/x");
    assert_eq!((&json["compat"], &json["online_ttl"]), (&"feast".into(), &"ignore".into()));
    assert_eq!(
        json["registry"],
        json!({"type": "file", "path": "data/registry.db", "cache_ttl_seconds": 600})
    );
}

#[test]
fn settings_that_do_not_fit_name_path_and_nearest_key() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code)]
    struct Settings {
        #[serde(default)]
        port: u16,
        password: Option<Secret<String>>,
    }
    let store = StoreConfig::new("redis").with("prot", 1);
    let error = store.settings::<Settings>("online_store").unwrap_err();
    assert_eq!(
        (error.get("at"), error.get("did you mean")),
        (Some("online_store.prot"), Some("port")),
        "{error}"
    );
    let store = StoreConfig::new("redis").with("port", "x");
    let error = store.settings::<Settings>("online_store").unwrap_err();
    assert_eq!((error.get("at"), error.get("type")), (Some("online_store.port"), Some("redis")));
    let store = StoreConfig::new("redis").with("password", "hunter2");
    let settings: Settings = store.settings("online_store").unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn preparing_never_loses_text() {
    for text in
        ["", "a: \"\\", "a: '", "a: ${", "é: ${x", "a: \"${PORT}\\\"${PORT}\"", "- ${PORT}x\n-${PORT}"]
    {
        assert_eq!(variables::prepare(text, &|_| Some("1".to_owned())), text);
    }
}
