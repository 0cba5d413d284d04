//! The registry in a bucket of a store that does, or does not, what it should.

use super::server::{Fault, Server};
use super::{commit, entities, entity, read, run};
use provender_blob::{BlobRegistry, StorageOptions};
use provender_core::registry::Version;
use provender_core::{Kind, Registry, Result};
use std::sync::Arc;

const URL: &str = "s3://bucket/team/registry.db";

fn open(server: &Server) -> Result<BlobRegistry> {
    let options = StorageOptions::default()
        .with("aws_endpoint", server.url())
        .with("aws_access_key_id", "id")
        .with("aws_secret_access_key", "secret")
        .with("max_retries", "2");
    run(BlobRegistry::in_bucket(URL, &options))
}

#[test]
fn a_store_that_does_not_compare_is_refused_when_it_is_opened() {
    for fault in [Fault::Overlooks, Fault::OverlooksMatch, Fault::Refuses] {
        let error = open(&Server::start(fault)).unwrap_err();
        assert_eq!((error.kind(), error.get("path")), (Kind::Unsupported, Some(URL)), "{error}");
        assert!(error.to_string().contains("If-Match"), "{error}");
    }
}

#[test]
fn a_store_is_probed_by_two_requests_once_the_probe_is_there() {
    let server = Server::start(Fault::None);
    open(&server).unwrap();
    server.answers();
    open(&server).unwrap();
    assert_eq!(server.answers(), [("PUT".to_owned(), 412), ("PUT".to_owned(), 412)]);
}

#[test]
fn an_unchanged_registry_is_not_sent_again() {
    let server = Server::start(Fault::None);
    let registry = open(&server).unwrap();
    commit(&registry, &[entity("e")]).unwrap();
    let other = open(&server).unwrap();
    let first = read(&other).unwrap().1;
    server.answers();
    assert!(Arc::ptr_eq(&first, &read(&other).unwrap().1));
    // The writer knows what it wrote.
    assert_eq!(entities(&read(&registry).unwrap().1), ["e"]);
    assert_eq!(server.answers(), [("GET".to_owned(), 304), ("GET".to_owned(), 304)]);
}

#[test]
fn a_commit_whose_answer_is_lost_counts_by_its_effect() {
    let server = Server::start(Fault::None);
    let registry = open(&server).unwrap();
    let base = run(registry.commit(&Version::absent(), &[entity("a")])).unwrap();
    server.set(Fault::LosesAnswer);
    let version = run(registry.commit(&base, &[entity("b")])).unwrap();
    let (now, snapshot) = read(&open(&server).unwrap()).unwrap();
    assert_eq!((now, entities(&snapshot)), (version, vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn a_commit_on_an_old_base_is_a_conflict() {
    let server = Server::start(Fault::None);
    let (one, other) = (open(&server).unwrap(), open(&server).unwrap());
    run(other.commit(&Version::absent(), &[entity("first")])).unwrap();
    let error = run(one.commit(&Version::absent(), &[entity("second")])).unwrap_err();
    assert_eq!((error.kind(), error.get("path")), (Kind::Conflict, Some(URL)));
    assert_eq!(entities(&read(&one).unwrap().1), ["first"]);
}

#[test]
fn a_busy_store_is_asked_again_and_then_said_to_be_unavailable() {
    let server = Server::start(Fault::None);
    let registry = open(&server).unwrap();
    commit(&registry, &[entity("e")]).unwrap();
    server.set(Fault::Busy(2));
    assert_eq!(entities(&read(&registry).unwrap().1), ["e"]);
    server.set(Fault::Busy(usize::MAX));
    let error = read(&registry).unwrap_err();
    assert_eq!((error.kind(), error.get("path")), (Kind::Unavailable, Some(URL)), "{}", error.report());
}

#[test]
fn expired_credentials_are_denied_with_what_to_do() {
    let server = Server::start(Fault::None);
    let registry = open(&server).unwrap();
    server.set(Fault::Expired);
    let error = read(&registry).unwrap_err();
    assert_eq!((error.kind(), error.get("path")), (Kind::Denied, Some(URL)), "{}", error.report());
    assert!(error.get("expected").unwrap().contains("fresh credentials"), "{error}");
}

#[test]
fn bytes_that_are_no_registry_are_refused_by_url() {
    let server = Server::start(Fault::None);
    let options = StorageOptions::default()
        .with("aws_endpoint", server.url())
        .with("aws_access_key_id", "id")
        .with("aws_secret_access_key", "secret");
    let object = run(provender_join::storage::SharedObject::open(URL, &options)).unwrap();
    run(object.replace(None, "project: p\n".into())).unwrap();
    let error = read(&open(&server).unwrap()).unwrap_err();
    assert_eq!((error.kind(), error.get("path")), (Kind::Invalid, Some(URL)), "{error}");
}
