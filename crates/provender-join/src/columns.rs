//! Some columns of a source, found in each of its files.

use crate::conform::widens;
use crate::source::{Place, Source};
use crate::table::ColumnPlace;
use arrow_schema::{DataType, FieldRef};
use provender_core::{Error, Result};

/// Where a column of one file comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// The n-th of the columns that are read from the file.
    Read(usize),
    /// The n-th column that paths carry.
    Partition(usize),
    /// Nowhere: nulls.
    Null,
}

/// Columns to read, in the order asked.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Names in the source.
    pub(crate) names: Vec<String>,
    /// Types in the first file.
    pub(crate) types: Vec<DataType>,
    /// How many of the columns, from the first on, come in that type from all files.
    pub(crate) typed: usize,
    /// By column, what a table says that it is in the files.
    pub(crate) stored: Vec<Option<FieldRef>>,
    files: Vec<FileColumns>,
}

#[derive(Debug)]
struct FileColumns {
    /// Top-level columns of the file to read, ascending.
    roots: Vec<usize>,
    origins: Vec<Origin>,
}

impl Columns {
    /// Finds the columns in every file. The first `typed` of them, whose values are handed to users, must have one type in all files; the others, keys and
    /// times to compare, are brought to one form by whoever reads them.
    ///
    /// # Errors
    /// `Invalid` if a file lacks a column or has a typed one in another type.
    pub(crate) fn find(source: &Source, names: &[&str], typed: usize) -> Result<Self> {
        let types = names
            .iter()
            .map(|name| source.column_type(name, "column").cloned())
            .collect::<Result<Vec<_>>>()?;
        let mut files = Vec::with_capacity(source.files().len());
        for file in 0..source.files().len() {
            files.push(FileColumns::find(source, file, names, (&types, typed))?);
        }
        let place = |name: &&str| match &source.table()?.column(name)?.place {
            ColumnPlace::File(stored) => Some(stored.clone()),
            ColumnPlace::Table(_) => None,
        };
        let stored = names.iter().map(place).collect();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self { names, types, typed, stored, files })
    }

    /// Top-level columns to read from a file, ascending.
    pub(crate) fn roots(&self, file: usize) -> &[usize] {
        &self.files[file].roots
    }

    /// Where each column of a file comes from.
    pub(crate) fn origins(&self, file: usize) -> &[Origin] {
        &self.files[file].origins
    }
}

impl FileColumns {
    /// The first `typed` columns must have their types in the file; those of a table, a type that can be widened to them.
    fn find(
        source: &Source,
        file: usize,
        names: &[&str],
        (types, typed): (&[DataType], usize),
    ) -> Result<Self> {
        let schema = source.files()[file].body.schema();
        let mut roots = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let Place::File(root) = source.place(file, name) else { continue };
            let (found, expected) = (schema.field(root).data_type(), &types[i]);
            let fits = match source.table() {
                Some(_) => widens(found, expected),
                None => i >= typed || found.equals_datatype(expected),
            };
            if !fits {
                return Err(differs(source, file, name).with("type", found).with("expected", expected));
            }
            roots.push(root);
        }
        roots.sort_unstable();
        roots.dedup();
        let origin = |name: &&str| match source.place(file, name) {
            Place::File(root) => roots.binary_search(&root).ok().map(Origin::Read),
            Place::Constant(constant) => Some(Origin::Partition(constant)),
            Place::Null => Some(Origin::Null),
            Place::Missing => None,
        };
        let missing =
            |name: &&str| differs(source, file, name).with("expected", "the columns of the first file");
        let origins =
            names.iter().map(|name| origin(name).ok_or_else(|| missing(name))).collect::<Result<_>>()?;
        Ok(Self { roots, origins })
    }
}

fn differs(source: &Source, file: usize, column: &str) -> Error {
    Error::invalid("the schema differs between files")
        .with("source", source.name())
        .with("file", &source.files()[file].stored.path)
        .with("column", column)
}
