//! A source: files of one format and schema, cut into units that threads read on their own.

use crate::columns::Columns;
use crate::csv_file::{self, CsvFile};
use crate::listing::{self, Listing};
use crate::parquet_file::ParquetFile;
use crate::prune::{Limits, prune_files};
use crate::reader::{Pick, UnitReader};
use crate::storage::{Places, ReadAt, Storage, StoredFile};
use crate::table::{self, ColumnPlace, OpenTable, TableFiles};
use crate::threads;
use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;
use provender_core::{Error, Kind, RequestContext, Result};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Format of a source's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    #[default]
    Parquet,
    /// Comma separated values with a header line; types are inferred from all rows.
    Csv,
}

/// What to open.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Name in errors.
    pub name: String,
    /// Where the files are: each a file, a folder (searched to the bottom, names that begin with `.` or `_` left out), or a glob in which `*` stays inside
    /// a folder and `**` does not. Folders named `k=v` make columns. The files of a path are read in path order, the paths in the order given.
    pub paths: Vec<String>,
    /// Format of all files.
    pub format: Format,
    /// CSV columns to be read as text whatever they look like.
    pub text_columns: Vec<String>,
    /// The table that lists the files, all Parquet, and says what is in them; there are no paths then.
    pub table: Option<Arc<dyn TableFiles>>,
    /// Where the paths lead.
    pub storage: Arc<dyn Storage>,
}

impl SourceSpec {
    /// Files on local disk, or in a bucket that is reached by what the environment says.
    pub fn new(name: impl Into<String>, path: impl Into<String>, format: Format) -> Self {
        Self {
            name: name.into(),
            paths: vec![path.into()],
            format,
            text_columns: Vec::new(),
            table: None,
            storage: Arc::new(Places::default()),
        }
    }

    /// The files of a table.
    pub fn of_table(name: impl Into<String>, table: Arc<dyn TableFiles>, storage: Arc<dyn Storage>) -> Self {
        Self {
            name: name.into(),
            paths: Vec::new(),
            format: Format::Parquet,
            text_columns: Vec::new(),
            table: Some(table),
            storage,
        }
    }
}

/// A source whose files have been listed and whose schemas and row-group statistics are known.
#[derive(Debug)]
pub struct Source {
    name: String,
    storage: Arc<dyn Storage>,
    files: Vec<SourceFile>,
    units: Vec<Unit>,
    partitions: Vec<(String, ArrayRef)>,
    schema: SchemaRef,
    table: Option<OpenTable>,
}

/// One file of a source.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) stored: StoredFile,
    pub(crate) body: Body,
}

/// Where a column of a source is in one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The n-th of the file's top-level columns.
    File(usize),
    /// The n-th column with one value a file.
    Constant(usize),
    /// Nowhere, which by the table's rules means nulls.
    Null,
    /// Nowhere.
    Missing,
}

/// What is known of a file's content.
#[derive(Debug)]
pub(crate) enum Body {
    Parquet(ParquetFile),
    Csv(CsvFile),
}

impl Body {
    pub(crate) fn schema(&self) -> &SchemaRef {
        match self {
            Self::Parquet(file) => file.schema(),
            Self::Csv(file) => file.schema(),
        }
    }
}

/// A part of a source that one thread reads: a row group of a Parquet file, or a CSV file. Units are numbered in the source's order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    pub(crate) file: usize,
    pub(crate) row_group: usize,
    pub(crate) rows: u64,
}

impl Source {
    /// Lists the files and reads their schemas, with as many threads as the machine runs at once.
    ///
    /// # Errors
    /// `NotFound` if there is no such path; `Invalid` if there is no file, or one is damaged or of another format, naming it.
    pub fn open(spec: &SourceSpec, context: &RequestContext) -> Result<Self> {
        Self::open_within(spec, None, context)
    }

    /// Opens it for rows within some limits: of a table, files that the table says to hold none stay unopened.
    pub(crate) fn open_within(
        spec: &SourceSpec,
        limits: Option<&Limits<'_>>,
        context: &RequestContext,
    ) -> Result<Self> {
        let opened = match &spec.table {
            Some(table) => Self::open_table(spec, table, limits, context),
            None => Self::open_listed(spec, context),
        };
        opened.map_err(|error| error.with("source", &spec.name))
    }

