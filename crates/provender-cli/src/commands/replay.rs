//! `replay`: builds a training set again from its manifest and compares.

mod old;
mod report;

use super::Outcome;
use super::historical::entity::{self, Room, blocking};
use super::historical::{SUFFIX, TABLE, parse_size, write_manifest, write_options};
use crate::app::App;
use crate::memory;
use crate::output::{self, Failure};
use crate::progress::Bars;
use crate::signal::INTERRUPTED;
use clap::Args;
use futures::executor::block_on_stream;
use old::OldRows;
use provender::engine::manifest::{EntityOrigin, Manifest, StateRecord};
use provender::engine::replay::{Comparison, Verdict};
use provender::engine::{Features, HistoricalQuery, Pinned};
use provender::storage::{Places, Storage, is_url};
use provender::{Error, FeastCodec, FeatureStore, Kind, RequestContext, Result, frame, version_of};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// The exit code when the training set that was built again is another one.
const DIFFERS: u8 = 8;

const EXAMPLES: &str = "\
Examples:
  provender -c shop replay training.parquet.manifest.json
  provender -c shop replay training.parquet.manifest.json --out again.parquet --output json

The definitions are those of the manifest, whatever was applied since. Files are read as they are now, and a warning names those that have changed; Delta tables
are read at the version of the manifest.

Exit codes:
  0    the rows are the same, bit for bit
  8    they differ, or the file that was written then has been changed; the first cell that differs is named
  2    the manifest is damaged, or was changed
  3    the manifest, the entity rows or a source do not exist any more
  6    the manifest is of a newer version of Provender
Others are those of every command.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Replay {
    /// The manifest: the name of the training set's file and .manifest.json
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,
    /// The entity rows, if their file is no longer where the manifest says
    #[arg(long, value_name = "FILE")]
    entity_df: Option<PathBuf>,
    /// Where to write the rows that are built again, with a manifest of their own
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Memory that may be held, such as 2GB
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<String>,
    /// Where to put what --max-memory cannot hold (default: the system's folder of temporary files)
    #[arg(long, value_name = "FOLDER")]
    spill_dir: Option<PathBuf>,
}

/// What a replay has to tell.
struct Told {
    verdict: Verdict,
    warnings: Vec<String>,
    /// Where the rows that were written then are, if they could be compared with.
    compared: Option<String>,
}

