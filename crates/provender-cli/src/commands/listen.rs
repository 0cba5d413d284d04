//! `listen`.

use super::{Outcome, serve};
use crate::app::App;
use clap::Args;
use provender::{Error, Result};
use provender_server::ServerConfig;
use std::thread::available_parallelism;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provender -c shop listen --address 127.0.0.1:50051\n  grpcurl -plaintext 127.0.0.1:50051 list\n  grpcurl -plaintext -d '{\"features\": {\"val\": [\"driver_stats:conv_rate\"]}, \"entities\": {\"driver_id\": {\"val\": [{\"int64_val\": 1001}]}}}' 127.0.0.1:50051 GrpcFeatureServer/GetOnlineFeatures"
)]
pub(crate) struct Listen {
    /// Address to listen on; port 0 takes a free one
    #[arg(short, long, default_value = "localhost:50051", value_name = "HOST:PORT")]
    address: String,
    /// Most threads that answer; never more than the machine has cores
    #[arg(short = 'w', long, alias = "max_workers", default_value_t = 10, value_name = "THREADS")]
    max_workers: usize,
    /// How often the registry is read again, in the background, in seconds; 0 never does
    #[arg(short, long, alias = "registry_ttl_sec", default_value_t = 5, value_name = "SECONDS")]
    registry_ttl_sec: u64,
}

impl Listen {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let (host, port) = parse(&self.address)?;
        let registry_ttl = Duration::from_secs(self.registry_ttl_sec);
        let cores = available_parallelism().map_or(1, usize::from);
        let workers = self.max_workers.clamp(1, cores);
        serve::start(app, ServerConfig { host, port, registry_ttl, workers, ..ServerConfig::default() }).await
    }
}

/// Host and port of `HOST:PORT`, where an address of IPv6 stands in brackets.
fn parse(address: &str) -> Result<(String, u16)> {
    let parsed = address.rsplit_once(':').and_then(|(host, port)| {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
    });
    parsed.ok_or_else(|| {
        Error::invalid("not an address to listen on")
            .with("field", "--address")
            .with("value", address)
            .with("expected", "HOST:PORT, such as 127.0.0.1:50051 or [::]:50051")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_and_ports() {
        assert_eq!(parse("localhost:50051").unwrap(), ("localhost".to_owned(), 50_051));
        assert_eq!(parse("[::]:0").unwrap(), ("::".to_owned(), 0));
        for address in ["", "localhost", ":50051", "localhost:", "localhost:70000", "unix:/tmp/socket"] {
            let error = parse(address).unwrap_err();
            assert_eq!(error.get("field"), Some("--address"), "{address}");
        }
    }
}
