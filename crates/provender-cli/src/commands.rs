//! One file a command.

pub(crate) mod apply;
pub(crate) mod dump;
pub(crate) mod historical;
pub(crate) mod init;
pub(crate) mod listen;
pub(crate) mod maintenance;
pub(crate) mod materialize;
pub(crate) mod objects;
pub(crate) mod online;
pub(crate) mod push;
pub(crate) mod remove;
pub(crate) mod replay;
pub(crate) mod serve;
pub(crate) mod version;

use crate::app::App;
use crate::args::{Cli, Command};
use crate::output::Failure;
use provender::model::ObjectKind;
use provender::{Error, Providers};
use std::process::ExitCode;

pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Runs the command that was typed.
pub(crate) fn dispatch(cli: Cli, providers: Providers) -> Outcome {
    let app = App::new(cli.globals, providers);
    match cli.command {
        Command::Version(args) => args.run(&app),
        Command::Completions(args) => args.run(),
        Command::Init(args) => args.run(&app),
        Command::Configuration(args) => args.run(&app),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(std::thread::available_parallelism().map_or(2, usize::from))
                .enable_all()
                .build()
                .map_err(|e| Error::unavailable("cannot start threads").because(e))?;
            let outcome = runtime.block_on(run(command, &app));
            // What still blocks after an interrupt must not keep the process.
            runtime.shutdown_background();
            outcome
        }
    }
}

async fn run(command: Command, app: &App) -> Outcome {
    match command {
        Command::Plan(args) => args.run(app).await,
        Command::Apply(args) => args.run(app).await,
        Command::Materialize(args) => args.run(app).await,
        Command::MaterializeIncremental(args) => args.run(app).await,
        Command::GetHistoricalFeatures(args) => args.run(app).await,
        Command::Replay(args) => args.run(app).await,
        Command::GetOnlineFeatures(args) => args.run(app).await,
        Command::Push(args) => args.run(app).await,
        Command::WriteToOnlineStore(args) => args.run(app).await,
        Command::Gc(args) => args.run(app).await,
        Command::MigrateLayout(args) => args.run(app).await,
        Command::Serve(args) => args.run(app).await,
        Command::Listen(args) => args.run(app).await,
        Command::Teardown(args) => args.run(app).await,
        Command::Delete(args) => args.run(app).await,
        Command::RegistryDump(args) => args.run(app).await,
        Command::Entities(args) => args.run(app, ObjectKind::Entity).await,
        Command::DataSources(args) => args.run(app, ObjectKind::DataSource).await,
        Command::FeatureViews(args) => args.run(app, ObjectKind::FeatureView).await,
        Command::FeatureServices(args) => args.run(app, ObjectKind::FeatureService).await,
        Command::OnDemandFeatureViews(args) => args.run(app, ObjectKind::OnDemandFeatureView).await,
        Command::StreamFeatureViews(args) => args.run(app, ObjectKind::StreamFeatureView).await,
        Command::SavedDatasets(args) => args.run(app, ObjectKind::SavedDataset).await,
        Command::Permissions(args) => args.run(app, ObjectKind::Permission).await,
        Command::Projects(args) => args.run(app, ObjectKind::Project).await,
        Command::Features(args) => args.features(app).await,
        Command::Version(args) => args.run(app),
        Command::Completions(args) => args.run(),
        Command::Init(args) => args.run(app),
        Command::Configuration(args) => args.run(app),
    }
}
