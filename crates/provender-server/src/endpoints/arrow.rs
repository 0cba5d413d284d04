//! Online features as a stream of Arrow's IPC, for clients that work on columns.

use crate::answers;
use crate::failure::Failure;
use crate::fields::query_flag;
use arrow_ipc::writer::StreamWriter;
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use provender_core::Result as Outcome;
use provender_engine::OnlineAnswer;

/// <https://www.iana.org/assignments/media-types/application/vnd.apache.arrow.stream>
const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

/// What a client asks for beside the values; `None` if it takes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    /// Statuses and event times, by `?status=true` as Feast's Go server has it.
    details: bool,
}

impl Arrow {
    /// # Errors
    /// 422 for a flag that is no truth value.
    pub(super) fn asked(headers: &HeaderMap, uri: &Uri) -> Result<Option<Self>, Failure> {
        if !accepts(headers) {
            return Ok(None);
        }
        let pairs =
            Query::<Vec<(String, String)>>::try_from_uri(uri).map(|query| query.0).unwrap_or_default();
        let mut problems = Vec::new();
        let details = query_flag("status", &pairs, &mut problems);
        if problems.is_empty() { Ok(Some(Self { details })) } else { Err(Failure::Form(problems)) }
    }

    /// The answer as a stream of one batch.
    ///
    /// # Errors
    /// As [`OnlineAnswer::to_batch`].
    pub(super) fn write(self, answer: &OnlineAnswer) -> Result<Response, Failure> {
        let stream = self.stream(answer)?;
        answer.count();
        Ok(answers::typed(StatusCode::OK, HeaderValue::from_static(MEDIA_TYPE), stream))
    }

    fn stream(self, answer: &OnlineAnswer) -> Outcome<Vec<u8>> {
        let batch = answer.to_batch(self.details)?;
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
        writer.write(&batch)?;
        Ok(writer.into_inner()?)
    }
}

/// Whether any `Accept` names the media type; a client that names it can read it, whatever else it names.
fn accepts(headers: &HeaderMap) -> bool {
    let names = |value: &HeaderValue| {
        let kinds = value.to_str().unwrap_or_default().split(',');
        kinds
            .map(|kind| kind.split(';').next().unwrap_or_default().trim())
            .any(|kind| kind.eq_ignore_ascii_case(MEDIA_TYPE))
    };
    headers.get_all(header::ACCEPT).iter().any(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &str, uri: &str) -> Option<Arrow> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Arrow::asked(&headers, &uri.parse().unwrap()).ok().unwrap()
    }

    #[test]
    fn arrow_is_asked_for_by_name() {
        let path = "/get-online-features";
        assert_eq!(asked("application/vnd.apache.arrow.stream", path), Some(Arrow { details: false }));
        assert_eq!(
            asked(
                "application/json, Application/vnd.apache.arrow.stream;q=0.5",
                &format!("{path}?status=true")
            ),
            Some(Arrow { details: true })
        );
        assert_eq!(asked("*/*", path), None);
        assert_eq!(asked("application/json", &format!("{path}?status=maybe")), None);
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, MEDIA_TYPE.parse().unwrap());
        assert!(Arrow::asked(&headers, &"/?status=maybe".parse().unwrap()).is_err());
    }
}
