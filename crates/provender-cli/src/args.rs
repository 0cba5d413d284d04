//! What can be typed: Feast's commands and flags, and ours.

use crate::commands;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLE: &str = "Start here:\n  provender init shop --template local\n  provender -c shop apply\n  provender -c shop feature-views list";

/// A feature store for production machine learning; takes the place of Feast.
#[derive(Debug, Parser)]
#[command(name = "provender", version, about = "A feature store for production machine learning; takes the place of Feast", after_help = EXAMPLE, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// Folder of the feature repository (default: the current folder)
    #[arg(short = 'c', long, global = true, env = "FEATURE_REPO_DIR_ENV_VAR", value_name = "REPO")]
    pub(crate) chdir: Option<PathBuf>,
    /// Configuration file (default: feature_store.yaml in the repository's folder); goes before the command
    #[arg(short = 'f', long = "feature-store-yaml", env = "FEAST_FS_YAML_FILE_PATH", value_name = "FILE")]
    pub(crate) yaml: Option<PathBuf>,
    /// Form of results on stdout
    #[arg(long, global = true, value_enum, default_value_t = Form::Table)]
    pub(crate) output: Form,
    /// What to log to stderr
    #[arg(long, global = true, value_enum, ignore_case = true, default_value_t = LogLevel::Warning)]
    pub(crate) log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Table,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($args:ty);)*) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command { $($(#[$doc])* $name($args),)* }
    };
}

commands! {
    /// Make a new feature repository
    Init(commands::init::Init);
    /// Show what apply would change
    Plan(commands::apply::PlanArgs);
    /// Bring the registry and the online store in line with the repository
    Apply(commands::apply::ApplyArgs);
    /// Load a window of feature values into the online store
    Materialize(commands::materialize::Materialize);
    /// Load what is new since the last materialization into the online store
    MaterializeIncremental(commands::materialize::Incremental);
    /// Build a training set: entity rows joined with features as they were known at each row's time
    GetHistoricalFeatures(commands::historical::Historical);
    /// Build a training set again from its manifest and prove that it is the same, or name the first cell that differs
    Replay(commands::replay::Replay);
    /// Read the newest feature values of entities from the online store
    GetOnlineFeatures(commands::online::Online);
    /// Push rows through a push source
    Push(commands::push::Push);
    /// Write rows of one view to the online store
    WriteToOnlineStore(commands::push::Write);
    /// Remove rows from the online store that are older than the ttl of their view
    Gc(commands::maintenance::Gc);
    /// Change how the online store lays out its rows, while they are served
    MigrateLayout(commands::maintenance::MigrateLayout);
    /// Start the feature server
    Serve(commands::serve::Serve);
    /// Start the feature server at the address of gRPC
    Listen(commands::listen::Listen);
    /// Drop the project's online tables and remove it from the registry
    Teardown(commands::remove::Teardown);
    /// Delete one object by name
    Delete(commands::remove::Delete);
    /// Print the registry as JSON
    RegistryDump(commands::dump::RegistryDump);
    /// Print the configuration, defaults filled in and secrets hidden
    Configuration(commands::dump::Configuration);
    /// Print the version
    Version(commands::version::Version);
    /// Print a completion script for a shell
    Completions(commands::version::Completions);
    /// List or describe entities
    Entities(commands::objects::Objects);
    /// List or describe data sources
    DataSources(commands::objects::Objects);
    /// List or describe feature views
    FeatureViews(commands::objects::Objects);
    /// List or describe features
    Features(commands::objects::Objects);
    /// List or describe feature services
    FeatureServices(commands::objects::Objects);
    /// List or describe on-demand feature views
    OnDemandFeatureViews(commands::objects::Objects);
    /// List or describe stream feature views
    StreamFeatureViews(commands::objects::Objects);
    /// List or describe saved datasets
    SavedDatasets(commands::objects::Objects);
    /// List or describe permissions
    Permissions(commands::objects::Objects);
    /// List or describe projects
    Projects(commands::objects::Objects);
}

#[cfg(test)]
mod tests;
