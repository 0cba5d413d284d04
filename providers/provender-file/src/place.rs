//! Where the files of a source are.

use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{Error, Kind, OpenContext, Result};
use provender_join::storage::{Places, Storage, StorageOptions, is_url};
use provender_join::{Format, SourceSpec};
use std::path::Path;
use std::sync::Arc;

/// The files of a source, as its definition says.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Absolute path, or URL; may be a glob.
    pub(crate) path: String,
    pub(crate) format: Format,
    /// What reads and writes there.
    pub(crate) places: Places,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    File,
    Folder,
    Nothing,
}

impl Place {
    pub(crate) fn of(source: &DataSource, context: &OpenContext, options: &StorageOptions) -> Result<Self> {
        let SourceKind::File { path, format, s3_endpoint_override } = &source.kind else {
            return Err(refuse(source, "only file sources are read by this store"));
        };
        let format = match format {
            FileFormat::Csv => Format::Csv,
            FileFormat::Unset if path.to_ascii_lowercase().ends_with(".csv") => Format::Csv,
            FileFormat::Unset | FileFormat::Parquet => Format::Parquet,
            FileFormat::Delta => return Err(refuse(source, "this store reads Parquet and CSV, not Delta")),
        };
        let path =
            if is_url(path) { path.clone() } else { context.path(path).to_string_lossy().into_owned() };
        let places = Places::new(options.clone().with_s3_endpoint(s3_endpoint_override));
        Ok(Self { path, format, places })
    }

    /// Rows that were appended to a single file are in this folder.
    pub(crate) fn beside(&self) -> String {
        format!("{}.d", self.path)
    }

    /// What is at the path now; blocks.
    pub(crate) fn found(&self) -> Result<Found> {
        if !is_url(&self.path) {
            let path = Path::new(&self.path);
            return Ok(match () {
                () if path.is_dir() => Found::Folder,
                () if path.is_file() => Found::File,
                () => Found::Nothing,
            });
        }
        match self.places.list(&self.path) {
            Ok(files) if matches!(&files[..], [file] if file.path == self.path) => Ok(Found::File),
            Ok(_) => Ok(Found::Folder),
            Err(error) if error.kind() == Kind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// What to open: the path, then what was appended beside it; blocks.
    pub(crate) fn spec(&self, name: &str, text_columns: Vec<String>) -> Result<SourceSpec> {
        let mut spec = SourceSpec::new(name, &self.path, self.format);
        if self.has_rows_beside()? {
            spec.paths.push(self.beside());
        }
        spec.text_columns = text_columns;
        spec.storage = Arc::new(self.places.clone());
        Ok(spec)
    }

    fn has_rows_beside(&self) -> Result<bool> {
        if is_url(&self.path) {
            // What has no extension, or may be many files, is no single file: nothing need be asked.
            let name = self.path.rsplit('/').next().unwrap_or_default();
            return Ok(name.contains('.')
                && !is_glob(&self.path)
                && self.places.is_folder(&self.beside())?);
        }
        Ok(Path::new(&self.path).is_file() && Path::new(&self.beside()).is_dir())
    }
}

/// Whether a path may mean several files.
pub(crate) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

pub(crate) fn refuse(source: &DataSource, why: &'static str) -> Error {
    Error::unsupported(why).with("source", &source.name).with("kind", source.kind.class())
}
