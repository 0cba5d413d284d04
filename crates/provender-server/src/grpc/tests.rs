use super::*;
use crate::config::ServerConfig;
use axum::http::HeaderMap;
use provender_core::config::RepoConfig;
use provender_core::memory::MemoryRegistry;
use provender_engine::FeatureStore;
use std::path::Path;

fn declared(kind: &str) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
    is_grpc(&headers)
}

#[test]
fn requests_of_grpc_are_told_by_their_content_type() {
    assert!(declared("application/grpc") && declared("application/grpc+proto"));
    assert!(declared("application/grpc; charset=utf-8"));
    assert!(
        !declared("application/grpc-web")
            && !declared("application/grpc+json")
            && !declared("application/json")
    );
    assert!(!is_grpc(&HeaderMap::new()));
}

#[test]
fn every_method_is_found_by_its_path() {
    for method in Method::ALL {
        let (service, name) = method.names();
        assert_eq!(Method::of(&format!("/{service}/{name}")), method);
    }
    for path in ["", "/", "/GrpcFeatureServer", "/GrpcFeatureServer/Push/", "GrpcFeatureServer/Push"] {
        assert_eq!(Method::of(path), Method::Other, "{path}");
    }
}

#[test]
fn frame_is_taken_apart_as_it_was_made() {
    let frame = unary::frame(|out| out.extend_from_slice(b"message")).unwrap();
    assert_eq!(frame[..5], [0, 0, 0, 0, 7]);
    assert_eq!(unary::message(&frame).unwrap(), b"message");
    let code = |bytes: &[u8]| unary::message(bytes).unwrap_err().code();
    assert_eq!(code(b""), Code::InvalidArgument);
    assert_eq!(code(&frame[..7]), Code::InvalidArgument, "cut short");
    assert_eq!(code(&[&frame[..], &frame[..]].concat()), Code::InvalidArgument, "two messages");
    assert_eq!(code(&[1, 0, 0, 0, 0]), Code::Unimplemented, "compressed");
}

#[test]
fn call_takes_little_room() {
    let text =
        "project: shop\nregistry: data/registry.db\nprovider: local\nentity_key_serialization_version: 3\n";
    let config = RepoConfig::parse(text, Path::new("feature_store.yaml"), ".".into(), &|_| None).unwrap();
    let store = FeatureStore::new(config, Arc::new(MemoryRegistry::default()), Vec::new(), None);
    let grpc = Grpc::new(App::new(Arc::new(store), &ServerConfig::default()));
    let call = grpc.answer(Request::new(Body::empty()));
    // every stream of every connection holds one
    assert!(size_of_val(&call) < 5_000, "{} bytes", size_of_val(&call));
}
