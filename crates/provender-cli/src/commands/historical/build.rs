//! Builds a training set and writes it, its manifest beside it.

use super::TABLE;
use super::entity::{Room, absolute, blocking};
use super::preview::Summary;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use provender::engine::manifest::{EntityOrigin, Manifest, Recorder};
use provender::engine::{TableTarget, TrainingAudit, TrainingJob};
use provender::offline::JoinReport;
use provender::storage::Places;
use provender::{Error, RequestContext, Result, frame};
use std::path::{Path, PathBuf};

/// The part of --max-memory that the file being written may fill.
const FILE_SHARE: u64 = 8;

/// What is known of a training set that has been built.
pub(super) struct Found {
    pub(super) summary: Summary,
    pub(super) report: JoinReport,
    pub(super) audit: TrainingAudit,
    /// Where its manifest is.
    pub(super) manifest: Option<String>,
}

/// Where a training set goes.
pub(super) struct Target {
    pub(super) out: Destination,
    pub(super) origin: EntityOrigin,
    pub(super) room: Room,
    pub(super) context: RequestContext,
}

/// What the rows become.
#[derive(Clone)]
pub(super) enum Destination {
    /// Some rows are shown, and that is all.
    Nowhere,
    File(PathBuf),
    Table {
        target: Box<TableTarget>,
        /// Absolute path or URL.
        path: String,
    },
}

impl Destination {
    /// The absolute path or URL that a manifest has, and the one that its own name begins with.
    fn location(&self) -> Result<Option<(String, PathBuf)>> {
        Ok(match self {
            Self::Nowhere => None,
            Self::File(out) => Some((absolute(out)?, out.clone())),
            Self::Table { path, .. } => Some((format!("{TABLE}{path}"), path.into())),
        })
    }
}

/// Runs the join, writes the rows if asked to, then the manifest, and keeps what the summary shows.
pub(super) async fn build(job: TrainingJob, recorder: Recorder, target: Target) -> Result<Found> {
    let set = job.run().await?;
    let (schema, out) = (set.schema.clone(), target.out.clone());
    let options = write_options(&target.room);
    let (forward, saved) = saving(&target, &schema);
    // Rows are taken from the stream on a thread of their own, so that writing a file never holds up the join.
    let (mut sender, receiver) = mpsc::channel(2);
    let writer = blocking(move || {
        let (mut summary, mut recorder) = (Summary::new(&schema), recorder);
        let recorded = !matches!(out, Destination::Nowhere);
        let mut batches = futures::executor::block_on_stream(receiver).map(|batch: Result<_>| {
            let batch = batch?;
            summary.add(&batch);
            if recorded {
                recorder.add(&batch)?;
            }
            Ok(batch)
        });
        match &out {
            Destination::File(path) => frame::write_with(path, &schema, batches, &options).map(drop)?,
            Destination::Table { .. } => hand_on(batches, forward),
            Destination::Nowhere => batches.try_for_each(|batch| batch.map(drop))?,
        }
        Ok((summary, recorder))
    });
    let writer = tokio::spawn(writer);
    let mut batches = set.batches;
    let pump = async move {
        while let Some(batch) = batches.next().await {
            // A writer that stopped early says why below.
            if sender.send(batch).await.is_err() {
                break;
            }
        }
    };
    let ((), saved) = futures::future::join(pump, saved).await;
    saved?;
    let (summary, recorder) =
        writer.await.map_err(|e| Error::internal("the writer stopped").because(e))??;
    let manifest = match target.out.location()? {
        None => None,
        Some((location, beside)) => {
            let manifest = recorder.finish(target.origin, &set.report, &set.audit, Some(location));
            Some(blocking(move || write_manifest(&beside, &manifest)).await?)
        }
    };
    Ok(Found { summary, report: set.report, audit: set.audit, manifest })
}

/// A way to hand rows on to a table, and the work that stores them; of another destination nothing comes of either.
fn saving(
    target: &Target,
    schema: &SchemaRef,
) -> (mpsc::Sender<Result<RecordBatch>>, impl Future<Output = Result<()>> + use<>) {
    let (forward, rows) = mpsc::channel(2);
    let table = match &target.out {
        Destination::Table { target, .. } => Some(target.clone()),
        _ => None,
    };
    let (schema, context, memory) = (schema.clone(), target.context.clone(), target.room.memory);
    let save = async move {
        match table {
            Some(table) => {
                table.save(schema, rows.boxed(), memory.map(|m| m / FILE_SHARE), context).await.map(drop)
            }
            None => Ok(()),
        }
    };
    (forward, save)
}

/// Hands rows and errors on until there are no more, or nobody takes them: who stopped taking them says why.
fn hand_on(
    batches: impl Iterator<Item = Result<RecordBatch>>,
    mut forward: mpsc::Sender<Result<RecordBatch>>,
) {
    for batch in batches {
        if futures::executor::block_on(forward.send(batch)).is_err() {
            break;
        }
    }
}

/// How a file is written within --max-memory.
pub(crate) fn write_options(room: &Room) -> frame::WriteOptions {
    let memory = room.memory.map(|bytes| bytes / FILE_SHARE);
    frame::WriteOptions { memory, ..frame::WriteOptions::default() }
}

/// How the name of a manifest ends, after that of the training set.
pub(crate) const SUFFIX: &str = ".manifest.json";

/// Writes the manifest of a file beside it; readers see the old one or the new one. Answers its name.
pub(crate) fn write_manifest(out: &Path, manifest: &Manifest) -> Result<String> {
    let path = format!("{}{SUFFIX}", out.display());
    let text = manifest.to_json()?;
    Places::default()
        .write(&path, |file| file.write_all(text.as_bytes()).map_err(|e| Error::io(e, "write", &path)))?;
    Ok(path)
}
