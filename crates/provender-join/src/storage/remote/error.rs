//! Failures of object stores in Provender's words.

use object_store::Error as StoreError;
use provender_core::{Error, Kind};
use std::error::Error as StdError;

/// What a store's refusal says, wherever it hides in the chain of causes.
struct Sign {
    words: &'static [&'static str],
    kind: Kind,
    message: &'static str,
    expected: &'static str,
}

/// Codes of S3, Azure and GCS, and messages of the clients' credential chains.
const SIGNS: &[Sign] = &[
    Sign {
        words: &[
            "ExpiredToken",
            "TokenRefreshRequired",
            "RequestExpired",
            "token has expired",
            "AuthenticationFailed",
        ],
        kind: Kind::Denied,
        message: "the credentials are expired or not accepted",
        expected: "fresh credentials of the cloud",
    },
    Sign {
        words: &["RequestTimeTooSkewed"],
        kind: Kind::Denied,
        message: "this machine's clock is too far from the store's",
        expected: "a clock that is right within minutes",
    },
    Sign {
        words: &["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"],
        kind: Kind::Denied,
        message: "the store does not accept the credentials",
        expected: "the key and secret of an account that may use the bucket",
    },
    Sign {
        words: &["no credentials", "metadata/identity", "computeMetadata", "CredentialsError", "oauth2"],
        kind: Kind::Denied,
        message: "there are no credentials that work",
        expected: "credentials in the environment, a profile, a file or from the machine, as docs/object-stores.md lists them",
    },
    Sign {
        words: &["NoSuchBucket", "ContainerNotFound"],
        kind: Kind::NotFound,
        message: "there is no such bucket",
        expected: "a bucket that exists, at this endpoint",
    },
    Sign {
        words: &["PermanentRedirect", "without LOCATION", "AuthorizationHeaderMalformed"],
        kind: Kind::Invalid,
        message: "the bucket is in another region",
        expected: "its region in AWS_REGION or aws_region",
    },
];

/// An error of a store while `action` was done to the object or folder at a URL.
pub(in crate::storage) fn failed(error: &StoreError, action: &'static str, url: &str) -> Error {
    let text = chain(error);
    let sign = SIGNS.iter().find(|sign| sign.words.iter().any(|word| text.contains(word)));
    let told = match (error, sign) {
        (_, Some(sign)) => Error::new(sign.kind, sign.message).with("expected", sign.expected),
        (StoreError::NotFound { .. }, _) => Error::not_found("there is no such object"),
        (StoreError::PermissionDenied { .. }, _) => not_allowed(action),
        // The client does not tell refusals from outages when it lists.
        (StoreError::Generic { .. }, _)
            if text.contains("403 Forbidden") || text.contains("401 Unauthorized") =>
        {
            not_allowed(action)
        }
        (StoreError::Unauthenticated { .. }, _) => Error::new(Kind::Denied, "the store asks for credentials")
            .with("expected", "credentials that it accepts"),
        (
            StoreError::Precondition { .. }
            | StoreError::AlreadyExists { .. }
            | StoreError::NotModified { .. },
            _,
        ) => Error::conflict("the object has changed in the meantime"),
        (StoreError::NotSupported { .. } | StoreError::NotImplemented { .. }, _) => {
            Error::unsupported(format!("the store cannot {action} in this way"))
        }
        (StoreError::InvalidPath { .. } | StoreError::UnknownConfigurationKey { .. }, _) => {
            Error::invalid(format!("cannot {action}"))
        }
        _ => Error::unavailable(format!("cannot {action}: the store does not answer as it should")),
    };
    told.with("path", url).because(text)
}

fn not_allowed(action: &'static str) -> Error {
    Error::new(Kind::Denied, format!("not allowed to {action}"))
        .with("expected", "credentials that are right, not expired, and whose role allows it")
}

/// All that the chain of causes says, once: most of them repeat the ones below.
fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> StoreError {
        StoreError::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn refusals_are_told_from_outages() {
        let kind = |error| failed(&error, "read", "s3://b/k").kind();
        assert_eq!(kind(generic("status 503 Service Unavailable: SlowDown")), Kind::Unavailable);
        assert_eq!(kind(generic("<Code>ExpiredToken</Code>")), Kind::Denied);
        assert_eq!(
            kind(generic("Server returned non-2xx status code: 403 Forbidden: <Error/>")),
            Kind::Denied
        );
        assert_eq!(kind(StoreError::NotFound { path: "k".into(), source: "404".into() }), Kind::NotFound);
        assert_eq!(kind(StoreError::Precondition { path: "k".into(), source: "412".into() }), Kind::Conflict);
        let bucket = StoreError::NotFound { path: "k".into(), source: "<Code>NoSuchBucket</Code>".into() };
        assert_eq!(failed(&bucket, "read", "s3://b/k").message(), "there is no such bucket");
        assert_eq!(failed(&generic("x"), "read", "s3://b/k").get("path"), Some("s3://b/k"));
    }
}
