//! Training sets: entity rows joined with features as they were known at each row's time.

mod assemble;
mod joins;
mod keys;
mod pinned;
mod routes;
mod saved;
mod spine;
#[cfg(test)]
mod tests;

pub use joins::Joins;

use crate::FeatureStore;
use crate::manifest::ViewPlan;
use crate::resolve::{Column, Resolved, resolve};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use assemble::{Pick, side_by_side};
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use pinned::Sources;
use provender_core::offline::{Explain, JoinAudit, JoinReport, KnownAt, RetrievalJob, Spine, ViewAudit};
use provender_core::{BatchStream, Error, RequestContext, Result, Timestamp};
use routes::Routes;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use keys::KeyRows;
pub use pinned::{Pinned, SourceChange};
pub use saved::TableTarget;

/// Which features.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Features {
    /// References, `view:feature`.
    List(Vec<String>),
    /// A feature service, by name.
    Service(String),
}

/// Which entity rows.
#[derive(Clone, Debug)]
pub enum Spines {
    /// These rows. Text in the event column is read as timestamps (UTC).
    Frame(Arc<Spine>),
    /// One row for each key that has a valid row at `end`, at that time, as Feast's file engine does: the lower bound is the ttl, and `start` does not filter.
    /// The keys are those of the view with the most join keys; views with a key that it lacks are refused. Sorted by key. Columns: `event_timestamp`, join keys, features.
    Snapshot {
        /// As Feast's `start_date`.
        start: Option<Timestamp>,
        /// The time of all rows.
        end: Timestamp,
    },
    /// Every change in a range, both ends inclusive: one row for each distinct pair of an entity key and an event timestamp that any of the views has a row of,
    /// sorted by time and key. All views that have join keys must have the same ones; views without join keys add no rows unless there are no others.
    /// Rows with a null key are left out. Columns: `event_timestamp`, join keys, features.
    Changes {
        /// First instant.
        start: Timestamp,
        /// Last instant.
        end: Timestamp,
    },
}

/// A request for a training set.
#[derive(Clone, Debug)]
pub struct HistoricalQuery {
    /// The entity rows.
    pub spine: Spines,
    /// The features.
    pub features: Features,
    /// Name columns `view__feature`.
    pub full_feature_names: bool,
    /// Which rows count as known, of all sources; `None` leaves it to each source's tag `known_at`.
    pub known_at: Option<KnownAt>,
    /// Bytes the join may use.
    pub max_memory: Option<u64>,
    /// Where to put what memory cannot hold; `None` for the system's folder of temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Deadline, caller, cancellation, progress.
    pub context: RequestContext,
}

/// A training set that has been planned and not yet built.
#[derive(Debug)]
pub struct TrainingJob {
    schema: SchemaRef,
    entity: Arc<Spine>,
    jobs: Vec<Box<dyn RetrievalJob>>,
    /// Where the columns of the answer come from: input 0 is the entity rows, input i + 1 is job i.
    picks: Vec<Pick>,
    features: Vec<FeaturePlace>,
    routes: Routes,
}

/// A training set: entity columns in their order, then the features in the order asked.
pub struct TrainingSet {
    /// Its columns. The event time comes out as microseconds in UTC, every other entity column as it came in.
    pub schema: SchemaRef,
    /// Its rows, in the entity rows' order.
    pub batches: BatchStream,
    /// What the join found.
    pub report: JoinReport,
    /// A closer look, complete when the batches have been read.
    pub audit: TrainingAudit,
}

/// A closer look at a training set: what each view's store counted while its rows were read.
#[derive(Clone, Debug, Default)]
pub struct TrainingAudit {
    /// By view: the audit of its store, and its place in it.
    views: Vec<Option<(Arc<JoinAudit>, usize)>>,
    features: Vec<FeaturePlace>,
}

/// A feature's column, its view's place in the report, and its place in the view.
#[derive(Clone, Debug)]
struct FeaturePlace {
    column: String,
    view: usize,
    feature: usize,
}

impl TrainingAudit {
    /// What was counted in a view, by its place in the report; `None` if its store does not count.
    #[must_use]
    pub fn view(&self, index: usize) -> Option<&ViewAudit> {
        let (audit, view) = self.views.get(index)?.as_ref()?;
        audit.views.get(*view)
    }

    /// Cells of a feature's column that the other choice of known rows would change; `None` if nobody counted, or the source has no created column.
    #[must_use]
    pub fn changed(&self, column: &str) -> Option<u64> {
        let place = self.features.iter().find(|place| place.column == column)?;
        self.view(place.view)?.changed()?.get(place.feature).copied()
    }
}

