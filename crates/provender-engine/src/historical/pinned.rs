//! A request whose definitions and source states are fixed, so that it can be recorded, and built again later.

use super::keys::{self, KeyRows};
use super::{HistoricalQuery, Spines, TrainingJob};
use crate::FeatureStore;
use crate::history::History;
use crate::manifest::Draft;
use crate::manifest::{
    Definition, Manifest, PlanRecord, Recorder, RequestRecord, SourceRecord, StateRecord, definitions,
    digest, restored,
};
use crate::resolve::{Resolved, resolve};
use provender_core::model::DataSource;
use provender_core::offline::{SourceVersion, Spine};
use provender_core::registry::ObjectCodec;
use provender_core::{OfflineStore, Result};
use serde_json::json;
use std::sync::Arc;

/// The offline stores, and the states of the views' sources that they are to read.
pub(super) struct Sources<'a> {
    pub(super) stores: &'a [Arc<dyn OfflineStore>],
    /// One a use of a view; none at all to read every source as it is.
    versions: Vec<SourceVersion>,
}

impl<'a> Sources<'a> {
    pub(super) fn as_they_are(stores: &'a [Arc<dyn OfflineStore>]) -> Self {
        Self { stores, versions: Vec::new() }
    }

    /// The source of a use of a view, in its state.
    pub(super) fn source(&self, index: usize, store: usize, source: &DataSource) -> DataSource {
        match self.versions.get(index) {
            Some(version) => self.stores[store].at_version(source, version),
            None => source.clone(),
        }
    }
}

/// A request for a training set whose definitions and source states are fixed. Sources that cannot go back are read as they are.
#[derive(Debug)]
pub struct Pinned<'a> {
    store: &'a FeatureStore,
    query: HistoricalQuery,
    resolved: Resolved,
    project: String,
    definitions: Vec<Definition>,
    versions: Vec<SourceVersion>,
}

impl FeatureStore {
    /// Fixes a request to the definitions and the states of their sources as they are now.
    ///
    /// # Errors
    /// Those of [`FeatureStore::historical`] that definitions make.
    pub async fn pinned(&self, query: HistoricalQuery) -> Result<Pinned<'_>> {
        let (_, snapshot) = self.snapshot().await?;
        let resolved = resolve(&snapshot, self.project(), &query.features, query.full_feature_names)?;
        let definitions = definitions(&snapshot, self.project(), &query.features, &resolved)?;
        let versions = self.versions(&resolved).await?;
        Ok(Pinned { store: self, query, resolved, project: self.project().to_owned(), definitions, versions })
    }

    /// Fixes a request to what a manifest says. The query's features and their naming are the manifest's.
    ///
    /// # Errors
    /// `Invalid` or `Unsupported` for definitions that cannot be read; those of [`FeatureStore::historical`] that definitions make.
    pub fn pinned_by(
        &self,
        manifest: &Manifest,
        codec: &Arc<dyn ObjectCodec>,
        query: HistoricalQuery,
    ) -> Result<Pinned<'_>> {
        let snapshot = restored(&manifest.project, &manifest.definitions, codec)?;
        let request = &manifest.request;
        let query = HistoricalQuery {
            features: request.features(),
            full_feature_names: request.full_feature_names,
            known_at: request.known_at()?,
            ..query
        };
        let resolved = resolve(&snapshot, &manifest.project, &query.features, query.full_feature_names)?;
        Ok(Pinned {
            store: self,
            query,
            resolved,
            project: manifest.project.clone(),
            definitions: manifest.definitions.clone(),
            versions: manifest.sources.iter().map(|source| source.state.version()).collect(),
        })
    }

    /// The state of each used view's source. A source is asked once, however often it is used.
    async fn versions(&self, resolved: &Resolved) -> Result<Vec<SourceVersion>> {
        let mut known: Vec<(&DataSource, SourceVersion)> = Vec::new();
        let mut versions = Vec::with_capacity(resolved.uses.len());
        for used in &resolved.uses {
            let history = History::of(&used.view)?;
            let found = known.iter().find(|(source, _)| *source == history.source);
            let version = match found {
                Some((_, version)) => version.clone(),
                None => {
                    let store = &self.offline[history.store(&used.name, &self.offline)?];
                    let version = store.version(history.source).await;
                    version.map_err(|e| e.with("view", &used.name))?
                }
            };
            known.push((history.source, version.clone()));
            versions.push(version);
        }
        Ok(versions)
    }
}

