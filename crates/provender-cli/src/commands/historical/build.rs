//! Builds a training set and writes it, its manifest beside it.

use super::entity::{Room, absolute, blocking};
use super::preview::Summary;
use futures::{SinkExt, StreamExt};
use provender::engine::manifest::{EntityOrigin, Manifest, Recorder};
use provender::engine::{TrainingAudit, TrainingJob};
use provender::offline::JoinReport;
use provender::storage::Places;
use provender::{Error, Result, frame};
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
    /// The file; `None` to show some rows only.
    pub(super) out: Option<PathBuf>,
    pub(super) origin: EntityOrigin,
    pub(super) room: Room,
}

/// Runs the join, writes the rows if asked to, then the manifest, and keeps what the summary shows.
pub(super) async fn build(job: TrainingJob, recorder: Recorder, target: Target) -> Result<Found> {
    let set = job.run().await?;
    let (schema, out) = (set.schema.clone(), target.out.clone());
    let options = write_options(&target.room);
    // Rows are taken from the stream on a thread of their own, so that writing a file never holds up the join.
    let (mut sender, receiver) = futures::channel::mpsc::channel(2);
    let writer = blocking(move || {
        let (mut summary, mut recorder) = (Summary::new(&schema), recorder);
        let recorded = out.is_some();
        let mut batches = futures::executor::block_on_stream(receiver).map(|batch: Result<_>| {
            let batch = batch?;
            summary.add(&batch);
            if recorded {
                recorder.add(&batch)?;
            }
            Ok(batch)
        });
        match &out {
            Some(path) => frame::write_with(path, &schema, batches, &options).map(drop)?,
            None => batches.try_for_each(|batch| batch.map(drop))?,
        }
        Ok((summary, recorder))
    });
    let writer = tokio::spawn(writer);
    let mut batches = set.batches;
    while let Some(batch) = batches.next().await {
        // A writer that stopped early says why below.
        if sender.send(batch).await.is_err() {
            break;
        }
    }
    drop(sender);
    let (summary, recorder) =
        writer.await.map_err(|e| Error::internal("the writer stopped").because(e))??;
    let manifest = match &target.out {
        None => None,
        Some(out) => {
            let location = absolute(out)?;
            let manifest = recorder.finish(target.origin, &set.report, &set.audit, Some(location));
            Some(
                blocking({
                    let out = out.clone();
                    move || write_manifest(&out, &manifest)
                })
                .await?,
            )
        }
    };
    Ok(Found { summary, report: set.report, audit: set.audit, manifest })
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
