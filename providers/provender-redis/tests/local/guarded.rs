//! Servers that want to know who comes, and prove who they are.

use crate::own::{Authority, Own, until};
use crate::place::{Place, Store, keep, shown, write};
use provender_core::config::Secret;
use provender_core::{Error, Kind};
use provender_redis::{RedisConfig, RedisType};

/// A server that talks TLS only, with clients that have a certificate and are its user `app`.
async fn guarded(authority: &Authority, more: &[&str]) -> Own {
    let [certificate, key] = authority.issue("server");
    let ca = authority.certificate();
    let tls = ["--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "yes"];
    let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let users = ["--user", "default", "off", "--user", "app", "on", ">secret", "~*", "&*", "+@all"];
    Own::start(&[&tls[..], &files, &users, more].concat()).await
}

/// How a client reaches a server.
fn address(server: &Own, ca: &Authority, client: Option<&[String; 2]>, password: &str) -> String {
    let client = client.map_or_else(String::new, |[certificate, key]| {
        format!("&ssl_certfile={certificate}&ssl_keyfile={key}")
    });
    let ca = ca.certificate();
    format!("rediss://app:{password}@127.0.0.1:{}/0?ssl_ca_certs={ca}{client}", server.port)
}

async fn store(place: &Place, redis_type: RedisType, address: String) -> Store {
    let config = RedisConfig { connection_string: Secret::new(address), redis_type, ..place.config() };
    place.open(config).await
}

/// Sets a view up, writes a row and reads it: every kind of connection that a store makes.
async fn writes_and_reads(place: &Place, store: &Store) {
    let table = place.view("stats", &["a"]);
    keep(store, &[&table]).await;
    write(store, &table, &[(1, 10, None, &[Some("x")]), (2, 10, None, &[Some("y")])]).await.unwrap();
    assert_eq!(shown(store, &table, &[2, 1, 3]).await.unwrap(), ["10: y", "10: x", "absent"]);
}

/// Why a store cannot read, and cannot write.
async fn refusals(place: &Place, store: &Store) -> [Error; 2] {
    let table = place.view("stats", &["a"]);
    let read = shown(store, &table, &[1]).await.unwrap_err();
    let written = write(store, &table, &[(1, 10, None, &[Some("x")])]).await.unwrap_err();
    [read, written]
}

pub(crate) async fn a_user_with_a_certificate_writes_and_reads_over_tls(place: Place) {
    let authority = Authority::new();
    let server = guarded(&authority, &[]).await;
    let client = authority.issue("client");
    let address = address(&server, &authority, Some(&client), "secret");
    let store = store(&place, RedisType::Redis, address).await;
    writes_and_reads(&place, &store).await;
}

pub(crate) async fn a_cluster_is_found_over_tls(place: Place) {
    let authority = Authority::new();
    let cluster = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--tls-replication", "yes"];
    let server = guarded(&authority, &cluster).await;
    let client = authority.issue("client");
    let ca = authority.certificate();
    let who = [
        "--user", "app", "--pass", "secret", "--tls", "--cert", &client[0], "--key", &client[1], "--cacert",
        &ca,
    ];
    let ask = |words: &[&str]| server.ask(&[&who[..], words].concat());
    assert_eq!(ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).trim(), "OK");
    until(|| ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")).await;
    let address = address(&server, &authority, Some(&client), "secret");
    let store = store(&place, RedisType::RedisCluster, address).await;
    writes_and_reads(&place, &store).await;
}

pub(crate) async fn who_does_not_trust_or_is_not_trusted_is_told_why(place: Place) {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = guarded(&authority, &[]).await;
    let (client, stranger) = (authority.issue("client"), other.issue("client"));
    for (ca, client, password, kind, expected) in [
        (&other, Some(&client), "secret", Kind::Unavailable, "certificate"),
        (&authority, None, "secret", Kind::Unavailable, "certificate"),
        (&authority, Some(&stranger), "secret", Kind::Unavailable, "unknownca"),
        (&authority, Some(&client), "wrong", Kind::Denied, "log in"),
    ] {
        let store = store(&place, RedisType::Redis, address(&server, ca, client, password)).await;
        for error in refusals(&place, &store).await {
            let report = error.report().to_string();
            assert_eq!(error.kind(), kind, "{report}");
            assert!(report.to_lowercase().contains(expected), "{report}");
            assert!(!report.contains(password), "{report}");
        }
    }
}

pub(crate) async fn sentinels_and_their_master_have_passwords_of_their_own(place: Place) {
    let master = Own::start(&["--port", "{port}", "--requirepass", "inner"]).await;
    let lines = format!(
        "requirepass outer\nsentinel monitor mymaster 127.0.0.1 {} 1\nsentinel auth-pass mymaster inner\n",
        master.port
    );
    let sentinel = Own::sentinel(&lines).await;
    let known = ["-a", "outer", "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"];
    until(|| sentinel.ask(&known).contains(&master.port.to_string())).await;
    let address = |outer: &str, inner: &str| {
        format!("127.0.0.1:{},password={inner},sentinel_password={outer}", sentinel.port)
    };
    let good = store(&place, RedisType::RedisSentinel, address("outer", "inner")).await;
    writes_and_reads(&place, &good).await;
    for (outer, inner) in [("wrong", "inner"), ("outer", "wrong")] {
        let store = store(&place, RedisType::RedisSentinel, address(outer, inner)).await;
        for error in refusals(&place, &store).await {
            assert_eq!(error.kind(), Kind::Denied, "{}", error.report());
        }
    }
}