impl fmt::Debug for TrainingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrainingSet")
            .field("schema", &self.schema)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl TrainingJob {
    /// Columns of the training set.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Number of rows of the training set.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.entity.rows()
    }

    /// What building it would read and need, without building it. Views come in the order in which the request names them.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn explain(&self) -> Result<Explain> {
        let parts = try_join_all(self.jobs.iter().map(|job| job.explain())).await?;
        let memory_bytes = parts.iter().map(|part| part.memory_bytes).sum();
        let views = parts.into_iter().map(|part| part.views).collect();
        Ok(Explain { views: self.routes.in_request_order(views)?, memory_bytes })
    }

    /// Builds it. Several stores work at the same time.
    ///
    /// # Errors
    /// What the stores say.
    pub async fn run(self) -> Result<TrainingSet> {
        let parts = try_join_all(self.jobs.into_iter().map(|job| job.run())).await?;
        let rows = self.entity.rows() as u64;
        let mut inputs: Vec<BatchStream> = vec![entity_rows(self.entity)];
        let (mut views, mut audits) = (Vec::with_capacity(parts.len()), Vec::with_capacity(parts.len()));
        for part in parts {
            inputs.push(part.batches);
            views.push(part.report.views);
            audits.push(part.audit);
        }
        Ok(TrainingSet {
            batches: side_by_side(inputs, self.picks, Arc::clone(&self.schema)),
            schema: self.schema,
            report: JoinReport { rows, views: self.routes.in_request_order(views)? },
            audit: TrainingAudit { views: self.routes.audits(audits), features: self.features },
        })
    }
}

impl FeatureStore {
    /// Plans a training set: resolves features, aliases and field mappings, checks the entity columns, sends each view to the store that reads its source.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, feature or service; `Invalid` for colliding names or entity columns that are missing or of another type.
    pub async fn historical(&self, query: HistoricalQuery) -> Result<TrainingJob> {
        let (_, snapshot) = self.snapshot().await?;
        let resolved = resolve(&snapshot, self.project(), &query.features, query.full_feature_names)?;
        let sources = Sources::as_they_are(&self.offline);
        let frame = match keys::rows(&sources, &resolved, &query).await? {
            Some(rows) => Arc::new(rows.held().await?),
            None => query.frame()?,
        };
        Ok(self.planned(&sources, &resolved, &query, &frame).await?.0)
    }

    /// The job, and what it will join of each use of a view.
    async fn planned(
        &self,
        sources: &Sources<'_>,
        resolved: &Resolved,
        query: &HistoricalQuery,
        frame: &Spine,
    ) -> Result<(TrainingJob, Vec<ViewPlan>)> {
        let spine = spine::prepare(frame, resolved)?;
        let routes = Routes::new(&resolved.uses, &self.offline)?;
        let requests = routes.requests(resolved, query, &spine.join, sources)?;
        let plans = requests.iter().map(|(_, request)| request.views.iter().map(ViewPlan::from).collect());
        let plans = routes.in_request_order(plans.collect())?;
        let jobs = requests.into_iter().map(|(store, request)| self.offline[store].historical(request));
        let jobs = try_join_all(jobs).await?;
        let picks = routes.picks(resolved, spine.entity.schema.fields().len());
        let job = TrainingJob {
            schema: answer_schema(&spine.entity.schema, &jobs, &picks)?,
            entity: spine.entity,
            jobs,
            picks,
            features: places(resolved),
            routes,
        };
        Ok((job, plans))
    }
}

impl HistoricalQuery {
    /// The entity rows, if they were given.
    fn frame(&self) -> Result<Arc<Spine>> {
        match &self.spine {
            Spines::Frame(frame) => Ok(Arc::clone(frame)),
            _ => Err(Error::internal("a request without entity rows")),
        }
    }
}

/// The entity rows as a stream; a thread of its own reads them if they are stored.
fn entity_rows(spine: Arc<Spine>) -> BatchStream {
    if let Some(batches) = spine.held() {
        return stream::iter(batches.to_vec()).map(Ok).boxed();
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        for batch in spine.read(0..spine.rows()) {
            if sender.blocking_send(batch).is_err() {
                break;
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }).boxed()
}

fn places(resolved: &Resolved) -> Vec<FeaturePlace> {
    let place = |column: &Column| FeaturePlace {
        column: column.name.clone(),
        view: column.used,
        feature: column.feature,
    };
    resolved.columns.iter().map(place).collect()
}

/// The entity columns, then the picked feature columns.
fn answer_schema(entity: &Schema, jobs: &[Box<dyn RetrievalJob>], picks: &[Pick]) -> Result<SchemaRef> {
    let schemas: Vec<SchemaRef> = jobs.iter().map(|job| job.schema()).collect();
    let mut fields: Vec<FieldRef> = entity.fields().to_vec();
    for pick in &picks[fields.len()..] {
        let field = schemas[pick.input - 1].fields().get(pick.column);
        fields.push(Arc::clone(field.ok_or_else(|| {
            Error::internal("an offline store answers fewer feature columns than were asked")
        })?));
    }
    Ok(Arc::new(Schema::new(fields)))
}
