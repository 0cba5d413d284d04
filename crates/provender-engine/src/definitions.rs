//! What a repository declares, from whatever front end: YAML files, the builder API, later Python.

use provender_core::Error;
use std::fmt;
use std::path::PathBuf;

/// Everything a repository declares, references not yet resolved.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// In the order in which they were found.
    pub objects: Vec<Declared>,
}

/// One declared object and where it stands.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Where it stands, for error messages.
    pub origin: Origin,
}

/// Where a declaration stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// File, relative to the repository's folder; empty for objects that were built by a program.
    pub file: PathBuf,
    /// Line of the document's first key, from 1; 0 if unknown.
    pub line: usize,
}

/// All that is wrong with a repository, at once.
#[derive(Debug)]
pub struct Problems(pub Vec<Error>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { "\n" }, error.report())?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Error> for Problems {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}
