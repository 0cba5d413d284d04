//! The OpenAPI document says what the server does.

use crate::client::{get, post, send};
use crate::world::World;
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

async fn document() -> (axum::Router, Value) {
    let router = World::new().await.router();
    let answer = get(&router, "/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    (router, answer.json())
}

#[tokio::test]
async fn every_path_and_method_of_the_document_is_served_and_no_other_method() {
    let (router, document) = document().await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
            let status = send(&router, request.body(Body::empty()).unwrap()).await.status;
            let served = !matches!(status, 404 | 405);
            assert_eq!(served, operations.get(method).is_some(), "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn every_endpoint_that_is_counted_is_in_the_document() {
    let (router, document) = document().await;
    let metrics = get(&router, "/metrics").await.text;
    let counted = metrics.lines().filter_map(|line| {
        let labels = line.strip_prefix("feast_feature_server_request_total{endpoint=\"")?;
        labels.split('"').next().filter(|path| path.starts_with('/'))
    });
    let mut paths: Vec<&str> = counted.collect();
    paths.dedup();
    let documented: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    paths.sort_unstable();
    assert_eq!(paths, documented);
}

#[tokio::test]
async fn required_fields_are_those_that_the_server_misses() {
    let (router, document) = document().await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(schema) =
            operations["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()
        else {
            continue;
        };
        let name = schema.rsplit('/').next().unwrap();
        let required: Vec<&str> = document["components"]["schemas"][name]["required"]
            .as_array()
            .map(|names| names.iter().map(|n| n.as_str().unwrap()).collect())
            .unwrap_or_default();
        let answer = post(&router, path, "{}").await;
        let missed: Vec<String> = answer.json()["detail"]
            .as_array()
            .map(|list| list.iter().map(|p| p["loc"][1].as_str().unwrap().to_owned()).collect())
            .unwrap_or_default();
        assert_eq!(missed, required, "{path}");
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let (_, document) = document().await;
    let mut open = vec![&document];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        if let Some(Value::String(reference)) = value.get("$ref") {
            let path = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(path).is_some(), "{reference}");
            seen += 1;
        }
        match value {
            Value::Object(fields) => open.extend(fields.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(seen > 10);
}
