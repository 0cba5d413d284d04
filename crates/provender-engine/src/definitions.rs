//! What a repository declares, from whatever front end: YAML files, the builder API, later Python.
//!
//! A front end produces [`Definitions`]: drafts whose references are still names. Everything that is checked is checked on drafts, once, for all front ends.

pub mod build;
mod files;
mod forms;
mod ignore;
#[cfg(test)]
mod tests;
pub(crate) mod ttl;
mod yaml;

pub use forms::reference::{FieldReference, KindReference, reference};

use build::Draft;
use provender_core::{Error, Result};
use std::fmt;
use std::path::{Path, PathBuf};

/// Everything a repository declares, references not yet resolved.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// In the order in which they were found.
    pub objects: Vec<Declared>,
}

/// One declared object and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// Where it stands, for error messages.
    pub origin: Origin,
    /// The object.
    pub draft: Draft,
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

impl Definitions {
    /// No definitions; add to them with [`Definitions::with`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object that was built by a program. See [`build`].
    #[must_use]
    pub fn with(mut self, draft: impl Into<Draft>) -> Self {
        self.objects.push(Declared { origin: Origin::default(), draft: draft.into() });
        self
    }

    /// Reads the definitions in a repository's folder: every `.yaml` and `.yml` file below it, in the order of their paths, except `feature_store.yaml`, hidden files and
    /// folders, folders with a `feature_store.yaml` of their own (they are other repositories), and what the globs in `.feastignore` or `.provenderignore` match (as in
    /// a `.gitignore`).
    ///
    /// # Errors
    /// Everything that cannot be read, at once: each error names the file with its line, the object, the field, and what was expected. References are not looked at here.
    pub fn load(repo_dir: &Path) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut definitions = Self::new();
        for file in files::find(repo_dir)? {
            match files::read(repo_dir, &file) {
                Ok(text) => definitions.objects.extend(forms::read_file(&file, &text, &mut problems)),
                Err(error) => problems.push(error),
            }
        }
        Problems::none_in(problems)?;
        Ok(definitions)
    }
}

/// Definitions in one text, as if it were a file of a repository.
#[cfg(test)]
pub(crate) fn forms_for_tests(file: &str, text: &str) -> Result<Definitions, Problems> {
    let mut problems = Vec::new();
    let objects = forms::read_file(Path::new(file), text, &mut problems);
    Problems::none_in(problems)?;
    Ok(Definitions { objects })
}

impl Origin {
    /// Says in an error where the declaration stands, if it stands in a file.
    pub(crate) fn blame(&self, error: Error) -> Error {
        if self.file.as_os_str().is_empty() { error } else { error.with("file", self) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_os_str().is_empty(), self.line) {
            (true, _) => f.write_str("built by a program"),
            (false, 0) => self.file.display().fmt(f),
            (false, line) => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

impl Problems {
    /// # Errors
    /// The errors, unless there is none.
    pub(crate) fn none_in(errors: Vec<Error>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self(errors)) }
    }
}

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
