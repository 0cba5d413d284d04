//! `get-historical-features`.

mod preview;
mod report;

use super::Outcome;
use crate::app::App;
use crate::memory;
use crate::output::{self, Failure};
use crate::progress::Bars;
use crate::signal::INTERRUPTED;
use crate::tables;
use clap::{Args, ValueEnum};
use futures::StreamExt;
use preview::Summary;
use provender::engine::{Features, HistoricalQuery, Query, Spines, TrainingAudit, TrainingJob};
use provender::offline::{JoinReport, KnownAt};
use provender::{Error, FeatureStore, RequestContext, Result, Timestamp, frame};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The part of --max-memory that entity rows may fill before they go to disk: one in so many.
const ENTITY_SHARE: u64 = 8;
/// The part of --max-memory that the file being written may fill.
const FILE_SHARE: u64 = 8;

const EXAMPLES: &str = "\
Examples:
  provender -c shop get-historical-features --entity-df orders.parquet --feature-service model_v1 --out training.parquet
  provender -c shop get-historical-features -d '[{\"driver_id\": 1001, \"event_timestamp\": \"2026-01-01T12:00:00\"}]' -f driver_stats:conv_rate
  provender -c shop get-historical-features --end-date 2026-01-31 -f driver_stats:conv_rate      (one row an entity, as of that time)";

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
    /// Where to write: .parquet, .csv or .jsonl. Without it, a few rows are shown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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
    /// With --end-date instead of entity rows. Accepted for Feast's sake: the answer is the snapshot at --end-date, whose lower bound is each view's ttl
    #[arg(short = 's', long, value_name = "TIME", conflicts_with_all = ["entity_df", "dataframe"])]
    start_date: Option<String>,
    /// Instead of entity rows: one row for each entity that has a valid row at this time (default with --start-date: now)
    #[arg(short = 'e', long, value_name = "TIME", conflicts_with_all = ["entity_df", "dataframe"])]
    end_date: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Known {
    Created,
    None,
}

/// What is known of a training set that has been built.
struct Found {
    summary: Summary,
    report: JoinReport,
    audit: TrainingAudit,
}

impl Historical {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let began = Instant::now();
        if self.memory()?.is_some() {
            memory::give_back();
        }
        let store = app.store().await?;
        let mut context = app.context();
        let bars = Bars::new();
        context.progress = bars.progress();
        let outcome = match self.query(&store, context.clone()).await {
            Ok(query) => self.answer(app, &store, query, &bars, began).await,
            Err(error) => Err(error),
        };
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
        query: HistoricalQuery,
        bars: &Bars,
        began: Instant,
    ) -> Result<()> {
        let job = store.historical(query).await?;
        if self.explain {
            report::explain(app, &job.explain().await?);
            return Ok(());
        }
        let found = self.build(job).await?;
        bars.clear();
        self.show(app, &found, began.elapsed());
        Ok(())
    }

    async fn query(&self, store: &FeatureStore, context: RequestContext) -> Result<HistoricalQuery> {
        let features = match &self.feature_service {
            Some(name) => Features::Service(name.clone()),
            None => Features::List(self.features.clone()),
        };
        let known_at = self.known_at.map(|known| match known {
            Known::Created => KnownAt::Created,
            Known::None => KnownAt::Event,
        });
        let max_memory = self.memory()?;
        Ok(HistoricalQuery {
            spine: match &self.entity_sql {
                Some(sql) => self.rows_of(store, sql, &context).await?,
                None => self.spine(max_memory)?,
            },
            features,
            full_feature_names: self.full_feature_names,
            known_at,
            max_memory,
            spill_folder: self.spill_dir.clone(),
            context,
        })
    }

    fn memory(&self) -> Result<Option<u64>> {
        self.max_memory.as_deref().map(parse_size).transpose()
    }

    /// The rows of a query as entity rows.
    async fn rows_of(&self, store: &FeatureStore, sql: &str, context: &RequestContext) -> Result<Spines> {
        let max_memory = self.memory()?;
        let query = Query {
            sql: sql.to_owned(),
            max_memory,
            spill_folder: self.spill_dir.clone(),
            context: context.clone(),
        };
        let spine = provender::entity_sql(store, query, max_memory.map(|bytes| bytes / ENTITY_SHARE)).await;
        spine
            .map(|spine| Spines::Frame(Arc::new(spine)))
            .map_err(|error| if error.get("field").is_some() { error } else { error.with("field", "--entity-sql") })
    }

    fn spine(&self, max_memory: Option<u64>) -> Result<Spines> {
        if let Some(file) = &self.entity_df {
            let named = |e: Error| if e.get("file").is_some() { e } else { e.with("file", file.display()) };
            let held = max_memory.map(|bytes| bytes / ENTITY_SHARE);
            let spine = frame::entity_rows(frame::open(file)?, held, self.spill_dir.as_deref());
            return spine.map(|spine| Spines::Frame(Arc::new(spine))).map_err(named);
        }
        if let Some(json) = &self.dataframe {
            let spine = frame::read_json(json.as_bytes()).and_then(tables::spine);
            return spine.map(Spines::Frame).map_err(|e| e.with("field", "--dataframe"));
        }
        let instant = |text: &Option<String>, field| {
            text.as_deref().map(Timestamp::parse).transpose().map_err(|e: Error| e.with("field", field))
        };
        Ok(Spines::Snapshot {
            start: instant(&self.start_date, "--start-date")?,
            end: instant(&self.end_date, "--end-date")?.unwrap_or_else(Timestamp::now),
        })
    }

    /// Runs the join, writes the rows if asked to, and keeps what the summary shows.
    async fn build(&self, job: TrainingJob) -> Result<Found> {
        let set = job.run().await?;
        let (schema, out) = (set.schema.clone(), self.out.clone());
        let memory = self.memory()?.map(|bytes| bytes / FILE_SHARE);
        let options = frame::WriteOptions { memory, ..frame::WriteOptions::default() };
        // Rows are taken from the stream on a thread of their own, so that writing a file never holds up the join.
        let (mut sender, receiver) = futures::channel::mpsc::channel(2);
        let writer = tokio::task::spawn_blocking(move || {
            let mut summary = Summary::new(&schema);
            let mut batches = futures::executor::block_on_stream(receiver).inspect(|batch| {
                if let Ok(batch) = batch {
                    summary.add(batch);
                }
            });
            match &out {
                Some(path) => frame::write_with(path, &schema, batches, &options).map(drop)?,
                None => batches.try_for_each(|batch| batch.map(drop))?,
            }
            Ok::<_, Error>(summary)
        });
        let mut batches = set.batches;
        while let Some(batch) = batches.next().await {
            // A writer that stopped early says why below.
            if futures::SinkExt::send(&mut sender, batch).await.is_err() {
                break;
            }
        }
        drop(sender);
        let summary = writer.await.map_err(|e| Error::internal("the writer stopped").because(e))??;
        Ok(Found { summary, report: set.report, audit: set.audit })
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
fn parse_size(text: &str) -> Result<u64> {
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
