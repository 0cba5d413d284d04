//! `push` and `write-to-online-store`.

use super::Outcome;
use crate::app::App;
use crate::output::{self, count, plural};
use arrow_array::RecordBatch;
use clap::{Args, ValueEnum};
use provender::engine::{PushReport, PushTarget};
use provender::{Error, Result, frame};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provender -c shop push driver_stats_push rows.csv --to online_and_offline"
)]
pub(crate) struct Push {
    /// Name of the push source
    source: String,
    /// Rows: a .parquet, .csv, .json or .jsonl file with join keys, features and the source's time columns
    file: PathBuf,
    /// Where the rows go
    #[arg(long, value_enum, default_value_t = To::Online)]
    to: To,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum To {
    Online,
    Offline,
    OnlineAndOffline,
}

impl Push {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let to = match self.to {
            To::Online => PushTarget::Online,
            To::Offline => PushTarget::Offline,
            To::OnlineAndOffline => PushTarget::OnlineAndOffline,
        };
        let report = store.push(&self.source, rows(&self.file)?, to, app.context()).await?;
        show(app, &report);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop write-to-online-store driver_stats rows.parquet")]
pub(crate) struct Write {
    /// Name of the feature view
    view: String,
    /// Rows: a .parquet, .csv, .json or .jsonl file with join keys, features and the source's time columns
    file: PathBuf,
}

impl Write {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let report = store.write_to_online_store(&self.view, rows(&self.file)?, app.context()).await?;
        show(app, &report);
        Ok(ExitCode::SUCCESS)
    }
}

fn rows(file: &Path) -> Result<RecordBatch> {
    let frame = frame::read(file)?;
    if frame.batches.iter().all(|b| b.num_rows() == 0) {
        return Err(Error::invalid("there are no rows").with("file", file.display()));
    }
    frame.into_batch()
}

fn show(app: &App, report: &PushReport) {
    if app.json() {
        output::json(&json!({
            "online": { "written": report.online.written, "stale": report.online.stale },
            "offline": report.offline,
            "null_keys": report.null_keys,
        }));
        return;
    }
    let mut parts = Vec::new();
    if report.online.written + report.online.stale > 0 || report.offline == 0 {
        parts.push(format!(
            "{} online ({} older than what is there)",
            plural(report.online.written, "row"),
            count(report.online.stale)
        ));
    }
    if report.offline > 0 {
        parts.push(format!("{} offline", plural(report.offline, "row")));
    }
    if report.null_keys > 0 {
        parts.push(format!("{} without a join key left out", plural(report.null_keys, "row")));
    }
    output::line(&parts.join(", "));
}
