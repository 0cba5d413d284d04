//! Why a request is not answered, in the forms that Feast's clients know (interop.md 4.4).

use crate::answers;
use crate::fields::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use provender_core::{Error, Kind};
use std::borrow::Cow;

/// Why a request is not answered.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The body is not what the endpoint takes: 422 with FastAPI's list.
    Form(Vec<Problem>),
    /// The engine, or a check in its stead, says no: a JSON string.
    Engine(Error),
    /// HTTP itself says no: `{"detail": …}`.
    Http(StatusCode, Cow<'static, str>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl Failure {
    /// 503: too much to do at the moment.
    pub(crate) fn busy(what: &'static str) -> Self {
        Self::Http(StatusCode::SERVICE_UNAVAILABLE, what.into())
    }

    /// 413: more than the server takes.
    pub(crate) fn too_large(what: String) -> Self {
        Self::Http(StatusCode::PAYLOAD_TOO_LARGE, what.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = match &self {
            Self::Form(problems) => {
                answers::json(StatusCode::UNPROCESSABLE_ENTITY, Problem::to_json(problems))
            }
            Self::Engine(error) => {
                log(error);
                answers::json(status(error), body(error))
            }
            Self::Http(status, text) => answers::detail(*status, text),
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Causes stay out of answers, so they go to the log.
pub(crate) fn log(error: &Error) {
    match error.kind() {
        Kind::Internal => tracing::error!("{}", error.report()),
        Kind::Unavailable => tracing::warn!("{}", error.report()),
        _ => tracing::debug!("{}", error.report()),
    }
}

/// Feast's status of an error: by its class where Feast has one. A mistake for which Feast has no class is 500 there, so here too.
fn status(error: &Error) -> StatusCode {
    let code = match (error.get("class"), error.kind()) {
        (Some("PushSourceNotFoundException"), _) => 422,
        (Some("FeastPermissionError"), _) => 403,
        (Some(_), Kind::NotFound) => 404,
        (Some(_), _) | (None, Kind::Invalid | Kind::NotFound) => 500,
        (None, kind) => kind.http_status(),
    };
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A JSON string: the message, or for an error class of Feast the JSON text from which its clients rebuild the exception.
fn body(error: &Error) -> String {
    let message = message(error);
    answers::quoted(&match error.get("class") {
        Some(class) => format!(
            r#"{{"module": "feast.errors", "class": {}, "message": {}}}"#,
            answers::quoted(class),
            answers::quoted(&message)
        ),
        None => message,
    })
}

/// The message as a sentence, followed by the context that is meant for people.
pub(crate) fn message(error: &Error) -> String {
    let mut letters = error.message().chars();
    let mut text: String = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    text.push_str(letters.as_str());
    let context: Vec<String> = error
        .context()
        .iter()
        .filter(|(key, _)| !matches!(*key, "class" | "kind"))
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    if !context.is_empty() {
        text.push_str(&format!(" ({})", context.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests;
