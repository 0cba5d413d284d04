//! `teardown` and `delete`.

use super::Outcome;
use crate::app::App;
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop teardown")]
pub(crate) struct Teardown {}

impl Teardown {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let plan = app.store().await?.teardown().await?;
        super::apply::show(app, &plan, true);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop delete driver_stats")]
pub(crate) struct Delete {
    /// Name of an entity, view, service, source or data set; the first in that order
    name: String,
}

impl Delete {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let plan = app.store().await?.delete(&self.name).await?;
        super::apply::show(app, &plan, true);
        Ok(ExitCode::SUCCESS)
    }
}
