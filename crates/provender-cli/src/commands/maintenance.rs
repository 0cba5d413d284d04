//! `gc` and `migrate-layout`.

use super::Outcome;
use crate::app::App;
use crate::output;
use crate::progress::Bars;
use clap::{Args, ValueEnum};
use provender::engine::{MaintainReport, PurgeRequest};
use serde_json::json;
use std::num::NonZeroU32;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provender -c shop gc --dry-run\n  provender -c shop gc --views driver_stats --rate 20000"
)]
pub(crate) struct Gc {
    /// Feature views (default: all that are served online and have a ttl); repeat for more
    #[arg(short = 'v', long)]
    views: Vec<String>,
    /// Count what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// The most keys of the store to look at in a second
    #[arg(long, value_name = "KEYS_PER_SECOND")]
    rate: Option<NonZeroU32>,
}

impl Gc {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let bars = Bars::new();
        let mut context = app.context();
        context.progress = bars.progress();
        let views = (!self.views.is_empty()).then(|| self.views.clone());
        let request = PurgeRequest { views, dry_run: self.dry_run, rate: self.rate, context };
        let report = store.purge_online(request).await;
        bars.clear();
        show(app, &report?, if self.dry_run { "expired" } else { "removed" });
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop migrate-layout --to packed")]
pub(crate) struct MigrateLayout {
    /// The layout that all rows are brought into; change `layout:` in feature_store.yaml when it is done
    #[arg(long, value_enum)]
    to: To,
    /// The most keys of the store to look at in a second
    #[arg(long, value_name = "KEYS_PER_SECOND")]
    rate: Option<NonZeroU32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// One field a view: smaller and faster; Feast cannot read it
    Packed,
    /// Feast's own
    Feast,
}

impl MigrateLayout {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let bars = Bars::new();
        let mut context = app.context();
        context.progress = bars.progress();
        let to = match self.to {
            To::Packed => "packed",
            To::Feast => "feast",
        };
        let report = store.migrate_online_layout(to, self.rate, context).await;
        bars.clear();
        show(app, &report?, "converted");
        Ok(ExitCode::SUCCESS)
    }
}

/// `done` says what has become of the rows.
fn show(app: &App, report: &MaintainReport, done: &str) {
    if app.json() {
        let view = |(view, rows): &(String, u64)| json!({ "view": view, done: rows });
        output::json(
            &json!({ "keys": report.keys, "views": report.views.iter().map(view).collect::<Vec<_>>() }),
        );
        return;
    }
    let row = |(view, rows): &(String, u64)| vec![view.clone(), output::count(*rows)];
    output::table(&["view", done], &report.views.iter().map(row).collect::<Vec<_>>(), &[1]);
    output::line(&format!("{} looked at", output::plural(report.keys, "key")));
}
