//! Why a call is not answered, as a status of gRPC.

use crate::failure::{self, Failure};
use crate::fields::Problem;
use axum::http::StatusCode;
use prost::Message;
use provender_core::{Error, Kind};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// Headers hold a status, and clients bound headers.
const LONGEST: usize = 1_024;

/// The status of a failure. Causes go to the log.
pub(super) fn of(failure: Failure) -> Status {
    match failure {
        Failure::Engine(error) => {
            failure::log(&error);
            status(code(&error), failure::message(&error))
        }
        Failure::Http(http, text) => status(code_of_http(http), text.into_owned()),
        Failure::Form(problems) => status(Code::InvalidArgument, Problem::to_json(&problems)),
    }
}

/// A mistake in a request.
pub(super) fn invalid(error: Error) -> Status {
    of(error.into())
}

/// An unknown push source is the one missing thing for which Feast has a code of its own.
fn code(error: &Error) -> Code {
    match (error.get("class"), error.kind()) {
        (Some("PushSourceNotFoundException"), _) => Code::InvalidArgument,
        (Some("FeastPermissionError"), _) => Code::PermissionDenied,
        (_, kind) => kind.grpc_code().into(),
    }
}

fn code_of_http(status: StatusCode) -> Code {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable.grpc_code().into(),
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::BAD_REQUEST => Code::Cancelled,
        _ => Code::InvalidArgument,
    }
}

/// Whoever may come back is told when, in both forms that clients read: `google.rpc.RetryInfo`, and the pushback of retries.
fn status(code: Code, mut message: String) -> Status {
    if let Some((cut, _)) = message.char_indices().nth(LONGEST) {
        message.truncate(cut);
        message.push('…');
    }
    if code != Code::Unavailable {
        return Status::new(code, message);
    }
    let details =
        RpcStatus { code: code.into(), message: message.clone(), details: vec![retry_after_a_second()] };
    let mut metadata = MetadataMap::new();
    metadata.insert("grpc-retry-pushback-ms", MetadataValue::from_static("1000"));
    Status::with_details_and_metadata(code, message, details.encode_to_vec().into(), metadata)
}

fn retry_after_a_second() -> prost_types::Any {
    let info = RetryInfo { retry_delay: Some(prost_types::Duration { seconds: 1, nanos: 0 }) };
    prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: info.encode_to_vec(),
    }
}

/// `google.rpc.Status`, which the header `grpc-status-details-bin` holds.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_follows_the_class_then_the_kind() {
        for (error, expected) in [
            (Error::not_found("x").with("class", "PushSourceNotFoundException"), Code::InvalidArgument),
            (Error::not_found("x").with("class", "FeatureViewNotFoundException"), Code::NotFound),
            (Error::new(Kind::Denied, "x"), Code::PermissionDenied),
            (Error::new(Kind::AlreadyExists, "x"), Code::AlreadyExists),
            (Error::conflict("x"), Code::Aborted),
            (Error::invalid("x"), Code::InvalidArgument),
            (Error::unsupported("x"), Code::Unimplemented),
            (Error::unavailable("x"), Code::Unavailable),
            (Error::internal("x"), Code::Internal),
        ] {
            assert_eq!(of(error.into()).code(), expected);
        }
        assert_eq!(of(Failure::too_large("x".into())).code(), Code::ResourceExhausted);
    }

    #[test]
    fn whoever_is_turned_away_is_told_to_come_back() {
        let status = of(Failure::busy("full"));
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "full"));
        let told = RpcStatus::decode(status.details()).unwrap();
        let info = RetryInfo::decode(&*told.details[0].value).unwrap();
        assert_eq!(info.retry_delay.unwrap().seconds, 1);
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
        assert!(of(Error::invalid("x").into()).details().is_empty());
    }

    #[test]
    fn long_message_is_cut_between_characters() {
        let status = of(Error::invalid("é".repeat(5_000)).into());
        assert_eq!(status.message().chars().count(), LONGEST + 1);
    }
}
