//! The one error type of Provender: a kind for the program, a message and context for people, a source for the log.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// What the caller can do about an error. One table maps it to HTTP, gRPC, CLI exit codes and Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The request or definition is wrong; change it. HTTP 400, exit 2.
    Invalid,
    /// The named thing does not exist. HTTP 404, exit 3.
    NotFound,
    /// The thing to create exists. HTTP 409, exit 4.
    AlreadyExists,
    /// Somebody else changed the state in between; read again and retry. HTTP 409, exit 4.
    Conflict,
    /// The caller, or this process, may not do that. HTTP 403, exit 5.
    Denied,
    /// This store or this build cannot do that. HTTP 501, exit 6.
    Unsupported,
    /// A service or disk did not answer in time; a retry may help. HTTP 503, exit 7.
    Unavailable,
    /// A defect, or damaged data. HTTP 500, exit 1.
    Internal,
}

impl Kind {
    /// The process exit code of the command line.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Invalid => 2,
            Self::NotFound => 3,
            Self::AlreadyExists | Self::Conflict => 4,
            Self::Denied => 5,
            Self::Unsupported => 6,
            Self::Unavailable => 7,
        }
    }

    /// The gRPC status code.
    #[must_use]
    pub fn grpc_code(self) -> i32 {
        match self {
            Self::Invalid => 3,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::Denied => 7,
            Self::Conflict => 10,
            Self::Unsupported => 12,
            Self::Internal => 13,
            Self::Unavailable => 14,
        }
    }

    /// The HTTP status code.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Denied => 403,
            Self::Unsupported => 501,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// An error with its kind, context and source. One pointer wide.
///
/// `Display` is the message followed by its context in parentheses, lowercase, without the source:
/// print the chain once, at the edge, with [`Error::report`].
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Shorthand for a result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), context: Vec::new(), source: None }))
    }

    /// The request or definition is wrong.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Invalid, message)
    }

    /// The named thing does not exist.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// Somebody else changed the state in between.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// This store or build cannot do that.
    pub fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unsupported, message)
    }

    /// A retry may help.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// A defect, or damaged data.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// An I/O error on a path, with the kind that its cause deserves.
    pub fn io(error: std::io::Error, action: &'static str, path: impl AsRef<std::path::Path>) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => Kind::NotFound,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Kind::Denied,
            Io::AlreadyExists => Kind::AlreadyExists,
            Io::IsADirectory | Io::NotADirectory | Io::InvalidFilename | Io::InvalidInput => Kind::Invalid,
            Io::InvalidData | Io::UnexpectedEof => Kind::Invalid,
            _ => Kind::Unavailable,
        };
        Self::new(kind, format!("cannot {action}")).with("path", path.as_ref().display()).because(error)
    }

    /// Adds a context pair. Keys are fixed words: `file`, `view`, `entity`, `feature`, `source`, `field`, `type`, `at`, `expected`, `path`…
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Sets the cause, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller can do.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The message alone, without context.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The context pairs, in the order they were added.
    #[must_use]
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// The first context value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.context.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }

    /// The message, its context and the whole chain of causes, for a log or a terminal.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (i, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}: {value}", if i == 0 { " (" } else { ", " })?;
        }
        if self.0.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.report())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// A failure inside Arrow: a type that cannot be converted is the caller's, everything else is ours.
impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Self {
        use arrow_schema::ArrowError as A;
        let kind = match &error {
            A::CastError(_) | A::ParseError(_) | A::SchemaError(_) | A::CsvError(_) | A::JsonError(_) => {
                Kind::Invalid
            }
            A::NotYetImplemented(_) => Kind::Unsupported,
            A::IoError(..) => Kind::Unavailable,
            _ => Kind::Internal,
        };
        Self::new(kind, "cannot process columns").because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_has_context_but_not_the_source() {
        let error = Error::invalid("unknown type").with("view", "v").with("at", "schema[0]").because("boom");
        assert_eq!(error.to_string(), "unknown type (view: v, at: schema[0])");
        assert_eq!(error.report(), "unknown type (view: v, at: schema[0]): boom");
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn io_kinds_say_what_to_do() {
        let kind = |k| Error::io(std::io::Error::from(k), "read", "x").kind();
        assert_eq!(kind(std::io::ErrorKind::NotFound), Kind::NotFound);
        assert_eq!(kind(std::io::ErrorKind::PermissionDenied), Kind::Denied);
        assert_eq!(kind(std::io::ErrorKind::StorageFull), Kind::Unavailable);
    }
}
