//! The files of a table at one version, as provender-join reads them.

use crate::columns::{Column, columns};
use crate::error::{Doing, failed};
use crate::place::TablePlace;
use crate::stats;
use crate::table::Table;
use arrow_array::ArrayRef;
use delta_kernel::Engine;
use delta_kernel::actions::deletion_vector::DeletionVectorDescriptor;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::LogicalFileView;
use futures::TryStreamExt;
use provender_core::{Error, Kind, Result};
use provender_join::SourceSpec;
use provender_join::storage::StoredFile;
use provender_join::table::{ColumnPlace, DataFile, TableColumn, TableFiles};
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// A table at one version, and its files. The log is not read again.
pub(crate) struct DeltaFiles {
    place: TablePlace,
    version: u64,
    root: Url,
    engine: Arc<dyn Engine>,
    columns: Vec<TableColumn>,
    files: Vec<DataFile>,
    /// By file.
    statistics: Vec<Option<String>>,
    /// By file.
    deletions: Vec<Option<DeletionVectorDescriptor>>,
}

impl std::fmt::Debug for DeltaFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeltaFiles").field("path", &self.place.path).field("version", &self.version).finish()
    }
}

/// What the log says of a file.
struct Added {
    file: DataFile,
    written: i64,
    statistics: Option<String>,
    deletions: Option<DeletionVectorDescriptor>,
    partition: HashMap<String, Option<String>>,
}

impl DeltaFiles {
    /// Lists the files of a table, the last written last. Must run inside [`provender_join::storage::run`].
    ///
    /// # Errors
    /// Those of reading the log; `Invalid` or `Unsupported` naming a column that cannot be read.
    pub(crate) async fn of(table: &Table) -> Result<Self> {
        let Table { place, log_store, snapshot } = table;
        let named = |error: Error| error.with("table", &place.path).with("version", table.version());
        let views: Vec<LogicalFileView> =
            snapshot
                .file_views(log_store.as_ref(), None)
                .try_collect()
                .await
                .map_err(|e| failed(&e, Doing::Open, &place.path).with("version", table.version()))?;
        let mut added: Vec<Added> =
            views.iter().map(|view| added(view, place)).collect::<Result<_>>().map_err(named)?;
        added.sort_by(|a, b| (a.written, &a.file.stored.path).cmp(&(b.written, &b.file.stored.path)));
        let columns = columns(snapshot).map_err(named)?;
        let columns = columns.into_iter().map(|column| table_column(column, &added));
        let columns = columns.collect::<Result<_>>().map_err(named)?;
        Ok(Self {
            version: table.version(),
            root: log_store.root_url().clone(),
            engine: log_store.engine(None),
            columns,
            statistics: added.iter_mut().map(|added| added.statistics.take()).collect(),
            deletions: added.iter_mut().map(|added| added.deletions.take()).collect(),
            files: added.into_iter().map(|added| added.file).collect(),
            place: place.clone(),
        })
    }

    /// The version that was read.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Path or URL of the table.
    pub(crate) fn path(&self) -> &str {
        &self.place.path
    }

    /// What to open for a source that reads the table.
    pub(crate) fn spec(self: &Arc<Self>, name: &str) -> SourceSpec {
        let table: Arc<dyn TableFiles> = Arc::clone(self) as _;
        SourceSpec::of_table(name, table, Arc::new(self.place.places.clone()))
    }
}

fn added(view: &LogicalFileView, place: &TablePlace) -> Result<Added> {
    let path = place.file(&view.path());
    let size = u64::try_from(view.size())
        .map_err(|_| Error::invalid("the table's log gives a file a negative size").with("file", &path))?;
    let deletions = view.deletion_vector_descriptor().map(DeletionVectorDescriptor::try_from).transpose();
    let deletions = deletions.map_err(|cause| {
        Error::invalid("the table's log describes a deletion vector that cannot be")
            .with("file", &path)
            .because(cause)
    })?;
    let statistics = view.stats();
    let rows = stats::rows(statistics.as_deref());
    Ok(Added {
        file: DataFile { stored: StoredFile { path, size, tag: None }, rows },
        written: view.modification_time(),
        statistics,
        deletions,
        partition: view.partition_values_map(),
    })
}

fn table_column(column: Column, added: &[Added]) -> Result<TableColumn> {
    let Column { field, stored, is_partition } = column;
    if !is_partition {
        return Ok(TableColumn { field, place: ColumnPlace::File(stored) });
    }
    let texts = added.iter().map(|added| added.partition.get(stored.name()).cloned().flatten()).collect();
    let values = stats::partition_values(texts, field.data_type());
    let values = values.map_err(|error| error.with("column", field.name()))?;
    Ok(TableColumn { field, place: ColumnPlace::Table(values) })
}

impl TableFiles for DeltaFiles {
    fn title(&self) -> String {
        format!("Delta table at version {}", self.version)
    }

    fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    fn files(&self) -> &[DataFile] {
        &self.files
    }

    fn bounds(&self, column: &str) -> Option<(ArrayRef, ArrayRef)> {
        let column = self.columns.iter().find(|held| held.field.name() == column)?;
        let ColumnPlace::File(stored) = &column.place else { return None };
        let statistics = self.statistics.iter().map(Option::as_deref);
        stats::bounds(statistics, stored.name(), column.field.data_type())
    }

    fn deleted_rows(&self, file: usize) -> Result<Vec<u64>> {
        let Some(deletions) = &self.deletions[file] else { return Ok(Vec::new()) };
        let rows = deletions.row_indexes(self.engine.storage_handler(), &self.root);
        rows.map_err(|error| failed(&DeltaTableError::from(error), Doing::ReadDeletions, &self.place.path))
    }

    fn explained(&self, error: Error) -> Error {
        let error = match error.kind() {
            Kind::NotFound => Error::not_found("a file of the table's version is gone")
                .with("expected", "a version that VACUUM has left its files, or the file restored")
                .because(error),
            _ => error,
        };
        match error.get("table") {
            Some(_) => error.with("version", self.version),
            None => error.with("table", &self.place.path).with("version", self.version),
        }
    }
}