    fn open_listed(spec: &SourceSpec, context: &RequestContext) -> Result<Self> {
        let Listing { files, partitions } = listing::list(spec.storage.as_ref(), &spec.paths)?;
        let bodies = open_all(spec, &files, context)?;
        let pairs = files.into_iter().zip(bodies);
        let files: Vec<_> = pairs.map(|(stored, body)| SourceFile { stored, body }).collect();
        let units = cut(&files)?;
        let schema = with_partitions(files[0].body.schema(), &partitions);
        let (name, storage) = (spec.name.clone(), Arc::clone(&spec.storage));
        Ok(Self { name, storage, files, units, partitions, schema: Arc::new(schema), table: None })
    }

    fn open_table(
        spec: &SourceSpec,
        table: &Arc<dyn TableFiles>,
        limits: Option<&Limits<'_>>,
        context: &RequestContext,
    ) -> Result<Self> {
        let (kept, left_out) = prune_files(table.as_ref(), limits)?;
        let stored: Vec<_> = kept.iter().map(|file| table.files()[*file].stored.clone()).collect();
        let bodies = open_all(spec, &stored, context)?;
        let pairs = stored.into_iter().zip(bodies);
        let files: Vec<_> = pairs.map(|(stored, body)| SourceFile { stored, body }).collect();
        let units = cut(&files)?;
        let live = live_rows(spec, table.as_ref(), (&kept, &units), context)?;
        let places = UInt64Array::from_iter_values(kept.iter().map(|file| *file as u64));
        let mut partitions = Vec::new();
        for column in table.columns() {
            if let ColumnPlace::Table(values) = &column.place {
                partitions.push((column.field.name().clone(), take(values, &places, None)?));
            }
        }
        let (name, storage) = (spec.name.clone(), Arc::clone(&spec.storage));
        let (schema, table) = (table::schema(table.as_ref()), Arc::clone(table));
        let table = Some(OpenTable { table, left_out, live });
        Ok(Self { name, storage, files, units, partitions, schema, table })
    }

    /// Name in errors.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns of the first file and those that paths carry, dictionaries unpacked.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Threads that reading it keeps busy: as many as the machine runs at once, and more where some wait for a far store while others decode.
    #[must_use]
    pub fn threads(&self) -> usize {
        threads_for(self.storage.as_ref(), self.files.iter().map(|file| &file.stored))
    }

    /// Names of the columns that paths carry, outermost folder first.
    pub fn partition_columns(&self) -> impl Iterator<Item = &str> {
        self.partitions.iter().map(|(name, _)| name.as_str())
    }

    /// The table that lists the files, if one does.
    pub(crate) fn table(&self) -> Option<&OpenTable> {
        self.table.as_ref()
    }

    /// The rows of a unit that are not gone, if some are.
    pub(crate) fn live_rows(&self, unit: usize) -> Option<&[Range<u32>]> {
        self.table.as_ref()?.live[unit].as_deref()
    }

    /// Where a column is in a file.
    pub(crate) fn place(&self, file: usize, name: &str) -> Place {
        let schema = self.files[file].body.schema();
        let constant = || self.partitions.iter().position(|(partition, _)| partition == name);
        match &self.table {
            None => match (schema.index_of(name), constant()) {
                (Ok(root), _) => Place::File(root),
                (Err(_), Some(constant)) => Place::Constant(constant),
                (Err(_), None) => Place::Missing,
            },
            Some(table) => match (table.column(name).map(|column| &column.place), constant()) {
                (Some(ColumnPlace::File(stored)), _) => {
                    table::position(schema.fields(), stored).map_or(Place::Null, Place::File)
                }
                (Some(ColumnPlace::Table(_)), Some(constant)) => Place::Constant(constant),
                _ => Place::Missing,
            },
        }
    }

