//! From the SDK's errors to kinds, in one place.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use provender_core::online::OnlineTable;
use provender_core::{Error, Kind};
use std::error::Error as StdError;
use std::fmt::Display;

/// What the SDK gives instead of an answer to an operation.
pub(crate) type Failure<E> = SdkError<E, HttpResponse>;

/// Where credentials come from, for people.
const CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, run `aws sso login`, or give the machine a role";

/// Whether an operation was throttled: nothing of it was done, and a later attempt may fare better.
pub(crate) fn is_throttled<E: ProvideErrorMetadata>(failure: &Failure<E>) -> bool {
    failure.code().is_some_and(|code| meaning(code) == Some(Meaning::Throttled))
}

/// Whether the table is not there.
pub(crate) fn is_missing<E: ProvideErrorMetadata>(failure: &Failure<E>) -> bool {
    failure.code().is_some_and(|code| meaning(code) == Some(Meaning::Missing))
}

/// Whether the table is busy being made, changed or deleted.
pub(crate) fn is_in_use<E: ProvideErrorMetadata>(failure: &Failure<E>) -> bool {
    failure.code().is_some_and(|code| meaning(code) == Some(Meaning::InUse))
}

/// Whether the caller's role does not allow the operation.
pub(crate) fn is_denied<E: ProvideErrorMetadata>(failure: &Failure<E>) -> bool {
    failure.code() == Some("AccessDeniedException")
}

/// The view's table is not there.
pub(crate) fn never_set_up(table: &OnlineTable, name: &str) -> Error {
    Error::not_found("the view has no table in DynamoDB; `provender apply` creates it")
        .with("view", &table.view)
        .with("table", name)
}

/// Adds view and table to an error that does not name them yet.
pub(crate) fn about(error: Error, (view, table): (impl Display, impl Display)) -> Error {
    if error.get("view").is_some() { error } else { error.with("view", view).with("table", table) }
}

/// What a failure means for the caller; `action` is such as `read the online store`.
pub(crate) fn failed<E>(failure: Failure<E>, action: &'static str) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let error = match &failure {
        SdkError::ServiceError(answer) => refused(answer.err(), answer.raw().status().as_u16(), action),
        SdkError::TimeoutError(_) => unavailable(action, "it did not answer in time"),
        SdkError::ResponseError(_) => unavailable(action, "its answer was cut short"),
        SdkError::DispatchFailure(dispatch) => match credentials_error(&failure) {
            Some(error) => without_credentials(error, action),
            None if dispatch.is_timeout() => unavailable(action, "it did not answer in time"),
            None => unavailable(action, "it cannot be reached"),
        },
        SdkError::ConstructionFailure(_) => match credentials_error(&failure) {
            Some(error) => without_credentials(error, action),
            None => Error::invalid(format!("cannot {action}: the request could not be made")),
        },
        _ => unavailable(action, "it failed"),
    };
    error.because(failure)
}

fn unavailable(action: &str, reason: &str) -> Error {
    Error::unavailable(format!("cannot {action} in DynamoDB: {reason}"))
}

/// An error that DynamoDB answered.
fn refused<E: ProvideErrorMetadata>(error: &E, status: u16, action: &str) -> Error {
    let code = error.code().unwrap_or("an error without a name");
    let (kind, hint) = match meaning(code) {
        Some(Meaning::Throttled) => (Kind::Unavailable, None),
        Some(Meaning::Missing) => (Kind::NotFound, None),
        Some(Meaning::InUse) => (Kind::Conflict, None),
        Some(Meaning::Credentials) => (Kind::Denied, Some(CREDENTIALS)),
        // The message names the role and the action that it lacks.
        Some(Meaning::Denied) => (Kind::Denied, None),
        Some(Meaning::Misfit) => (Kind::Invalid, None),
        None if status >= 500 => (Kind::Unavailable, None),
        None => (Kind::Internal, None),
    };
    let message = error.message().unwrap_or("no reason given").trim_end_matches('.');
    let error = Error::new(kind, format!("cannot {action} in DynamoDB: {message}")).with("code", code);
    match hint {
        Some(hint) => error.with("hint", hint),
        None => error,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Throttled,
    Missing,
    InUse,
    Credentials,
    Denied,
    Misfit,
}

/// What a code of DynamoDB says. Sources: "Error handling with DynamoDB" in the developer guide, "Common errors" in the API reference.
fn meaning(code: &str) -> Option<Meaning> {
    Some(match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "LimitExceededException" => Meaning::Throttled,
        "ResourceNotFoundException" | "TableNotFoundException" => Meaning::Missing,
        "ResourceInUseException" | "TableInUseException" => Meaning::InUse,
        "ExpiredTokenException"
        | "ExpiredToken"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired" => Meaning::Credentials,
        "AccessDeniedException" | "NotAuthorized" | "OptInRequired" => Meaning::Denied,
        "ValidationException" | "ItemCollectionSizeLimitExceededException" | "SerializationException" => {
            Meaning::Misfit
        }
        _ => return None,
    })
}

/// The failure to find credentials, if that is what is behind an error.
fn credentials_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a CredentialsError> {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.into_iter().find_map(|error| error.downcast_ref())
}

fn without_credentials(error: &CredentialsError, action: &str) -> Error {
    let (kind, reason) = match error {
        CredentialsError::ProviderTimedOut(_) => (Kind::Unavailable, "AWS credentials did not come in time"),
        CredentialsError::CredentialsNotLoaded(_) => (Kind::Denied, "no AWS credentials were found"),
        _ => (Kind::Denied, "no AWS credentials could be had"),
    };
    Error::new(kind, format!("cannot {action} in DynamoDB: {reason}")).with("hint", CREDENTIALS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::error::ErrorMetadata;

    fn answered(code: &str, status: u16) -> Error {
        let error = ErrorMetadata::builder().code(code).message("It said why.").build();
        refused(&error, status, "read the online store")
    }

    #[test]
    fn codes_say_what_to_do() {
        for (code, status, kind) in [
            ("ProvisionedThroughputExceededException", 400, Kind::Unavailable),
            ("ThrottlingException", 400, Kind::Unavailable),
            ("RequestLimitExceeded", 400, Kind::Unavailable),
            ("InternalServerError", 500, Kind::Unavailable),
            ("ServiceUnavailable", 503, Kind::Unavailable),
            ("ResourceNotFoundException", 400, Kind::NotFound),
            ("ResourceInUseException", 400, Kind::Conflict),
            ("ExpiredTokenException", 400, Kind::Denied),
            ("UnrecognizedClientException", 400, Kind::Denied),
            ("AccessDeniedException", 400, Kind::Denied),
            ("ValidationException", 400, Kind::Invalid),
            ("SomethingNewException", 400, Kind::Internal),
        ] {
            assert_eq!(answered(code, status).kind(), kind, "{code}");
        }
    }

    #[test]
    fn reason_and_code_are_told() {
        let error = answered("ValidationException", 400);
        assert_eq!(
            error.to_string(),
            "cannot read the online store in DynamoDB: It said why (code: ValidationException)"
        );
        assert!(answered("ExpiredTokenException", 400).get("hint").unwrap().contains("aws sso login"));
    }

    #[test]
    fn absent_credentials_are_found_at_the_end_of_a_chain() {
        let error = Error::internal("outer")
            .because(Error::internal("inner").because(CredentialsError::not_loaded("none")));
        let error = without_credentials(credentials_error(&error).unwrap(), "read the online store");
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains("no AWS credentials were found"), "{error}");
    }
}
