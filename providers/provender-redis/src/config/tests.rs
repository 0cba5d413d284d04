use super::*;
use crate::connect::Node;
use provender_core::Kind;
use provender_core::config::StoreConfig;
use serde_json::json;
use std::time::Duration;

fn settings(config: &StoreConfig) -> Result<RedisConfig> {
    config.settings("online_store")
}

fn address(text: &str) -> Result<Address> {
    Address::parse(text)
}

fn nodes(text: &str) -> Vec<String> {
    address(text).unwrap().nodes.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_set_means_what_feast_means() {
    let config = settings(&StoreConfig::new("redis")).unwrap();
    let address = config.check().unwrap();
    assert_eq!(address.nodes, [Node::new("localhost", 6379)]);
    assert_eq!((address.db, address.password, address.tls), (0, None, None));
    assert_eq!((config.redis_type, &*config.sentinel_master), (RedisType::Redis, "mymaster"));
    assert_eq!(
        (config.write_mode(), config.layout, config.key_ttl()),
        (WriteMode::Newest, Layout::Feast, None)
    );
    assert!(config.links() > 0);
}

#[test]
fn every_setting_of_feast_is_taken() {
    let config = StoreConfig::new("redis")
        .with("connection_string", "a:1,b:2,skip_full_coverage_check=true,ssl=true,password=x")
        .with("redis_type", "redis_cluster")
        .with("sentinel_master", "m")
        .with("client", "glide")
        .with("key_ttl_seconds", 604_800)
        .with("full_scan_for_deletion", false)
        .with("skip_dedup", true);
    let config = settings(&config).unwrap();
    assert_eq!((config.redis_type, config.key_ttl()), (RedisType::RedisCluster, Some(604_800)));
    assert_eq!((config.full_scan_for_deletion, config.write_mode()), (Some(false), WriteMode::Overwrite));
    assert!(config.check().unwrap().tls.is_some());
}

#[test]
fn settings_of_our_own_are_taken() {
    let config = StoreConfig::new("redis")
        .with("write_mode", "overwrite")
        .with("layout", "packed")
        .with("pool_size", 3)
        .with("key_ttl_seconds", 0)
        .with("full_scan_for_deletion", json!(null));
    let config = settings(&config).unwrap();
    assert_eq!((config.write_mode(), config.layout), (WriteMode::Overwrite, Layout::Packed));
    assert_eq!((config.links(), config.key_ttl()), (3, None));
}

#[test]
fn what_is_unknown_or_of_another_type_is_refused_by_name() {
    for (key, value, expected) in [
        ("conection_string", json!("x"), "connection_string"),
        ("redis_type", json!("cluster"), "redis_cluster"),
        ("write_mode", json!("oldest"), "newest"),
        ("layout", json!("json"), "packed"),
        ("key_ttl_seconds", json!(-1), "u64"),
        ("pool_size", json!(0), "nonzero"),
    ] {
        let error = settings(&StoreConfig::new("redis").with(key, value)).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn contradictions_are_refused() {
    let refused = |config: StoreConfig, at: &str| {
        let error = settings(&config).unwrap().check().unwrap_err();
        assert_eq!((error.kind(), error.get("at")), (Kind::Invalid, Some(at)));
    };
    let redis = || StoreConfig::new("redis");
    refused(redis().with("skip_dedup", true).with("write_mode", "newest"), "online_store.skip_dedup");
    refused(
        redis().with("redis_type", "redis_sentinel").with("sentinel_master", ""),
        "online_store.sentinel_master",
    );
    refused(
        redis().with("redis_type", "redis_cluster").with("connection_string", "a,db=1"),
        "online_store.connection_string",
    );
}

#[test]
fn servers_have_ports_and_ipv6_brackets() {
    assert_eq!(nodes("a:1, b ,[::1]:7,10.0.0.1:2"), ["a:1", "b:6379", "[::1]:7", "10.0.0.1:2"]);
    assert_eq!(nodes("db=1,a:1"), ["a:1"]);
    for wrong in ["", "db=1", "a:x", "a:99999", ":1", "[::1:7", "user@a:1", "a b:1"] {
        assert_eq!(address(wrong).unwrap_err().kind(), Kind::Invalid, "{wrong}");
    }
}

#[test]
fn options_are_those_of_redis_py() {
    let address = address(
        "a:1,username=ann,password=\"12,3\",db=4,socket_timeout=1.5,socket_connect_timeout=2,client_name=me,\
         retry_on_timeout=true,health_check_interval=30",
    );
    // Feast cuts at every comma, also in quotes.
    assert!(address.is_err());
    let address = Address::parse(
        "a:1,username=ann,password=\"12=3\",db=4,socket_timeout=1.5,socket_connect_timeout=2,client_name=me,\
         retry_on_timeout=true,health_check_interval=30",
    )
    .unwrap();
    assert_eq!(address.username.as_deref(), Some("ann"));
    assert_eq!(address.password.unwrap().expose(), "12=3");
    assert_eq!((address.db, &*address.client_name), (4, "me"));
    assert_eq!(address.socket_timeout, Duration::from_millis(1500));
    assert_eq!(address.connect_timeout, Duration::from_secs(2));
}

#[test]
fn tls_is_set_up_by_the_names_of_redis_py() {
    let tls = |text: &str| address(text).unwrap().tls;
    assert_eq!(tls("a,ssl=false"), None);
    assert_eq!(tls("a,ssl=True"), Some(TlsSettings::default()));
    let full =
        tls("a,ssl=true,ssl_ca_certs=ca.pem,ssl_certfile=c.pem,ssl_keyfile=k.pem,ssl_cert_reqs=required");
    let full = full.unwrap();
    assert_eq!((full.ca.as_deref(), full.verify), (Some("ca.pem"), Verify::Full));
    assert_eq!((full.certificate.as_deref(), full.key.as_deref()), (Some("c.pem"), Some("k.pem")));
    let verify = |text: &str| tls(text).unwrap().verify;
    assert_eq!(verify("a,ssl=true,ssl_check_hostname=false"), Verify::Issuer);
    assert_eq!(verify("a,ssl=true,ssl_cert_reqs=none,ssl_check_hostname=true"), Verify::Nothing);
    for wrong in
        ["a,ssl=maybe", "a,ssl_ca_certs=x", "a,ssl=true,ssl_certfile=x", "a,ssl=true,ssl_cert_reqs=x"]
    {
        assert_eq!(address(wrong).unwrap_err().kind(), Kind::Invalid, "{wrong}");
    }
}

#[test]
fn urls_are_taken_too() {
    let address =
        Address::parse("rediss://ann:p%40ss%2Cword@a:1,b:2/3?ssl_cert_reqs=none&socket_timeout=7").unwrap();
    assert_eq!(address.nodes, [Node::new("a", 1), Node::new("b", 2)]);
    assert_eq!((address.username.as_deref(), address.db), (Some("ann"), 3));
    assert_eq!(address.password.unwrap().expose(), "p@ss,word");
    assert_eq!(address.tls.unwrap().verify, Verify::Nothing);
    let plain = Address::parse("redis://:secret@a").unwrap();
    assert_eq!((plain.username, plain.nodes[0].port, plain.tls), (None, 6379, None));
    for wrong in ["http://a", "redis://", "redis://a/x", "redis://u:%zz@a", "redis://a?x=1"] {
        assert_eq!(Address::parse(wrong).unwrap_err().kind(), Kind::Invalid, "{wrong}");
    }
}

#[test]
fn unknown_options_are_refused_with_the_nearest() {
    let error = address("a:1,pasword=x").unwrap_err();
    assert_eq!((error.get("option"), error.get("did you mean")), (Some("pasword"), Some("password")));
}

#[test]
fn secrets_are_in_no_message_and_no_debug() {
    let config = StoreConfig::new("redis").with("connection_string", "a:1,password=hunter2");
    let config = settings(&config).unwrap();
    assert!(!format!("{config:?}{:?}", config.check().unwrap()).contains("hunter2"));
    for text in [
        "a:1,password=x,hunter2",
        "a:1,password=x,Hunter2=3",
        "a:1,password=hunter2,db=hunter2",
        "redis://u:hunter2%zz@a",
        "hunter2://a",
        "redis://u:hunter2@a:port",
        "redis://hunter2",
    ] {
        if let Err(error) = address(text) {
            assert!(!error.report().to_lowercase().contains("hunter2"), "{error}");
        }
    }
}