    /// The name that a column has in a file itself; `None` if it is not there.
    pub(crate) fn stored_name(&self, file: usize, name: &str) -> Option<&str> {
        match self.place(file, name) {
            Place::File(root) => Some(self.files[file].body.schema().field(root).name()),
            _ => None,
        }
    }

    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    pub(crate) fn units(&self) -> &[Unit] {
        &self.units
    }

    pub(crate) fn partitions(&self) -> &[(String, ArrayRef)] {
        &self.partitions
    }

    /// The type of a column.
    ///
    /// # Errors
    /// `Invalid` naming the source, the column, what it is for, and the columns there are.
    pub(crate) fn column_type(&self, name: &str, role: &'static str) -> Result<&DataType> {
        match self.schema.field_with_name(name) {
            Ok(field) => Ok(field.data_type()),
            Err(_) => Err(Error::invalid(format!("the source has no such {role}"))
                .with("source", &self.name)
                .with("column", name)
                .with("columns", listed(&self.schema))),
        }
    }

    /// Opens a unit and reads some columns of some of its rows.
    pub(crate) fn read(
        self: &Arc<Self>,
        unit: usize,
        columns: &Arc<Columns>,
        rows: Pick<'_>,
    ) -> Result<UnitReader> {
        let Unit { file, row_group, .. } = self.units[unit];
        let roots = columns.roots(file);
        let open = || {
            let stored = self.open_file(file)?;
            let body = &self.files[file].body;
            let batches: Box<dyn Iterator<Item = Result<_>> + Send> = match body {
                Body::Parquet(body) => Box::new(body.read(stored, row_group, roots, rows)?),
                Body::Csv(body) => Box::new(body.read(stored, roots, rows)?),
            };
            Ok(batches)
        };
        let batches = open().map_err(|error| self.located(unit, self.blamed(unit, columns, error)))?;
        Ok(UnitReader { source: Arc::clone(self), columns: Arc::clone(columns), unit, batches })
    }

    /// How many requests it takes to read some columns of a row group from a far store, and how many bytes they bring; `None` if it is near.
    pub(crate) fn requests(&self, unit: &Unit, columns: &Columns) -> Option<(u64, u64)> {
        let SourceFile { stored, body } = &self.files[unit.file];
        let Body::Parquet(body) = body else { return None };
        let ranges = body.ranges(unit.row_group, columns.roots(unit.file));
        let bytes = ranges.iter().map(|range| range.end - range.start).sum();
        self.storage.requests(stored, &ranges).map(|requests| (requests, bytes))
    }

    /// Opens a file.
    pub(crate) fn open_file(&self, file: usize) -> Result<Arc<dyn ReadAt>> {
        self.storage.open(&self.files[file].stored)
    }

    /// An error about the content of a unit, with its place.
    pub(crate) fn located(&self, unit: usize, error: Error) -> Error {
        let Unit { file, row_group, .. } = self.units[unit];
        let SourceFile { stored, body } = &self.files[file];
        let error = explained(self.table.as_ref().map(|table| table.table.as_ref()), error);
        let error = error.with("file", &stored.path);
        let error = if matches!(body, Body::Parquet(_)) { error.with("row group", row_group) } else { error };
        error.with("source", &self.name)
    }

    /// An error of decoding some columns of a unit, with the one that is damaged.
    pub(crate) fn blamed(&self, unit: usize, columns: &Columns, error: Error) -> Error {
        let Unit { file, row_group, .. } = self.units[unit];
        let Body::Parquet(body) = &self.files[file].body else { return error };
        if error.kind() != Kind::Invalid {
            return error;
        }
        let stored = self.open_file(file).ok();
        match stored.and_then(|stored| body.culprit(&stored, row_group, columns.roots(file))) {
            Some(column) => error.with("column", column),
            None => error,
        }
    }
}

/// Column names with their types, for messages.
pub(crate) fn listed(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(", ")
}

/// Threads that wait for far files, for each that decodes.
const FAR: usize = 4;
/// More do not help one store.
const MAX_FAR: usize = 16;

