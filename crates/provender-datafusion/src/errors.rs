//! What DataFusion says, in Provender's words.

use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;
use provender_core::{Error, Kind};
use std::error::Error as StdError;

/// An error of DataFusion. One that a store raised below it comes out as the store's.
pub(crate) fn of_datafusion(error: &DataFusionError) -> Error {
    if let Some(own) = own_cause(error) {
        return copied(own);
    }
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let mapped = of_root(root(error));
    match place {
        Some(span) if mapped.get("at").is_none() => mapped.with("at", at(span.start.line, span.start.column)),
        _ => mapped,
    }
}

/// An error of Provender on its way through DataFusion.
pub(crate) fn through_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn of_root(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::SQL(error, _) => of_parser(error),
        DataFusionError::SchemaError(error, _) => of_schema(error),
        DataFusionError::Plan(why) => {
            Error::invalid("the query does not fit its tables").with("why", told(why))
        }
        DataFusionError::NotImplemented(why) => {
            Error::unsupported("the engine for SQL cannot do that").with("why", told(why))
        }
        DataFusionError::ResourcesExhausted(why) => {
            Error::invalid("the query needs more memory than it may use").because(why.clone())
        }
        DataFusionError::Execution(why) | DataFusionError::Configuration(why) => {
            Error::invalid("the query failed").with("why", told(why))
        }
        DataFusionError::ArrowError(error, _) => {
            Error::invalid("the query cannot convert or compute a value")
                .with("why", told(&error.to_string()))
        }
        DataFusionError::IoError(error) => {
            Error::unavailable("the query cannot use its disk").because(error.to_string())
        }
        other => Error::internal("the query failed").because(other.strip_backtrace()),
    }
}

/// `Expected: an expression, found: FROM at Line: 1, Column: 8`.
fn of_parser(error: &ParserError) -> Error {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => return Error::invalid("the query is nested too deeply"),
    };
    let (text, place) = match text.rsplit_once(" at Line: ") {
        Some((text, place)) => (text, place.split_once(", Column: ")),
        None => (text, None),
    };
    let error = Error::invalid("the query is not SQL");
    let error = match text.strip_prefix("Expected: ").and_then(|text| text.rsplit_once(", found: ")) {
        Some((expected, found)) => error.with("found", found).with("expected", expected),
        None => error.with("why", told(text)),
    };
    match place {
        Some((line, column)) => error.with("at", at(line, column)),
        None if text.ends_with("found: EOF") => error.with("at", "the end of the query"),
        None => error,
    }
}

fn of_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known = valid_fields.iter().map(Column::name);
            let error = Error::invalid("there is no such column").with("column", field.flat_name());
            error
                .suggest(field.name(), known)
                .with("expected", valid_fields.iter().map(Column::flat_name).collect::<Vec<_>>().join(", "))
        }
        SchemaError::AmbiguousReference { field } => {
            Error::invalid("several tables have that column").with("column", field.flat_name())
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => Error::invalid("two columns go by one name")
            .with("column", name)
            .with("expected", "an AS for one"),
    }
}

/// A place in a query.
pub(crate) fn at(line: impl std::fmt::Display, column: impl std::fmt::Display) -> String {
    format!("line {line}, column {column}")
}

/// A message of another's as a value of ours.
fn told(text: &str) -> String {
    text.trim_end_matches('.').replace('\n', " ")
}

/// What DataFusion wraps around an error taken off.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => root(inner),
        DataFusionError::Shared(inner) => root(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, root),
        other => other,
    }
}

/// The error of Provender at the bottom of another.
fn own_cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<Error>() {
            return Some(own);
        }
        cause = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner)) => {
                Some(inner.as_ref())
            }
            _ => error.source(),
        };
    }
    None
}

fn copied(error: &Error) -> Error {
    let kind: Kind = error.kind();
    let mut copy = Error::new(kind, error.message().to_owned());
    for (key, value) in error.context() {
        copy = copy.with(key, value);
    }
    match error.source() {
        Some(source) => copy.because(chain(source)),
        None => copy,
    }
}

fn chain(error: &dyn StdError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
