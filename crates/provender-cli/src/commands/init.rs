//! `init`: a new feature repository from a template.

mod sample;

use super::Outcome;
use crate::app::App;
use crate::output;
use clap::{Args, ValueEnum};
use provender::{Error, Kind, Result};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provender init shop --template local\n  provender init --minimal shop")]
pub(crate) struct Init {
    /// Name of the project and of its folder: letters, digits and _, not beginning with _
    name: String,
    /// What to begin with
    #[arg(short, long, value_enum, default_value_t = Template::Local)]
    template: Template,
    /// Only the configuration
    #[arg(short, long, conflicts_with = "template")]
    minimal: bool,
    /// Folder to make the repository in (default: a new one named after the project)
    #[arg(long, value_name = "FOLDER")]
    repo_path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    /// Drivers of a delivery fleet, generated data
    Local,
    /// Every flight from New York in 2013, real data
    Flights,
}

const CONFIGURATION: &str = "feature_store.yaml";
const LOCAL_CONFIGURATION: &str = include_str!("../../templates/local/feature_store.yaml");

/// Files of the local template; `{project}` is the project's name.
const LOCAL: &[(&str, &str)] = &[
    ("features/drivers.yaml", include_str!("../../templates/local/features/drivers.yaml")),
    ("README.md", include_str!("../../templates/local/README.md")),
];

macro_rules! flights {
    ($($path:literal)*) => { &[$(($path, include_bytes!(concat!("../../../../examples/flights/", $path)))),*] };
}

/// Files of the flights example, as they are.
const FLIGHTS: &[(&str, &[u8])] = flights! {
    "README.md"
    "data/carrier_stats_daily.parquet" "data/flights.parquet" "data/route_stats_daily.parquet" "data/weather.parquet"
    "features/carrier_stats.yaml" "features/delay_model.yaml" "features/entities.yaml" "features/route_stats.yaml" "features/weather.yaml"
};
const FLIGHTS_CONFIGURATION: &str = include_str!("../../../../examples/flights/feature_store.yaml");

impl Init {
    pub(crate) fn run(&self, app: &App) -> Outcome {
        check_name(&self.name)?;
        let folder = app.repo_dir().join(self.repo_path.clone().unwrap_or_else(|| PathBuf::from(&self.name)));
        if folder.join(CONFIGURATION).exists() {
            return Err(Error::new(Kind::AlreadyExists, "there is a feature repository already")
                .with("path", folder.display())
                .into());
        }
        let configuration = match self.template {
            Template::Flights if !self.minimal => {
                FLIGHTS_CONFIGURATION.replacen("project: flights", &format!("project: {}", self.name), 1)
            }
            _ => LOCAL_CONFIGURATION.replace("{project}", &self.name),
        };
        if !self.minimal {
            match self.template {
                Template::Local => self.local(&folder)?,
                Template::Flights => {
                    FLIGHTS.iter().try_for_each(|(path, bytes)| write(&folder.join(path), bytes))?
                }
            }
        }
        // Last: an interrupted init leaves no folder that looks like a repository.
        write(&folder.join(CONFIGURATION), configuration.as_bytes())?;
        output::line(&format!("Feature repository {} in {}", self.name, folder.display()));
        output::note(&format!("next: provender -c {} apply", folder.display()));
        Ok(ExitCode::SUCCESS)
    }

    fn local(&self, folder: &Path) -> Result<()> {
        for (path, text) in LOCAL {
            write(&folder.join(path), text.replace("{project}", &self.name).as_bytes())?;
        }
        sample::write(&folder.join("data"))
    }
}

/// The rule of the configuration, said before anything is written.
fn check_name(name: &str) -> Result<()> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(word) && !name.starts_with('_') {
        return Ok(());
    }
    Err(Error::invalid("not a project name")
        .with("name", name)
        .with("expected", "letters, digits and _, not beginning with _"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(e, "make the folder", folder))?;
    }
    std::fs::write(path, bytes).map_err(|e| Error::io(e, "write", path))
}