fn threads_for<'a>(storage: &dyn Storage, files: impl IntoIterator<Item = &'a StoredFile>) -> usize {
    let threads = threads::available();
    if files.into_iter().any(|file| storage.is_far(&file.path)) {
        (threads * FAR).min(MAX_FAR).max(threads)
    } else {
        threads
    }
}

fn open_all(spec: &SourceSpec, files: &[StoredFile], context: &RequestContext) -> Result<Vec<Body>> {
    let opened = Mutex::new(Vec::with_capacity(files.len()));
    threads::for_each(
        threads_for(spec.storage.as_ref(), files),
        files.len(),
        context,
        || (),
        |(), index| {
            let path = &files[index].path;
            let named = |error: Error| explained(spec.table.as_deref(), error).with("file", path);
            let file = spec.storage.open(&files[index]);
            let file = file.map_err(|e| if spec.table.is_some() { named(e) } else { e })?;
            let body = match spec.format {
                Format::Parquet => Body::Parquet(ParquetFile::open(file).map_err(named)?),
                Format::Csv => Body::Csv(CsvFile::infer(file).map_err(named)?),
            };
            opened.lock().unwrap_or_else(PoisonError::into_inner).push((index, body));
            Ok(())
        },
    )?;
    let mut opened = opened.into_inner().unwrap_or_else(PoisonError::into_inner);
    opened.sort_unstable_by_key(|(index, _)| *index);
    let mut bodies: Vec<_> = opened.into_iter().map(|(_, body)| body).collect();
    csv_file::unify(&mut bodies, files, &spec.text_columns)?;
    Ok(bodies)
}

/// An error about a file, with what its table says of it.
fn explained(table: Option<&dyn TableFiles>, error: Error) -> Error {
    match table {
        Some(table) => table.explained(error),
        None => error,
    }
}

/// By unit, the rows that the table has not deleted, read for all files at once. `kept` are the files' numbers in the table.
fn live_rows(
    spec: &SourceSpec,
    table: &dyn TableFiles,
    (kept, units): (&[usize], &[Unit]),
    context: &RequestContext,
) -> Result<Vec<Option<Vec<Range<u32>>>>> {
    let by_file: Vec<&[Unit]> = units.chunk_by(|a, b| a.file == b.file).collect();
    let live = Mutex::new(vec![None; units.len()]);
    let stored = kept.iter().map(|file| &table.files()[*file].stored);
    let threads = threads_for(spec.storage.as_ref(), stored);
    threads::for_each(
        threads,
        by_file.len(),
        context,
        || (),
        |(), index| {
            let units = by_file[index];
            let file = kept[units[0].file];
            let found = table.deleted_rows(file).and_then(|deleted| table::live_rows(units, &deleted));
            let named =
                |error: Error| explained(Some(table), error).with("file", &table.files()[file].stored.path);
            let found = found.map_err(named)?;
            let first = by_file[..index].iter().map(|units| units.len()).sum::<usize>();
            let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
            live[first..first + found.len()].clone_from_slice(&found);
            Ok(())
        },
    )?;
    Ok(live.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn cut(files: &[SourceFile]) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    for (file, SourceFile { stored, body }) in files.iter().enumerate() {
        match body {
            Body::Parquet(body) => {
                units.extend(body.row_groups().map(|(row_group, rows)| Unit { file, row_group, rows }));
            }
            Body::Csv(body) => units.push(Unit { file, row_group: 0, rows: body.rows() }),
        }
        if units.last().is_some_and(|unit| unit.rows > u64::from(u32::MAX)) {
            return Err(Error::unsupported("more than four billion rows in one row group or CSV file")
                .with("file", &stored.path));
        }
    }
    Ok(units)
}

/// A column of the files hides one of the same name in their paths.
fn with_partitions(schema: &Schema, partitions: &[(String, ArrayRef)]) -> Schema {
    let mut fields = schema.fields().to_vec();
    for (name, values) in partitions {
        if schema.field_with_name(name).is_err() {
            fields.push(Arc::new(Field::new(name, values.data_type().clone(), true)));
        }
    }
    Schema::new(fields)
}
