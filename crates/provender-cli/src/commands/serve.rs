//! `serve`.

use super::Outcome;
use crate::app::App;
#[cfg(feature = "otlp")]
use crate::otlp::Otlp;
use crate::{output, signal};
use clap::Args;
use provender_server::{Server, ServerConfig};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provender -c shop serve --host 0.0.0.0 --port 6566\n  curl -s http://127.0.0.1:6566/get-online-features -d '{\"features\": [\"driver_stats:conv_rate\"], \"entities\": {\"driver_id\": [1001]}}'"
)]
pub(crate) struct Serve {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, default_value_t = 6566)]
    port: u16,
    /// How often the registry is read again, in the background, in seconds; 0 never does
    #[arg(short, long, alias = "registry_ttl_sec", default_value_t = 60, value_name = "SECONDS")]
    registry_ttl_sec: u64,
    /// Threads that serve connections; -1 or 0 for one a core
    #[arg(short, long, default_value_t = -1, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-1..=1024), value_name = "THREADS")]
    workers: i32,
    /// Do not log requests (they are logged at --log-level info)
    #[arg(long)]
    no_access_log: bool,
    /// Largest request body, in bytes
    #[arg(long, default_value_t = at_least_one(ServerConfig::default().limits.body), value_name = "BYTES")]
    max_body: NonZeroUsize,
    /// Most entity rows in a request
    #[arg(long, default_value_t = at_least_one(ServerConfig::default().limits.rows), value_name = "ROWS")]
    max_rows: NonZeroUsize,
    /// Most requests at once; more are answered 503
    #[arg(long, default_value_t = at_least_one(ServerConfig::default().limits.in_flight), value_name = "REQUESTS")]
    max_in_flight: NonZeroUsize,
    /// Most reads of the online store at once; more wait for a moment, then are answered 503
    #[arg(long, default_value_t = at_least_one(ServerConfig::default().limits.store_reads), value_name = "READS")]
    max_store_reads: NonZeroUsize,
    /// How long a request may take, in seconds; a client may ask for less by the header x-request-timeout-ms
    #[arg(long, default_value_t = ServerConfig::default().limits.answer.as_secs(), value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    request_timeout: u64,
}

/// A limit that lets something through.
fn at_least_one(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN)
}

impl Serve {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let mut config = ServerConfig { host: self.host.clone(), port: self.port, ..ServerConfig::default() };
        config.registry_ttl = Duration::from_secs(self.registry_ttl_sec);
        // 0 and -1 both stand for one a core
        config.workers = usize::try_from(self.workers).unwrap_or_default();
        config.access_log = !self.no_access_log;
        config.limits.body = self.max_body.get();
        config.limits.rows = self.max_rows.get();
        config.limits.in_flight = self.max_in_flight.get();
        config.limits.store_reads = self.max_store_reads.get();
        config.limits.answer = Duration::from_secs(self.request_timeout);
        start(app, config).await
    }
}

/// Serves until a signal asks to stop.
pub(super) async fn start(app: &App, config: ServerConfig) -> Outcome {
    let store = Arc::new(app.store().await?);
    let project = store.project().to_owned();
    #[cfg(feature = "otlp")]
    let (config, traces) = Otlp::trace(config)?;
    let server = Server::bind(store, config).await?;
    output::note(&format!(
        "serving project {project} with HTTP and gRPC on http://{} (Ctrl-C stops)",
        server.address()
    ));
    server.run(signal::stop_requested()).await;
    #[cfg(feature = "otlp")]
    if let Some(traces) = traces {
        // blocks until the collector has the last of them, or does not answer
        let _ = tokio::task::spawn_blocking(move || traces.finish()).await;
    }
    output::note("stopped");
    Ok(ExitCode::SUCCESS)
}
