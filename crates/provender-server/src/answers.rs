//! The few shapes that answers have.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// JSON text that is already written.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response {
    typed(status, JSON, body)
}

/// A body of some type.
pub(crate) fn typed(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// No body at all.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// `{"detail": …}`, FastAPI's form for everything that HTTP itself refuses.
pub(crate) fn detail(status: StatusCode, text: &str) -> Response {
    json(status, format!(r#"{{"detail":{}}}"#, quoted(text)))
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
