//! `get-historical-features`.

mod build;
pub(crate) mod entity;
mod preview;
mod report;

pub(crate) use build::{SUFFIX, write_manifest, write_options};

use super::Outcome;
use crate::app::App;
use crate::memory;
use crate::output::{self, Failure};
use crate::progress::Bars;
use crate::signal::INTERRUPTED;
use build::{Destination, Found, Target, build};
use clap::{Args, ValueEnum};
use entity::Room;
use provender::engine::manifest::EntityOrigin;
use provender::engine::{Features, HistoricalQuery};
use provender::offline::{KnownAt, SaveMode};
use provender::{Error, FeatureStore, RequestContext, Result, Timestamp};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How --out says that what follows is a Delta table.
pub(crate) const TABLE: &str = "delta:";

const EXAMPLES: &str = "\
Examples:
  provender -c shop get-historical-features --entity-df orders.parquet --feature-service model_v1 --out training.parquet
  provender -c shop get-historical-features -d '[{\"driver_id\": 1001, \"event_timestamp\": \"2026-01-01T12:00:00\"}]' -f driver_stats:conv_rate
  provender -c shop get-historical-features --end-date 2026-01-31 -f driver_stats:conv_rate      (one row an entity, as of that time)
  provender -c shop get-historical-features --spine changes -s 2026-01-01 -e 2026-01-31 -f driver_stats:conv_rate --out changes.parquet