impl Pinned<'_> {
    /// The entity rows that the request wants to be made, unsorted; `None` if it has given them. [`Pinned::job`] makes them in memory; whoever would rather
    /// not puts them elsewhere and gives them back with [`Pinned::with_rows`].
    ///
    /// # Errors
    /// `Invalid` for a range that ends before it starts, or views whose keys do not go together; what the stores say.
    pub async fn key_rows(&self) -> Result<Option<KeyRows>> {
        keys::rows(&self.sources(), &self.resolved, &self.query).await
    }

    /// The same request over these entity rows.
    #[must_use]
    pub fn with_rows(mut self, rows: Arc<Spine>) -> Self {
        self.query.spine = Spines::Frame(rows);
        self
    }

    /// Plans the training set, and what makes its manifest.
    ///
    /// # Errors
    /// Those of [`FeatureStore::historical`].
    pub async fn job(&self) -> Result<(TrainingJob, Recorder)> {
        let sources = self.sources();
        let frame = match self.key_rows().await? {
            Some(rows) => Arc::new(rows.held().await?),
            None => self.query.frame()?,
        };
        let (job, views) = self.store.planned(&sources, &self.resolved, &self.query, &frame).await?;
        let draft = Draft {
            project: self.project.clone(),
            request: RequestRecord::new(
                &self.query.features,
                self.query.full_feature_names,
                self.query.known_at,
            ),
            definitions: self.definitions.clone(),
            sources: self.source_records()?,
            plan: PlanRecord { hash: digest(&json!(views)), views },
            event_column: frame.event_column.clone(),
            entity_columns: job.entity.schema.fields().len(),
        };
        let recorder = Recorder::new(draft, job.schema());
        Ok((job, recorder))
    }

    /// How the sources' states differ now from those that the request is fixed to; nothing for sources whose store can go back to its state.
    pub async fn changes(&self) -> Vec<SourceChange> {
        let mut changes = Vec::new();
        for (used, before) in self.resolved.uses.iter().zip(&self.versions) {
            let what = match self.version_now(used).await {
                Ok(now) => differences(before, &now),
                Err(error) => vec![format!("its state cannot be read: {error}")],
            };
            changes.extend(what.into_iter().map(|what| SourceChange { view: used.name.clone(), what }));
        }
        changes
    }

    async fn version_now(&self, used: &crate::resolve::ViewUse) -> Result<SourceVersion> {
        let history = History::of(&used.view)?;
        let store = history.store(&used.name, &self.store.offline)?;
        self.store.offline[store].version(history.source).await
    }

    fn sources(&self) -> Sources<'_> {
        Sources { stores: &self.store.offline, versions: self.versions.clone() }
    }

    fn source_records(&self) -> Result<Vec<SourceRecord>> {
        let records = self.resolved.uses.iter().zip(&self.versions).map(|(used, version)| {
            Ok(SourceRecord {
                view: used.name.clone(),
                source: History::of(&used.view)?.source.name.clone(),
                state: StateRecord::from(version),
            })
        });
        records.collect()
    }
}

/// A source that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceChange {
    /// Name of the view or its alias.
    pub view: String,
    /// What differs.
    pub what: String,
}

fn differences(before: &SourceVersion, now: &SourceVersion) -> Vec<String> {
    match (before, now) {
        (SourceVersion::Files(before), SourceVersion::Files(now)) => file_differences(before, now),
        // The store goes back to it, or says that it is gone.
        (SourceVersion::Table { location: old, .. }, SourceVersion::Table { location: new, .. })
            if old == new =>
        {
            Vec::new()
        }
        (SourceVersion::Unknown, _) => Vec::new(),
        (before, now) => vec![format!("it was {} and is {}", named(before), named(now))],
    }
}

fn named(version: &SourceVersion) -> String {
    match version {
        SourceVersion::Unknown => "of a state that its store cannot tell".to_owned(),
        SourceVersion::Files(files) => format!("{} files", files.len()),
        SourceVersion::Table { location, version } => format!("version {version} of {location}"),
    }
}

fn file_differences(
    before: &[provender_core::offline::FileVersion],
    now: &[provender_core::offline::FileVersion],
) -> Vec<String> {
    let mut what = Vec::new();
    for file in before {
        let path = &file.path;
        match now.iter().find(|other| other.path == *path) {
            None => what.push(format!("{path} is gone")),
            Some(other) if other.size != file.size => {
                what.push(format!("{path} had {} bytes and has {}", file.size, other.size));
            }
            Some(other) if other.tag != file.tag => what.push(format!("{path} has another ETag")),
            Some(other) if other.modified != file.modified => what.push(format!("{path} was written again")),
            Some(_) => {}
        }
    }
    let new = now.iter().filter(|file| before.iter().all(|other| other.path != file.path));
    what.extend(new.map(|file| format!("{} is new", file.path)));
    what
}

#[cfg(test)]
mod tests {
    use super::*;
    use provender_core::Timestamp;
    use provender_core::offline::FileVersion;

    fn file(path: &str, size: u64, tag: Option<&str>, modified: i64) -> FileVersion {
        let tag = tag.map(str::to_owned);
        FileVersion { path: path.into(), size, tag, modified: Some(Timestamp(modified)) }
    }

    #[test]
    fn files_that_differ_are_named_with_what_differs() {
        let before =
            [file("a", 1, None, 1), file("b", 1, None, 1), file("c", 1, Some("x"), 1), file("d", 1, None, 1)];
        let now =
            [file("a", 2, None, 9), file("c", 1, Some("y"), 1), file("d", 1, None, 9), file("e", 1, None, 1)];
        let versions = |files: &[FileVersion]| SourceVersion::Files(files.to_vec());
        assert_eq!(
            differences(&versions(&before), &versions(&now)),
            ["a had 1 bytes and has 2", "b is gone", "c has another ETag", "d was written again", "e is new"]
        );
        assert!(differences(&versions(&before), &versions(&before)).is_empty());
    }

    #[test]
    fn a_later_version_of_a_table_is_no_difference_and_another_place_is() {
        let table = |location: &str, version| SourceVersion::Table { location: location.into(), version };
        assert!(differences(&table("t", 1), &table("t", 5)).is_empty());
        assert_eq!(
            differences(&table("t", 1), &table("u", 5)),
            ["it was version 1 of t and is version 5 of u"]
        );
    }
}
