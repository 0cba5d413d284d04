//! Where the files of a source are.

use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{Error, OpenContext, Result};
use provender_join::{Format, SourceSpec};
use std::path::PathBuf;

/// The files of a source, as its definition says.
#[derive(Debug)]
pub(crate) struct Place {
    /// Absolute path; may be a glob.
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

impl Place {
    pub(crate) fn of(source: &DataSource, context: &OpenContext) -> Result<Self> {
        let SourceKind::File { path, format, .. } = &source.kind else {
            return Err(refuse(source, "only file sources are read by this store"));
        };
        let is_remote = path.split_once("://").is_some_and(|(scheme, _)| scheme != "file");
        if is_remote {
            return Err(refuse(source, "this store reads local disk only").with("path", path));
        }
        let format = match format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Unset if path.to_ascii_lowercase().ends_with(".csv") => Format::Csv,
            FileFormat::Unset | FileFormat::Parquet => Format::Parquet,
            FileFormat::Delta => return Err(refuse(source, "this store reads Parquet and CSV, not Delta")),
        };
        Ok(Self { path: context.path(path), format })
    }

    /// Rows that were appended to a single file are in this folder.
    pub(crate) fn beside(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".d");
        name.into()
    }

    /// What to open: the path, then what was appended beside it.
    pub(crate) fn spec(&self, source: &DataSource, text_columns: Vec<String>) -> SourceSpec {
        let mut spec = SourceSpec::new(&source.name, self.path.to_string_lossy(), self.format);
        if self.path.is_file() && self.beside().is_dir() {
            spec.paths.push(self.beside().to_string_lossy().into_owned());
        }
        spec.text_columns = text_columns;
        spec
    }
}

pub(crate) fn refuse(source: &DataSource, why: &'static str) -> Error {
    Error::unsupported(why).with("source", &source.name).with("kind", source.kind.class())
}