Beside the file that --out names comes a manifest, FILE.manifest.json: `provender replay` builds the same rows from it again.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Historical {
    /// Entity rows: a .parquet, .csv, .json or .jsonl file with the join keys and a column event_timestamp
    #[arg(long, value_name = "FILE", required_unless_present_any = ["dataframe", "entity_sql", "start_date", "end_date"])]
    entity_df: Option<PathBuf>,
    /// Entity rows as a JSON array of objects
    #[arg(short = 'd', long, value_name = "JSON", conflicts_with = "entity_df")]
    dataframe: Option<String>,
    /// Entity rows as a query over the data sources, which it knows by name
    #[arg(long, value_name = "SQL", conflicts_with_all = ["entity_df", "dataframe", "start_date", "end_date"])]
    entity_sql: Option<String>,
    /// A feature; repeat for more
    #[arg(short = 'f', long, value_name = "VIEW:FEATURE", required_unless_present = "feature_service")]
    features: Vec<String>,
    /// The features of a feature service
    #[arg(long, value_name = "NAME", conflicts_with = "features")]
    feature_service: Option<String>,
    /// Where to write: .parquet, .csv or .jsonl, or a Delta table as delta:PATH; FILE.manifest.json comes beside it. Without it, a few rows are shown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What to do if --out delta:PATH is there already (default: create)
    #[arg(long, value_enum, requires = "out")]
    mode: Option<Mode>,
    /// Name features view__feature
    #[arg(long)]
    full_feature_names: bool,
    /// Say what would be read, and do nothing
    #[arg(long)]
    explain: bool,
    /// Memory that may be held, such as 2GB: entity rows beyond it are kept on disk and looked up part by part, and features are read in several passes
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<String>,
    /// Where to put entity rows and results that --max-memory cannot hold (default: the system's folder of temporary files)
    #[arg(long, value_name = "FOLDER")]
    spill_dir: Option<PathBuf>,
    /// `created`: a row counts only if it was created by the entity row's time; `none`: the event time alone counts, as in Feast. Without it, each source's tag
    /// `known_at` says, and `none` if it has no such tag
    #[arg(long, value_enum)]
    known_at: Option<Known>,
    /// What rows are made with --end-date instead of entity rows
    #[arg(long, value_enum, default_value_t = Made::Snapshot, conflicts_with_all = ["entity_df", "dataframe", "entity_sql"])]
    spine: Made,
    /// First instant of --spine changes. With a snapshot it is accepted for Feast's sake: the lower bound is each view's ttl
    #[arg(short = 's', long, visible_alias = "start", value_name = "TIME", conflicts_with_all = ["entity_df", "dataframe"])]
    start_date: Option<String>,
    /// Instead of entity rows: the time of a snapshot, or the last instant of --spine changes (default with --start-date: now)
    #[arg(short = 'e', long, visible_alias = "end", value_name = "TIME", conflicts_with_all = ["entity_df", "dataframe"])]
    end_date: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Fail
    Create,
    /// Add the rows to those that are there
    Append,
    /// Put the rows in the place of those that are there, and the columns if they differ
    Overwrite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Known {
    Created,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Made {
    /// One row for each entity that has a valid row at --end-date, at that time
    Snapshot,
    /// One row for each distinct pair of an entity and an event timestamp among the views' rows from --start-date to --end-date
    Changes,
}

impl Historical {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let began = Instant::now();
        match self.memory()? {
            Some(_) => memory::give_back(),
            None => memory::keep(),
        }
        let store = app.store().await?;
        let mut context = app.context();
        let bars = Bars::new();
        context.progress = bars.progress();
        let outcome = self.answer(app, &store, &context, &bars, began).await;
        match outcome {
            Err(_) if context.cancel.is_cancelled() => {
                bars.clear();
                output::note("interrupted: nothing was written");
                Err(Failure::Told(INTERRUPTED))
            }
            outcome => outcome.map(|()| ExitCode::SUCCESS).map_err(Failure::from),
        }
    }

    async fn answer(
        &self,
        app: &App,
        store: &FeatureStore,
        context: &RequestContext,
        bars: &Bars,
        began: Instant,
    ) -> Result<()> {
        let room = Room { memory: self.memory()?, folder: self.spill_dir.clone() };
        let origin = self.origin()?;
        let query = self.query(store, &origin, &room, context).await?;
        let pinned = entity::made(store.pinned(query).await?, &room).await?;
        let (job, recorder) = pinned.job().await?;
        if self.explain {
            report::explain(app, &job.explain().await?);
            return Ok(());
        }
        let out = self.destination(store).await?;
        let target = Target { out, origin, room, context: context.clone() };
        let found = build(job, recorder, target).await?;
        bars.clear();
        if found.manifest.is_some() {
            for change in pinned.changes().await {
                output::warning(&format!(
                    "{}: while it was read its source changed: {}; a replay may find other values",
                    change.view, change.what
                ));
            }
        }
        self.show(app, &found, began.elapsed());
        Ok(())
    }

    /// Where the training set goes.
    async fn destination(&self, store: &FeatureStore) -> Result<Destination> {
        let Some(out) = &self.out else { return Ok(Destination::Nowhere) };
        let Some(table) = out.to_str().and_then(|out| out.strip_prefix(TABLE)) else {
            return match self.mode {
                None => Ok(Destination::File(out.clone())),
                Some(_) => Err(Error::invalid("a file is always replaced")
                    .with("field", "--mode")
                    .with("expected", "--out delta:PATH")),
            };
        };
        let mode = match self.mode.unwrap_or(Mode::Create) {
            Mode::Create => SaveMode::Create,
            Mode::Append => SaveMode::Append,
            Mode::Overwrite => SaveMode::Overwrite,
        };
        let path = entity::absolute(Path::new(table))?;
        let target = Box::new(store.delta_table(&path, mode).await?);
        Ok(Destination::Table { target, path })
    }

    async fn query(
        &self,
        store: &FeatureStore,
        origin: &EntityOrigin,
        room: &Room,
        context: &RequestContext,
    ) -> Result<HistoricalQuery> {
        let features = match &self.feature_service {
            Some(name) => Features::Service(name.clone()),
            None => Features::List(self.features.clone()),
        };
        let known_at = self.known_at.map(|known| match known {
            Known::Created => KnownAt::Created,
            Known::None => KnownAt::Event,
        });
        Ok(HistoricalQuery {
            spine: entity::rows(origin, room, store, context).await?,
            features,
            full_feature_names: self.full_feature_names,
            known_at,
            max_memory: room.memory,
            spill_folder: room.folder.clone(),
            context: context.clone(),
        })
    }

    fn memory(&self) -> Result<Option<u64>> {
        self.max_memory.as_deref().map(parse_size).transpose()
    }

    /// Where the entity rows come from.
    fn origin(&self) -> Result<EntityOrigin> {
        if let Some(file) = &self.entity_df {
            return entity::file_origin(file);
        }
        if let Some(json) = &self.dataframe {
            return Ok(EntityOrigin::Inline { json: json.clone() });
        }
        if let Some(sql) = &self.entity_sql {
            return Ok(EntityOrigin::Query { sql: sql.clone() });
        }
        let instant = |text: &Option<String>, field| {
            text.as_deref().map(Timestamp::parse).transpose().map_err(|e: Error| e.with("field", field))
        };
        let start = instant(&self.start_date, "--start-date")?.map(|start| start.to_string());
        let end = instant(&self.end_date, "--end-date")?.unwrap_or_else(Timestamp::now).to_string();
        match (self.spine, start) {
            (Made::Snapshot, start) => Ok(EntityOrigin::Snapshot { start, end }),
            (Made::Changes, Some(start)) => Ok(EntityOrigin::Changes { start, end }),
            (Made::Changes, None) => {
                Err(Error::invalid("changes need a first instant").with("expected", "--start-date TIME"))
            }
        }
    }

    fn show(&self, app: &App, found: &Found, elapsed: Duration) {
        if app.json() {
            output::json(&report::to_json(found, elapsed, self.out.as_deref()));
        } else {
            report::print(found, elapsed, self.out.as_deref());
        }
    }
}

/// `2GB`, `1.5 GB`, `500 MiB`, `1000000` as bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit: Option<u64> = match text[split..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" => Some(1_000),
        "m" | "mb" => Some(1_000_000),
        "g" | "gb" => Some(1_000_000_000),
        "t" | "tb" => Some(1_000_000_000_000),
        "kib" => Some(1 << 10),
        "mib" => Some(1 << 20),
        "gib" => Some(1 << 30),
        "tib" => Some(1 << 40),
        _ => None,
    };
    let number = text[..split].parse::<f64>().ok();
    let bytes = number.zip(unit).map(|(number, unit)| number * unit as f64);
    // A float that large would be cut off silently.
    bytes.filter(|bytes| *bytes < u64::MAX as f64).map(|bytes| bytes as u64).ok_or_else(|| {
        Error::invalid("not a size")
            .with("field", "--max-memory")
            .with("value", text)
            .with("expected", "a number and a unit, such as 2GB or 500MiB")
    })
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("2GB").unwrap(), 2_000_000_000);
        assert_eq!(parse_size(" 512 MiB ").unwrap(), 512 << 20);
        assert_eq!(parse_size("7").unwrap(), 7);
        assert_eq!(parse_size("1.5GB").unwrap(), 1_500_000_000);
        assert!(parse_size("lots").unwrap_err().to_string().contains("expected"));
        for wrong in ["99999999999999GB", "-1GB", "1.2.3GB", "GB", ""] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
