//! `version` and `completions`.

use super::Outcome;
use crate::app::App;
use crate::args::Cli;
use crate::output;
use clap::{Args, CommandFactory};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender version --output json")]
pub(crate) struct Version {}

impl Version {
    pub(crate) fn run(&self, app: &App) -> Outcome {
        let version = env!("CARGO_PKG_VERSION");
        if app.json() {
            output::json(&serde_json::json!({ "version": version }));
        } else {
            output::line(&format!("provender {version}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provender completions bash > ~/.local/share/bash-completion/completions/provender"
)]
pub(crate) struct Completions {
    /// bash, elvish, fish, powershell or zsh
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "provender", &mut script);
        output::raw(&script);
        Ok(ExitCode::SUCCESS)
    }
}