impl Replay {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let began = Instant::now();
        let room = Room {
            memory: self.max_memory.as_deref().map(parse_size).transpose()?,
            folder: self.spill_dir.clone(),
        };
        if room.memory.is_some() {
            memory::give_back();
        }
        let manifest = read(&self.manifest)?;
        let store = app.store().await?;
        let mut context = app.context();
        let bars = Bars::new();
        context.progress = bars.progress();
        let outcome = self.compare(&store, manifest, &room, &context).await;
        bars.clear();
        match outcome {
            Err(_) if context.cancel.is_cancelled() => {
                output::note("interrupted: nothing was written");
                Err(Failure::Told(INTERRUPTED))
            }
            Err(error) => Err(error.into()),
            Ok(told) => {
                report::show(app, &told, began.elapsed());
                let same = told.verdict.equal && told.verdict.altered.is_none();
                Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
            }
        }
    }

    async fn compare(
        &self,
        store: &FeatureStore,
        manifest: Manifest,
        room: &Room,
        context: &RequestContext,
    ) -> Result<Told> {
        let origin = match &self.entity_df {
            Some(file) => entity::file_origin(file)?,
            None => manifest.entity_rows.origin.clone(),
        };
        let mut warnings = entity_warnings(&manifest.entity_rows.origin, &origin);
        let query = HistoricalQuery {
            spine: entity::rows(&origin, room, store, context).await?,
            features: Features::List(Vec::new()),
            full_feature_names: false,
            known_at: None,
            max_memory: room.memory,
            spill_folder: room.folder.clone(),
            context: context.clone(),
        };
        let codec: Arc<dyn provender::registry::ObjectCodec> = Arc::new(FeastCodec);
        let pinned = store.pinned_by(&manifest, &codec, query)?;
        for change in pinned.changes().await {
            warnings.push(format!("the source of {} has changed: {}", change.view, change.what));
        }
        warnings.iter().for_each(|warning| output::warning(warning));
        let rebuilt = self.rebuild(pinned, &manifest, origin, room).await;
        let (verdict, compared) = rebuilt.map_err(|error| gone(error, &manifest))?;
        Ok(Told { verdict, warnings, compared })
    }

    async fn rebuild(
        &self,
        pinned: Pinned<'_>,
        manifest: &Manifest,
        origin: EntityOrigin,
        room: &Room,
    ) -> Result<(Verdict, Option<String>)> {
        let pinned = entity::made(pinned, room).await?;
        let (job, mut recorder) = pinned.job().await?;
        let set = job.run().await?;
        let (manifest, schema, batches) = (manifest.clone(), set.schema.clone(), set.batches);
        let (output, out, options) = (self.output(&manifest), self.out.clone(), write_options(room));
        let (report, audit) = (set.report, set.audit);
        blocking(move || {
            let mut old = output.and_then(|path| OldRows::open(&path, &schema));
            let mut comparison = Comparison::new(&manifest, &schema);
            let mut batches = block_on_stream(batches).map(|batch| {
                let batch = batch?;
                let before = old.as_mut().map(|old| old.next(batch.num_rows())).unwrap_or_default();
                comparison.add(&batch, &before)?;
                if out.is_some() {
                    recorder.add(&batch)?;
                }
                Ok(batch)
            });
            match &out {
                Some(path) => frame::write_with(path, &schema, batches, &options).map(drop)?,
                None => batches.try_for_each(|batch| batch.map(drop))?,
            }
            if let Some(out) = &out {
                let location = entity::absolute(out)?;
                write_manifest(out, &recorder.finish(origin, &report, &audit, Some(location)))?;
            }
            let mut verdict = comparison.finish();
            if old.as_ref().is_some_and(|old| !old.exact) {
                // Text holds no exact values: only the hashes say what differs.
                verdict.altered = None;
            }
            Ok((verdict, old.map(|old| old.path)))
        })
        .await
    }

    /// Where the rows are that were written then: beside the manifest, else where it says.
    fn output(&self, manifest: &Manifest) -> Option<String> {
        let beside = self.manifest.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        let beside = beside.filter(|path| is_url(path) || Path::new(path).is_file());
        let recorded = manifest.result.location.as_ref().filter(|path| !path.starts_with(TABLE));
        // The rows of a table have no order: only the hashes say whether they are the same.
        let path = beside.map(str::to_owned).or_else(|| recorded.cloned())?;
        // What this very command overwrites cannot be compared with.
        let own = self.out.as_deref().and_then(|out| entity::absolute(out).ok());
        (entity::absolute(Path::new(&path)).ok() != own || own.is_none()).then_some(path)
    }
}

fn read(path: &Path) -> Result<Manifest> {
    let named = |e: Error| if e.get("file").is_some() { e } else { e.with("file", path.display()) };
    let read = || {
        let places = Places::default();
        let text = entity::absolute(path)?;
        let version = version_of(&places, &text)?;
        let files = places.list(&version.path)?;
        let file = files.first().ok_or_else(|| Error::not_found("there is no manifest"))?;
        let length = usize::try_from(file.size).unwrap_or(usize::MAX);
        let bytes = places.open(file)?.read_at(0, length);
        Manifest::parse(&bytes.map_err(|e| Error::unavailable("cannot read the manifest").because(e))?)
    };
    read().map_err(named)
}

fn entity_warnings(before: &EntityOrigin, now: &EntityOrigin) -> Vec<String> {
    let EntityOrigin::File(before) = before else { return Vec::new() };
    let now = match now {
        EntityOrigin::File(now) if now.path != before.path => return Vec::new(),
        _ => entity::file_origin(Path::new(&before.path)),
    };
    match now {
        Ok(EntityOrigin::File(now)) if now != *before => {
            vec![format!("the file of the entity rows has changed: {}", before.path)]
        }
        _ => Vec::new(),
    }
}

/// Says what may have removed data that is gone.
fn gone(error: Error, manifest: &Manifest) -> Error {
    let table = manifest.sources.iter().find_map(|source| match &source.state {
        StateRecord::Table { location, version } => Some(format!("version {version} of {location}")),
        _ => None,
    });
    match table {
        Some(table) if error.kind() == Kind::NotFound => {
            error.with("expected", format!("{table}, which a VACUUM may have removed"))
        }
        _ => error,
    }
}
