//! Which state of a source was read.

use crate::Timestamp;

/// Which state of a source was, or would be, read: what a training set's manifest keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceVersion {
    /// The store cannot tell.
    #[default]
    Unknown,
    /// Files, in the order in which they are read.
    Files(Vec<FileVersion>),
    /// A table that numbers its versions, such as a Delta table.
    Table {
        /// Where it is.
        location: String,
        /// The version.
        version: u64,
    },
}

/// One file of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileVersion {
    /// Absolute path, or URL.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// What tells this content from any other, where the place knows it: an object's ETag.
    pub tag: Option<String>,
    /// When it was last written, where the place says so.
    pub modified: Option<Timestamp>,
}
