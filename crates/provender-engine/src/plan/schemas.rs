//! The columns of sources, each source read once, several at a time.

use super::inventory::Item;
use crate::definitions::build::Source;
use arrow_schema::SchemaRef;
use futures::StreamExt;
use provender_core::model::{DataSource, FileFormat, SourceKind};
use provender_core::{Error, OfflineStore, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// How many sources are read at a time.
const CONCURRENT: usize = 32;

/// What is known of the columns of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns<'a> {
    /// They were not looked at, as asked.
    Skipped,
    /// They could not be read, which has been reported.
    Failed,
    /// As stored.
    Read(&'a SchemaRef),
}

/// The columns of all sources that definitions use.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// By name of the source.
    read: HashMap<String, Option<SchemaRef>>,
    skip: bool,
}

impl Schemas {
    /// Nothing read yet; `skip` is for looking at no source at all.
    pub(crate) fn new(skip: bool) -> Self {
        Self { skip, ..Self::default() }
    }

    /// What is known of a source.
    pub(crate) fn of(&self, source: &str) -> Columns<'_> {
        match self.read.get(source) {
            _ if self.skip => Columns::Skipped,
            Some(Some(schema)) => Columns::Read(schema),
            _ => Columns::Failed,
        }
    }

    /// Reads what has not been read yet of declared sources.
    pub(crate) async fn read_declared(
        &mut self,
        stores: &[Arc<dyn OfflineStore>],
        items: &[Item<'_, Source>],
        problems: &mut Vec<Error>,
    ) {
        let sources = items.iter().map(|item| &item.draft.model);
        for (index, error) in self.read(stores, sources).await {
            problems.push(items[index].blame(error));
        }
    }

    /// Reads what has not been read yet of registered sources.
    pub(crate) async fn read_registered(
        &mut self,
        stores: &[Arc<dyn OfflineStore>],
        sources: &[&DataSource],
        problems: &mut Vec<Error>,
    ) {
        for (index, error) in self.read(stores, sources.iter().copied()).await {
            problems.push(error.with("source", &sources[index].name));
        }
    }

    async fn read<'s>(
        &mut self,
        stores: &[Arc<dyn OfflineStore>],
        sources: impl Iterator<Item = &'s DataSource>,
    ) -> Vec<(usize, Error)> {
        let wanted = sources.enumerate().filter(|(_, s)| {
            !self.skip && has_columns(s) && has_place(s) && !self.read.contains_key(&s.name)
        });
        let reads: Vec<_> = wanted.map(|(index, source)| read_one(stores, index, source)).collect();
        let mut failures = Vec::new();
        let mut done = futures::stream::iter(reads).buffer_unordered(CONCURRENT);
        while let Some((index, source, result)) = done.next().await {
            match result {
                Ok(schema) => _ = self.read.insert(source.name.clone(), Some(schema)),
                Err(error) => {
                    self.read.insert(source.name.clone(), None);
                    failures.push((index, error));
                }
            }
        }
        failures.sort_by_key(|(index, _)| *index);
        failures
    }
}

/// Whether a source holds history itself.
pub(crate) fn has_columns(source: &DataSource) -> bool {
    !matches!(
        source.kind,
        SourceKind::Push { .. }
            | SourceKind::Kafka { .. }
            | SourceKind::Kinesis { .. }
            | SourceKind::Request { .. }
    )
}

/// Whether a source says where it is: in one way.
pub(crate) fn has_place(source: &DataSource) -> bool {
    match &source.kind {
        SourceKind::File { path, .. } => path.is_empty() == source.query().is_some(),
        SourceKind::BigQuery { table, query } | SourceKind::Snowflake { table, query, .. } => {
            table.is_empty() != query.is_empty()
        }
        _ => true,
    }
}

async fn read_one<'s>(
    stores: &[Arc<dyn OfflineStore>],
    index: usize,
    source: &'s DataSource,
) -> (usize, &'s DataSource, Result<SchemaRef>) {
    let schema = match stores.iter().find(|store| store.reads(source)) {
        Some(store) => store.schema(source).await,
        None => Err(no_store(source)),
    };
    (index, source, schema)
}

fn no_store(source: &DataSource) -> Error {
    let error = Error::unsupported("no offline store of this repository reads that source")
        .with("type", source.kind.class());
    match store_type(&source.kind) {
        Some(name) => error.with(
            "needs",
            format!("type: {name} in offline_store or offline_stores, and a build with the feature {name}"),
        ),
        None => error.with("needs", "an offline store that reads the class"),
    }
}

/// The `type:` of the stores that read a class of source; it is the Cargo feature's name, too.
fn store_type(kind: &SourceKind) -> Option<&'static str> {
    match kind {
        SourceKind::File { format: FileFormat::Delta, .. } => Some("delta"),
        SourceKind::File { .. } => Some("file"),
        SourceKind::BigQuery { .. } => Some("bigquery"),
        SourceKind::Snowflake { .. } => Some("snowflake"),
        _ => None,
    }
}
