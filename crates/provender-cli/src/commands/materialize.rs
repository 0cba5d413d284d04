//! `materialize` and `materialize-incremental`.

use super::Outcome;
use crate::app::App;
use crate::output::{self, Failure};
use crate::progress::Bars;
use crate::signal::INTERRUPTED;
use clap::Args;
use provender::engine::{MaterializeReport, MaterializeRequest, MaterializedView, Window};
use provender::{Error, Timestamp};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provender -c shop materialize 2026-01-01 2026-02-01T12:00:00 --views driver_stats"
)]
pub(crate) struct Materialize {
    /// First instant, inclusive: ISO 8601, UTC without a zone
    #[arg(required_unless_present = "disable_event_timestamp")]
    start: Option<String>,
    /// Last instant, inclusive
    #[arg(required_unless_present = "disable_event_timestamp")]
    end: Option<String>,
    /// Feature views (default: all that are served online); repeat for more
    #[arg(short = 'v', long)]
    views: Vec<String>,
    /// Load all rows up to now, whatever their event time, and store the time of this run as their event time
    #[arg(long)]
    disable_event_timestamp: bool,
}

impl Materialize {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let instant = |text: &Option<String>| text.as_deref().map(Timestamp::parse).transpose();
        let window = match (instant(&self.start)?, instant(&self.end)?) {
            (Some(start), Some(end)) => Window::Between { start, end },
            (start, _) => Window::Between { start: start.unwrap_or_default(), end: Timestamp::now() },
        };
        run(app, window, &self.views, self.disable_event_timestamp).await
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop materialize-incremental $(date -u +%Y-%m-%dT%H:%M:%S)")]
pub(crate) struct Incremental {
    /// Last instant, inclusive: ISO 8601, UTC without a zone
    end: String,
    /// Feature views (default: all that are served online); repeat for more
    #[arg(short = 'v', long)]
    views: Vec<String>,
}

impl Incremental {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        run(app, Window::Since { end: Timestamp::parse(&self.end)? }, &self.views, false).await
    }
}

async fn run(app: &App, window: Window, views: &[String], disable_event_timestamp: bool) -> Outcome {
    let store = app.store().await?;
    let bars = Bars::new();
    let mut context = app.context();
    context.progress = bars.progress();
    let views = (!views.is_empty()).then(|| views.to_vec());
    let report =
        store.materialize(MaterializeRequest { window, views, disable_event_timestamp, context }).await;
    bars.clear();
    finish(app, &report?)
}

fn finish(app: &App, report: &MaterializeReport) -> Outcome {
    if app.json() {
        output::json(&to_json(report));
    } else {
        let rows: Vec<_> = report.views.iter().map(row).collect();
        output::table(
            &["view", "from", "to", "rows", "older", "null keys", "seconds", "result"],
            &rows,
            &[3, 4, 5, 6],
        );
    }
    report.views.iter().filter_map(|v| v.error.as_ref()).for_each(output::problem);
    match report.error() {
        _ if report.interrupted => {
            output::note(
                "interrupted: finished views are recorded, the view in progress is not; run it again",
            );
            Err(Failure::Told(INTERRUPTED))
        }
        Some(error) => Err(Failure::Told(error.kind().exit_code())),
        None if report.views.is_empty() => {
            output::note("nothing to do: no enabled feature view is served online");
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

fn row(view: &MaterializedView) -> Vec<String> {
    vec![
        view.view.clone(),
        view.start.to_string(),
        view.end.to_string(),
        output::count(view.rows.written),
        output::count(view.rows.stale),
        output::count(view.null_keys),
        format!("{:.1}", view.elapsed.as_secs_f64()),
        match &view.error {
            Some(_) => "failed",
            // An earlier run went further.
            None if view.start > view.end => "up to date",
            None => "ok",
        }
        .to_owned(),
    ]
}

fn to_json(report: &MaterializeReport) -> serde_json::Value {
    let view = |v: &MaterializedView| {
        json!({
            "view": v.view, "start": v.start.to_string(), "end": v.end.to_string(), "written": v.rows.written, "stale": v.rows.stale,
            "null_keys": v.null_keys, "seconds": v.elapsed.as_secs_f64(), "error": v.error.as_ref().map(Error::report),
        })
    };
    json!({ "interrupted": report.interrupted, "views": report.views.iter().map(view).collect::<Vec<_>>() })
}
