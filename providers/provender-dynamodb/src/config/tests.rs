use super::*;
use provender_core::Kind;
use provender_core::config::StoreConfig;
use serde_json::{Value, json};

fn settings(pairs: &[(&str, Value)]) -> Result<DynamodbConfig> {
    let section = StoreConfig::new("dynamodb");
    let section = pairs.iter().fold(section, |section, (key, value)| section.with(key, value.clone()));
    section.settings("online_store")
}

#[test]
fn nothing_set_means_the_newest_row_and_the_defaults_of_feast() {
    let config = settings(&[]).unwrap();
    assert_eq!(config, DynamodbConfig::default());
    assert_eq!((config.write_mode, config.batch_size), (WriteMode::Newest, 100));
    assert_eq!(config.table_name_template, "{project}.{table_name}");
    assert!(config.check().is_ok());
}

#[test]
fn settings_of_feast_are_taken() {
    let config = settings(&[
        ("region", json!("eu-west-1")),
        ("endpoint_url", json!("http://localhost:8000")),
        ("table_name_template", json!("{project}_{table_name}")),
        ("batch_size", json!(40)),
        ("consistent_reads", json!(true)),
        ("tags", json!({"team": "a"})),
        ("session_based_auth", json!(true)),
        ("warmup_connections", json!(false)),
        ("max_read_workers", json!(4)),
        ("max_pool_connections", json!(20)),
        ("keepalive_timeout", json!(12.5)),
        ("connect_timeout", json!(1)),
        ("read_timeout", json!(2)),
        ("total_max_retry_attempts", json!(null)),
        ("retry_mode", json!("adaptive")),
    ])
    .unwrap();
    assert!(config.check().is_ok());
    assert_eq!((config.connect_timeout, config.read_timeout), (1.0, 2.0));
    assert_eq!((config.total_max_retry_attempts, config.retry_mode), (None, Some(RetryMode::Adaptive)));
    assert_eq!(config.tags.unwrap()["team"], "a");
}

#[test]
fn values_that_do_not_fit_are_refused_by_name_with_what_does() {
    for (key, value, expected) in [
        ("batch_size", json!(0), "1 to 100"),
        ("batch_size", json!(101), "1 to 100"),
        ("max_read_workers", json!(0), "1 to 100000"),
        ("max_pool_connections", json!(0), "1 to 100000"),
        ("keepalive_timeout", json!(0), "more than 0"),
        ("connect_timeout", json!(-1), "more than 0"),
        ("read_timeout", json!(1e300), "at most 86400"),
        ("total_max_retry_attempts", json!(0), "1 or more"),
        ("region", json!("eu west"), "eu-west-1"),
        ("region", json!(""), "eu-west-1"),
        ("endpoint_url", json!("localhost:8000"), "http://localhost:8000"),
        ("table_name_template", json!("{project}"), "{table_name}"),
        ("table_name_template", json!("{view}"), "{table_name}"),
    ] {
        let error = settings(&[(key, value)]).unwrap().check().unwrap_err();
        assert_eq!((error.kind(), error.get("at")), (Kind::Invalid, Some(&*format!("online_store.{key}"))));
        assert!(error.get("expected").unwrap().contains(expected), "{error}");
    }
}

#[test]
fn unknown_settings_and_modes_are_refused_with_what_is_known() {
    let error = settings(&[("regoin", json!("x"))]).unwrap_err();
    assert!(error.to_string().contains("`region`"), "{error}");
    let error = settings(&[("write_mode", json!("oldest"))]).unwrap_err();
    assert_eq!((error.kind(), error.get("at")), (Kind::Invalid, Some("online_store.write_mode")));
    assert!(error.to_string().contains("`overwrite`"), "{error}");
}
