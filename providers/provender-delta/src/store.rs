//! The store: requests of the engine, answered by provender-join from the files that a table's log names.

use crate::place::TablePlace;
use crate::table::Table;
use crate::travel::At;
use provender_core::model::DataSource;
use provender_core::{OpenContext, Result};
use provender_join::storage::{StorageOptions, run};

/// Delta tables of one repository.
#[derive(Debug)]
pub struct DeltaStore {
    context: OpenContext,
    options: StorageOptions,
}

impl DeltaStore {
    /// A store whose relative paths start at the repository's folder, and whose URLs are reached by these settings and the environment. Nothing is read yet.
    #[must_use]
    pub fn new(context: OpenContext, options: StorageOptions) -> Self {
        Self { context, options }
    }

    /// The place of a source's table.
    pub(crate) fn place(&self, source: &DataSource) -> Result<TablePlace> {
        TablePlace::of(source, &self.context, &self.options)
    }

    /// The table of a source, at the version that its tags say.
    pub(crate) async fn table(&self, source: &DataSource) -> Result<Table> {
        let (place, at) = (self.place(source)?, At::of(source)?);
        let opened = run(async move { Table::open(&place, at).await }).await;
        opened.map_err(|error| error.with("source", &source.name))
    }
}
