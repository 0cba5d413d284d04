//! Makes a manifest while a training set streams by.

use super::record::{AgeRecord, EntityOrigin, EntityRows, ReportRecord, ResultRecord, ViewRecord};
use super::{
    BLOCK_ROWS, ContentHasher, Definition, FORMAT, Manifest, PlanRecord, RequestRecord, SCHEMA, SourceRecord,
};
use crate::historical::TrainingAudit;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use provender_core::offline::{AGE_BOUNDS, JoinReport, ViewReport};
use provender_core::{Result, Timestamp};

/// What is known of a training set before it is built.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) project: String,
    pub(crate) request: RequestRecord,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) sources: Vec<SourceRecord>,
    pub(crate) plan: PlanRecord,
    pub(crate) event_column: String,
    pub(crate) entity_columns: usize,
}

/// Makes a manifest while a training set streams by: give it every batch, in order, then finish it.
#[derive(Debug)]
pub struct Recorder {
    draft: Draft,
    hasher: ContentHasher,
    /// Place of the entity rows' time.
    event: Option<usize>,
    bounds: Option<(i64, i64)>,
}

impl Recorder {
    pub(crate) fn new(draft: Draft, schema: &arrow_schema::Schema) -> Self {
        let event = schema.index_of(&draft.event_column).ok();
        Self { draft, hasher: ContentHasher::new(schema), event, bounds: None }
    }

    /// Adds the next rows.
    ///
    /// # Errors
    /// `Internal` for a column that Arrow cannot read.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let times =
            self.event.and_then(|event| batch.column(event).as_primitive_opt::<TimestampMicrosecondType>());
        for time in times.into_iter().flatten().flatten() {
            let (first, last) = self.bounds.unwrap_or((time, time));
            self.bounds = Some((first.min(time), last.max(time)));
        }
        self.hasher.add(batch)
    }

    /// The manifest of all rows that were added.
    #[must_use]
    pub fn finish(
        self,
        origin: EntityOrigin,
        report: &JoinReport,
        audit: &TrainingAudit,
        location: Option<String>,
    ) -> Manifest {
        let (draft, content) = (self.draft, self.hasher.finish());
        let time = |time: i64| Timestamp(time).to_string();
        let entity_rows = EntityRows {
            origin,
            event_column: draft.event_column,
            columns: draft.entity_columns,
            hash: content.of_columns(0..draft.entity_columns).hash,
            first: self.bounds.map(|(first, _)| time(first)),
            last: self.bounds.map(|(_, last)| time(last)),
        };
        let columns = content.columns.iter().skip(draft.entity_columns);
        let changed = columns.filter_map(|c| Some((c.name.clone(), audit.changed(&c.name)?)));
        let report = ReportRecord {
            rows: report.rows,
            views: report.views.iter().enumerate().map(|(i, view)| view_record(view, audit, i)).collect(),
            changed: changed.collect(),
        };
        Manifest {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            created: Timestamp::now().to_string(),
            project: draft.project,
            request: draft.request,
            entity_rows,
            definitions: draft.definitions,
            sources: draft.sources,
            plan: draft.plan,
            result: ResultRecord { location, block_rows: BLOCK_ROWS, content },
            report,
            checksum: String::new(),
        }
    }
}

fn view_record(view: &ViewReport, audit: &TrainingAudit, index: usize) -> ViewRecord {
    let ages = audit.view(index).map(|seen| {
        let bounds = AGE_BOUNDS.iter().map(|(bound, _)| Some(bound / 1_000_000)).chain([None]);
        bounds.zip(seen.ages()).map(|(seconds, rows)| AgeRecord { seconds, rows }).collect()
    });
    ViewRecord {
        name: view.name.clone(),
        matched: view.matched,
        unmatched: view.unmatched,
        expired: view.expired,
        leaked: view.leaked,
        ages,
    }
}
