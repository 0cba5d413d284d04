//! Every call that was recorded from Feast 0.66's `feast listen` over SQLite, made to our server over the same registry and the same database, in the same order.
//! Answers are compared byte by byte; of refusals the code is, as the words are our own.

use crate::golden::open;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tonic::Code;
use tower::ServiceExt;

/// Calls whose code is another than Feast's on purpose: the name, our code, and why.
const DEVIATIONS: &[(&str, Code, &str)] = &[
    ("gof_service", Code::Unimplemented, "on-demand views run where a runtime of their mode is registered"),
    ("gof_unknown_service", Code::NotFound, "Feast answers INTERNAL, which clients take for a defect"),
    ("gof_unknown_view", Code::NotFound, "Feast answers UNKNOWN, which clients take for a defect"),
    (
        "push_string_features",
        Code::Ok,
        "texts become what the view declares; Feast writes no numbers from them",
    ),
    ("push_readback", Code::Ok, "the push before it was taken"),
    ("push_bad_to", Code::InvalidArgument, "Feast answers INTERNAL, which clients take for a defect"),
];

/// Records without a method or a request: health, which has tests of its own.
const NOT_ASKED: [&str; 2] = ["health_listen", "health_registry"];

#[tokio::test]
async fn recorded_calls_are_answered_as_feast_answers_them() {
    let repo = tempfile::tempdir().unwrap();
    let router = open(repo.path()).await;
    let recorded: Value =
        serde_json::from_str(include_str!("../../testdata/grpc_feature_server.json")).unwrap();
    let mut wrong = Vec::new();
    let mut same = 0;
    for call in recorded.as_array().unwrap() {
        let name = call["name"].as_str().unwrap();
        if NOT_ASKED.contains(&name) {
            continue;
        }
        let (code, message) =
            ask(&router, call["method"].as_str().unwrap(), &bytes(&call["request_hex"])).await;
        let expected =
            call.get("error").map_or(Code::Ok, |error| code_named(error["code"].as_str().unwrap()));
        let equal = code == expected && (code != Code::Ok || message == bytes(&call["response_hex"]));
        match DEVIATIONS.iter().find(|(deviation, ..)| *deviation == name) {
            None if equal => same += 1,
            None => wrong.push(format!("{name}: {code:?} and not {expected:?}: {message:02x?}")),
            Some(_) if equal => wrong.push(format!("{name}: is no deviation any more")),
            Some((_, ours, _)) if *ours != code => wrong.push(format!("{name}: {code:?} and not {ours:?}")),
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(same, 7);
}

/// Code and message of a call.
async fn ask(router: &Router, method: &str, message: &[u8]) -> (Code, Vec<u8>) {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    let request = Request::post(method).header("content-type", "application/grpc").header("te", "trailers");
    let response = router.clone().oneshot(request.body(Body::from(frame)).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let in_head = response.headers().get("grpc-status").cloned();
    let collected = response.into_body().collect().await.unwrap();
    let status = in_head.or_else(|| collected.trailers()?.get("grpc-status").cloned()).unwrap();
    let body: Bytes = collected.to_bytes();
    (Code::from_bytes(status.as_bytes()), body.get(5..).unwrap_or_default().to_vec())
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn code_named(name: &str) -> Code {
    let all = (0..17).map(Code::from);
    all.into_iter().find(|code| format!("{code:?}").to_uppercase() == name.replace('_', "")).unwrap()
}
