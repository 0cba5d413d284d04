//! Online features: a plan compiled once per registry version, one read of all views, values written straight from their stored bytes.

mod answer;
mod arrow;
mod cache;
mod clock;
mod json;
mod keys;
mod plan;
mod proto;
mod query;
mod served;
#[cfg(test)]
mod tests;

pub(crate) use cache::PlanCache;
pub use query::{EntityValue, FeaturesRef, OnlineQuery};
pub use served::ServedView;
pub(crate) use served::ServedViews;

use crate::FeatureStore;
use answer::Rules;
use arrow_array::RecordBatch;
use keys::RequestKeys;
use plan::OnlinePlan;
use provender_core::online::{OnlineRead, ViewRead, ViewRows};
use provender_core::{Error, Result, Timestamp};
use served::Tally;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// `feast.serving.FieldStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Status {
    Present = 1,
    NullValue = 2,
    NotFound = 3,
    OutsideMaxAge = 4,
}

impl Status {
    /// All that a value may have.
    pub const ALL: [Self; 4] = [Self::Present, Self::NullValue, Self::NotFound, Self::OutsideMaxAge];

    /// Its name in JSON: `PRESENT`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }
}

/// The answer to an [`OnlineQuery`]: join keys first, in the request's order, then features in the order asked.
///
/// Entity columns of the request are answered if a feature is keyed by them or, as Feast does, if they are the join key of any entity of the project; others are ignored.
pub struct OnlineAnswer {
    plan: Arc<OnlinePlan>,
    keys: RequestKeys,
    views: Vec<ViewRows>,
    rules: Rules,
    store_time: Duration,
}

/// One value of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerCell<'a> {
    /// Value bytes; empty for null.
    pub value: &'a [u8],
    /// What the value is.
    pub status: Status,
    /// Event time of the row in its view; 1970 for join keys and for rows that were not found.
    pub time: Timestamp,
}

impl fmt::Debug for OnlineAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnlineAnswer")
            .field("names", &self.names().collect::<Vec<_>>())
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}

impl OnlineAnswer {
    /// Names of the columns.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.keys.echoed.len() + self.plan.features.len()).map(|column| self.name(column))
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.keys.rows
    }

    /// How long the online store took.
    #[must_use]
    pub fn store_time(&self) -> Duration {
        self.store_time
    }

    /// One value.
    ///
    /// # Panics
    /// If there is no such column or row.
    #[must_use]
    pub fn cell(&self, column: usize, row: usize) -> AnswerCell<'_> {
        match self.keys.echoed.get(column) {
            Some(key) => AnswerCell { value: key.value(row), status: Status::Present, time: Timestamp(0) },
            None => self.feature_cell(column - self.keys.echoed.len(), row),
        }
    }

    /// Appends the answer in Feast's JSON form (interop.md 4.2).
    ///
    /// # Errors
    /// `Internal` for stored bytes that are not a value; with `compat: feast`, `Internal` also for NaN and infinities.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<()> {
        json::write(self, out)
    }

    /// Appends the answer as the protobuf message `feast.serving.GetOnlineFeaturesResponse`. Values are the stored bytes, which are not looked at.
    pub fn write_proto(&self, out: &mut Vec<u8>) {
        proto::write(self, out);
    }

    /// Adds the answer to what was served of each view, for forms other than JSON and protobuf: writing those does it.
    pub fn count(&self) {
        for (view, plan) in self.plan.views.iter().enumerate() {
            let rows: Vec<_> = (0..self.rows()).map(|row| self.row(view, row)).collect();
            let mut tally = Tally::default();
            for feature in self.plan.features.iter().filter(|feature| feature.view == view) {
                let column = self.column(view, feature.slot);
                rows.iter().for_each(|row| tally.count(column.value(row).1));
            }
            plan.counters.add(&tally, answer::newest(&rows));
        }
    }

    /// The answer as one batch: entity columns in their keys' types, then features in their declared types, null where there is no value. With `details`, then
    /// `NAME__status` of each feature (a dictionary of [`Status::name`]) and `VIEW__event_timestamp` of each view or alias, null where the row was not found.
    ///
    /// # Errors
    /// `Internal` for stored bytes that are not a value of the declared type; `Invalid` if two columns would have one name.
    pub fn to_batch(&self, details: bool) -> Result<RecordBatch> {
        arrow::batch(self, details)
    }

    fn name(&self, column: usize) -> &str {
        match self.keys.echoed.get(column) {
            Some(key) => &key.name,
            None => &self.plan.features[column - self.keys.echoed.len()].name,
        }
    }
}

impl FeatureStore {
    /// Reads online features.
    ///
    /// A request without any entity column is answered with one row, if all its views are entity-less.
    ///
    /// # Errors
    /// `NotFound` for an unknown view, feature or service; `Invalid` for missing join keys, unequal lengths, values of another type, colliding names; `Unavailable` if a key could
    /// not be read.
    pub async fn online(&self, query: OnlineQuery<'_>) -> Result<OnlineAnswer> {
        let plan = self.online_plan(&query.features, query.full_feature_names).await?;
        let store = self.online_store()?;
        let keys = RequestKeys::encode(&plan, &query.entities)?;
        let views = plan.views.iter().map(|view| ViewRead {
            table: Arc::clone(&view.table),
            features: Arc::clone(&view.features),
            keys: Arc::clone(&keys.encoded[view.keys].distinct),
        });
        let read = OnlineRead { views: views.collect(), context: query.context };
        let begun = Instant::now();
        let views = in_time(read.context.deadline, store.read(&read)).await?.views;
        let store_time = begun.elapsed();
        let complete = views.len() == read.views.len()
            && views.iter().zip(&read.views).all(|(rows, view)| rows.len() == view.keys.len());
        if !complete {
            return Err(Error::internal("the online store answered another number of rows than were asked"));
        }
        let rules = Rules::new(&self.config);
        Ok(OnlineAnswer { plan, keys, views, rules, store_time })
    }

    /// The plan of a request, compiled once per registry version.
    async fn online_plan(&self, features: &FeaturesRef<'_>, full_names: bool) -> Result<Arc<OnlinePlan>> {
        if let Some(cached) = &*self.cached_now() {
            return cached.plans.plan(&cached.snapshot, self, features, full_names);
        }
        let cached = self.cached().await?;
        cached.plans.plan(&cached.snapshot, self, features, full_names)
    }

    /// What was served of each view since the process began, by name.
    #[must_use]
    pub fn served_views(&self) -> Vec<ServedView> {
        self.served.all()
    }
}

/// Ends a read at the deadline of its request.
async fn in_time<T>(deadline: Option<Instant>, read: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => read.await,
        Some(deadline) => timeout_at(deadline.into(), read)
            .await
            .unwrap_or_else(|_| Err(Error::unavailable("the online store did not answer in time"))),
    }
}
